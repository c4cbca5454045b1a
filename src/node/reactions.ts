/**
 * Reactions: what follows when something happens in one part of a node, in the others. The one place where a part is
 * told of a part above it.
 *
 * A change of placement moves ownership. A node that comes within reach is exchanged with and gets its hints. And when
 * this tab has been asleep, it says that it is awake, and what it holds counts again when it has caught up with the
 * others.
 */
import { bounds } from '../core/bounds.ts'
import type { NodeId, PeerId } from '../core/ids.ts'
import type { Claim } from '../core/membership/claims.ts'
import type { NodeEvents } from './api/tabring-node.ts'
import { hintStep, messageStep } from './api/trace.ts'
import type { Parts } from './assembly.ts'
import { rememberMembers } from './membership/boot.ts'
import { membersOf } from './membership/members.ts'
import { failureOf } from './network/request-failure.ts'
import { handleRequest } from './request-handler.ts'
import { debounced } from './scheduling/timers.ts'

/** Ends the node at once; it comes back as another one. */
export type Lose = (reason: NodeEvents['data-loss']['reason']) => void

/** Connects the parts. Nothing happens before they are started. */
export function react(parts: Parts, lose: Lose): void {
  reactToPeers(parts, lose)
  reactToMembers(parts, lose)
  reactToStorage(parts, lose)
  traceSteps(parts)
  const { exchange, schedule, scrub, capacity, handoff, replica, trace } = parts
  replica.on.kept = (hints) => {
    handoff.kept([...hints.keys()])
    for (const [key, { targets }] of hints) trace.tell?.(hintStep('kept', targets, [{ key }]))
  }
  exchange.onDropped = () => capacity.madeRoom()
  scrub.onFound = (partition) => schedule.restore(partition)
  reactToViews(parts)
}

/** Views: what they follow, and what they are told. */
function reactToViews({ replica, routing, followers, views }: Parts): void {
  replica.on.taken = (keys) => followers.changed(keys)
  followers.onOwn = (entries) => views.told(entries, routing.self)
}

/** Connections: nodes met and lost, and what they send. */
function reactToPeers(parts: Parts, lose: Lose): void {
  const { peers, reachability, membership, links, guest, sleepDetector, joined, ownership, retention, schedule } = parts
  const { trouble } = parts.events
  const reachChanged = (node: NodeId) => {
    reachability.review(node)
    links.changed()
    parts.views.changed()
    membersChanged(parts)
  }
  peers.on.request = (from, request) => {
    sleepDetector.look()
    return handleRequest(parts, from, request)
  }
  parts.coordinator.onMissed = (owner, partition) => schedule.missed(owner, partition)
  parts.coordinator.onOwnRequest = (request) => handleRequest(parts, parts.routing.self, request)
  peers.on.swim = (from, message) => {
    sleepDetector.look()
    membership.received(from, message)
  }
  peers.on.met = (node, { retentionMs, held }) => {
    retention.heard(retentionMs)
    ownership.met(node, held)
    joined.met()
    // Lists are exchanged, whether it was believed awake or gone.
    void membership.pushPull(node).then(() => {
      guest.met()
      reachability.renew([node])
    })
    links.changed()
    parts.views.changed(node)
    membersChanged(parts)
  }
  peers.on.closed = (node, how) => {
    if (how === 'lost') membership.suspect(node)
    else links.parted(node)
    reachChanged(node)
  }
  peers.on.answering = reachChanged
  peers.on.viewSeen = (node, view) => {
    membership.seen(node, view)
    schedule.viewSeen(node)
  }
  peers.on.connectionFailed = (peer, reason) => {
    links.failed(peer)
    joined.connectionFailed(peer, reason)
  }
  peers.on.malformed = () => {
    trouble.malformed += 1
  }
  peers.on.unsent = () => {
    trouble.unsent += 1
  }
  peers.on.copied = (peer) => copied(parts, peer, lose)
  peers.on.refused = (peer, reason) => joined.refused(peer, reason)
  peers.on.signaling = (event) => joined.signaling(event)
  peers.on.admits = (channels) => links.admits(channels)
  peers.on.introduce = (to, body) => links.introduce(to, body)
  peers.on.notIntroduced = (to, body) => links.introduceAgain(to, body)
  reachability.onCame = (node) => came(parts, node)
}

/** Members: who is here, who owns what by that, and whether this tab has been asleep. */
function reactToMembers(parts: Parts, lose: Lose): void {
  const { ports, peers, lifetime, membership, routing, links, guest, sleepDetector, reachability } = parts
  const { ownership, trace } = parts
  const remember = () => rememberMembers(ports.store, routing.claims).catch(() => {})
  const rememberSoon = debounced(ports.clock, bounds.rememberMs, () => {
    if (lifetime.isOpen) void remember()
  })
  const tellClaims = claimsTold(parts)
  membership.onChanged = (claims) => {
    tellClaims(claims)
    routing.follow(membership.view, claims)
    links.changed()
    guest.changed()
    for (const { node, status } of claims) {
      // A word of its being alive comes when it has been doubted, or asleep: it may have missed something.
      if (status === 'alive' && node !== routing.self) reachability.renew([node])
      else reachability.review(node)
    }
    rememberSoon()
    if (membership.hasLeft && !lifetime.isClosing) void remember().then(() => lose('evicted'))
    membersChanged(parts)
  }
  membership.onWasOut = () => missedSomething(parts)
  membership.onCopied = (peer) => copied(parts, peer, lose)
  routing.onChanged = () => placementChanged(parts)
  guest.onStayed = () => void remember()
  sleepDetector.onWoke = () => woke(parts)
  ownership.isReachable = (node) => peers.isReachable(node)
  ownership.onInSync = (partitions) => {
    trace.tell?.({ type: 'ownership', step: 'in sync', partitions: [...partitions] })
    if (ownership.syncing.length === 0) membership.settle()
    parts.joined.review()
  }
}

/** The own store: what it holds, and how it takes in what it is given. */
function reactToStorage(parts: Parts, lose: Lose): void {
  const { replica, routing, membership, events, capacity, siblingCap, schedule } = parts
  replica.on.corrupt = () => events.emit('data-loss', { reason: 'corrupt', previousId: routing.self })
  replica.on.written = () => {
    // The others lack all that a node takes while it is alone.
    if (routing.others.length === 0) membership.settle()
  }
  replica.on.storageWas = (state) => capacity.storageWas(state)
  replica.on.crowded = (key, siblings) => void siblingCap.noticed(key, siblings)
  capacity.health.onSays = (state) => {
    membership.store(state)
    if (state === 'ok') schedule.recovered()
  }
  capacity.health.onGivenUp = () => lose('storage-failed')
}

/** Tells the trace of changed claims. It keeps the last status of each member. */
function claimsTold({ trace, membership }: Parts): (claims: readonly Claim[]) => void {
  const statuses = new Map(membership.claims.map(({ node, status }) => [node, status]))
  return (claims) => {
    for (const { node, status: to } of claims) {
      trace.tell?.({ type: 'member', node, from: statuses.get(node) ?? null, to })
      statuses.set(node, to)
    }
    if (statuses.size <= membership.view.size) return
    for (const node of statuses.keys()) if (!membership.view.has(node)) statuses.delete(node)
  }
}

/** The trace hears what happens in parts that tell it by events of their own. */
function traceSteps({ trace, peers, ownership, routing, replica }: Parts): void {
  peers.on.sent = (node, message, bytes, through) => trace.tell?.(messageStep('sent', node, through, message, bytes))
  peers.on.received = (node, message, bytes, through) =>
    trace.tell?.(messageStep('received', node, through, message, bytes))
  peers.on.unanswered = (node, { type: kind }, id, error) =>
    trace.tell?.({ type: 'message', step: 'unanswered', node, kind, id, why: failureOf(error) })
  ownership.onMoved = (partitions) => {
    if (trace.tell === undefined) return
    const owned = partitions.filter((partition) => routing.owns(partition))
    const ended = partitions.filter((partition) => !routing.owns(partition))
    if (owned.length > 0) trace.tell({ type: 'ownership', step: 'owned', partitions: owned })
    if (ended.length > 0) trace.tell({ type: 'ownership', step: 'ended', partitions: ended })
  }
  replica.on.dropped = (partitions) => {
    if (partitions.length > 0) trace.tell?.({ type: 'ownership', step: 'dropped', partitions })
  }
  replica.on.refused = (incoming) => trace.tell?.(hintStep('refused', [], incoming))
  replica.on.struckOff = (target, hints) => {
    if (trace.tell === undefined || hints.length === 0) return
    const struck = hints.map(([key]) => ({ key }))
    trace.tell(hintStep('struck off', [target], struck))
  }
  replica.on.checkpointed = (partitions) => trace.tell?.({ type: 'storage', step: 'checkpoint', partitions })
}

/** Meets the others, and follows the tab's life. */
export function open(parts: Parts): void {
  const { ports, peers, membership, lifetime, joined } = parts
  const { lifecycle, transport } = ports
  peers.start()
  lifecycle.onSleep(() => membership.sleep())
  lifecycle.onSuspend(() => {
    membership.sleep()
    peers.close()
  })
  lifecycle.onResume(() => {
    if (!lifetime.isOpen) return
    peers.start()
    woke(parts)
  })
  joined.begin(transport, peers, membership)
}

function membersChanged(parts: Parts): void {
  const { ownership, joined, events, lifetime } = parts
  ownership.review()
  joined.review()
  if (events.has('members')) events.emit('members', membersOf(parts, lifetime.state))
}

/** A node has come within reachability, and may have missed something, or this node may. */
function came({ reconciliations, handoff, schedule }: Parts, node: NodeId): void {
  reconciliations.parted(node)
  schedule.met(node)
  handoff.met(node)
  void handoff.deliverTo(node)
}

function placementChanged({ ownership, exchange, schedule, handoff, views }: Parts): void {
  ownership.follow()
  views.changed()
  exchange.follow()
  schedule.follow()
  // Hints for those who own nothing any more, or have left, are owed to others now.
  void handoff.sweep()
}

/**
 * The profile was copied, and another boot lives under this node's name: one of the two becomes another node. The one
 * that stays may lack what the other acknowledged in its name.
 */
function copied(parts: Parts, peer: PeerId, lose: Lose): void {
  if (parts.ports.transport.self < peer) lose('copied')
  else missedSomething(parts)
}

function woke(parts: Parts): void {
  const { lifetime, guest, membership, peers } = parts
  if (!lifetime.isOpen || lifetime.isClosing) return
  guest.begin()
  membership.wake()
  for (const node of peers.connected) void membership.pushPull(node)
  missedSomething(parts)
  membersChanged(parts)
}

/** The data here may be out of date: it counts again when it has been compared with the others. */
function missedSomething({ exchange, ownership, reachability, routing, views }: Parts): void {
  exchange.wasAway()
  views.woke()
  ownership.doubt()
  reachability.renew(routing.others)
}
