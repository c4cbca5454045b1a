/**
 * Exchange: two nodes compare the partitions they share, and bring each other in step (Dynamo, sections 4.7 and 4.9).
 *
 * They reconcile the shared partitions, and those of the other that are still here. If any key differs, each states its
 * terms before records move. Then each gives the records that the other lacks. At the end each confirms, flushed, the
 * partitions it holds, with its account of them. A former owner drops a partition once every owner holds or covers all
 * of it and no write came since. The schedule decides on peers and times (`exchange-schedule.ts`).
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { bounds } from '../../core/bounds.ts'
import { partitionOf } from '../../core/hash.ts'
import type { NodeId, Partition } from '../../core/ids.ts'
import { type Forest, partitionIn } from '../../core/merkle/forest.ts'
import { type Item, isSame } from '../../core/merkle/reconciliation.ts'
import { allPartitions } from '../../core/partitioning/all-partitions.ts'
import { dotName } from '../../core/versioning/causal-history.ts'
import { hybridZero } from '../../core/versioning/hybrid-time.ts'
import { emptyRecord } from '../../core/versioning/record.ts'
import type { Account, Reply, Request } from '../../core/wire/messages.ts'
import { versionOf } from '../../core/wire/record-codec.ts'
import type { TraceExchangeReason } from '../api/trace.ts'
import type { Forgetting } from '../forgetting/forgetting.ts'
import type { Membership } from '../membership/membership.ts'
import type { Peers } from '../network/peers.ts'
import { failureOf, RequestFailure } from '../network/request-failure.ts'
import type { Ownership } from '../ownership/ownership.ts'
import { type Begun, type Heard, nothingHeard, type Progress } from '../ownership/progress.ts'
import type { Routing } from '../ownership/routing.ts'
import { SingleFlight } from '../scheduling/single-flight.ts'
import type { Replica } from '../storage/replica.ts'
import type { ExchangeLog, Transfer } from './exchange-log.ts'
import { isEarlier, type Reconciliations, slicesOf } from './reconciliation.ts'
import { type Agreed, type RecordSync, stillOurs } from './record-sync.ts'

/** A reconciliation that another node has asked for, and the state here when it began. */
interface Answered {
  readonly session: number
  readonly epoch: number
  readonly begun: Begun
  /** The terms of the other side, heard before records moved. */
  readonly heard: Heard
  /** True once the other side has confirmed the partitions it holds. */
  readonly isOver: boolean
}

/** The version of a record without siblings. */
const namesOnly = versionOf(emptyRecord)

/** The direction in which records move: both, only to the other node, or only to this one. */
type Way = 'both ways' | 'away' | 'home'

const wayOf = (why: TraceExchangeReason): Way =>
  why === 'leaving' ? 'away' : why === 'catching up' ? 'home' : 'both ways'

export interface ExchangeParts {
  readonly peers: Peers
  readonly routing: Routing
  readonly membership: Pick<Membership, 'placesAlike'>
  readonly ownership: Ownership
  readonly progress: Progress
  readonly forgetting: Forgetting
  readonly replica: Replica
  readonly reconciliations: Reconciliations
  readonly recordSync: RecordSync
  readonly log: ExchangeLog
}

export class Exchange {
  /** Records of others were dropped here. */
  onDropped: () => void = () => {}
  readonly #peers: Peers
  readonly #routing: Routing
  readonly #membership: Pick<Membership, 'placesAlike'>
  readonly #ownership: Ownership
  readonly #progress: Progress
  readonly #forgetting: Forgetting
  readonly #replica: Replica
  readonly #reconciliations: Reconciliations
  readonly #recordSync: RecordSync
  readonly #log: ExchangeLog
  /** Each other node answers one reconciliation of ours at a time. */
  readonly #turns = new SingleFlight<Transfer>()
  /** By node: the state here when that node's last reconciliation began. */
  readonly #answered = new Map<NodeId, Answered>()
  /** Raised by every sleep and placement change. Results of an exchange that began in an older epoch are discarded. */
  #epoch = 0

  constructor(parts: ExchangeParts) {
    this.#peers = parts.peers
    this.#routing = parts.routing
    this.#membership = parts.membership
    this.#ownership = parts.ownership
    this.#progress = parts.progress
    this.#forgetting = parts.forgetting
    this.#replica = parts.replica
    this.#reconciliations = parts.reconciliations
    this.#recordSync = parts.recordSync
    this.#log = parts.log
  }

  /** Makes sure that `node` holds or covers all that is here of `partitions`. Rejects if it cannot be finished. */
  async handOver(node: NodeId, partitions: readonly Partition[]): Promise<void> {
    await this.run(node, partitions, partitions, 'leaving')
  }

  /** Exchanges with a node now, about every partition it owns. Rejects if it cannot be finished. */
  now(node: NodeId, why: 'repair' | 'lost rows'): Promise<Transfer> {
    const owned = this.#routing.ownedBy(node)
    return this.run(node, owned, owned, why)
  }

  /** Runs one exchange, and logs it. `scope`: null if both nodes know which partitions are due. */
  run(
    node: NodeId,
    partitions: readonly Partition[],
    scope: readonly Partition[] | null,
    why: TraceExchangeReason,
  ): Promise<Transfer> {
    return this.#turns.queue(node, () => this.#run(node, partitions, scope, why))
  }

  async #run(
    node: NodeId,
    partitions: readonly Partition[],
    scope: readonly Partition[] | null,
    why: TraceExchangeReason,
  ): Promise<Transfer> {
    const transfer = this.#log.begin(node, why, partitions.length)
    try {
      await this.#bringInStep(node, partitions, scope, wayOf(why), transfer)
      transfer.completed()
      return transfer
    } catch (error) {
      transfer.failure = failureOf(error)
      throw error
    } finally {
      this.#log.end(node, transfer)
    }
  }

  async #bringInStep(
    node: NodeId,
    partitions: readonly Partition[],
    scope: readonly Partition[] | null,
    way: Way,
    transfer: Transfer,
  ): Promise<void> {
    const epoch = this.#epoch
    // This precedes reading the tries: the account at the end is of this moment.
    const begun = this.#progress.begin(this.#replica.openSince)
    const forest = await this.#replica.forest()
    const view = await this.#reconciliations.viewOf(forest, partitions)
    const mine = new Set(way === 'away' ? [] : partitions.filter((partition) => this.#routing.owns(partition)))
    const found = await this.#reconciliations.differences(node, view, scope, transfer)
    if ('tooMuch' in found) {
      for (const slice of slicesOf(partitions, found.tooMuch))
        await this.#bringInStep(node, slice, slice, way, transfer)
      return
    }
    const { ours, theirs, session } = found
    // A peer that does not see itself as an owner stores our records as hints: it does not hold them.
    const isTaken = () => way === 'away' || this.#membership.placesAlike(node)
    const wasTaken = isTaken()
    const failed = new Set<Partition>()
    const wanted = theirs.filter(({ key }) => mine.has(partitionIn(key)))
    const agreed = this.#agreed(node, begun, await this.#hear(node, session, begun, [...ours, ...theirs]))
    transfer.compared(found, (way === 'home' ? 0 : ours.length) + wanted.length)
    await this.#recordSync.pull(node, wanted, agreed, failed, transfer)
    const back = [...mine].filter((partition) => !failed.has(partition))
    const due = way === 'home' ? [] : this.#dueTo(node, forest, ours, theirs)
    const isTheirs = (partition: Partition) => way === 'away' || this.#routing.ownersOf(partition).includes(node)
    await this.#recordSync.push(node, due, isTheirs, agreed, failed, transfer)
    const settled = way === 'home' ? [] : partitions.filter((partition) => !failed.has(partition))
    // All records are flushed before the other may rely on them, including those that were here already, and equal.
    if (back.length > 0) await this.#replica.flush()
    const body = {
      type: 'settled',
      session,
      partitions: settled,
      back,
      account: this.#account(settled, begun),
    } as const
    const reply = await this.#peers.request(node, body, 'bulk', bounds.operationTimeoutMs)
    if (reply.type === 'settled' && epoch === this.#epoch) this.#received(node, back, begun, reply.account)
    if (wasTaken && isTaken()) this.#progress.gave(node, settled, begun)
    if (failed.size > 0) throw new Error(`${failed.size} partitions could not be brought in step`)
  }

  /** The items of this node that the other is to have, once what the other had is taken in here. */
  #dueTo(node: NodeId, forest: Forest, ours: readonly Item[], theirs: readonly Item[]): readonly Item[] {
    const there = new Map(theirs.map(({ key, version }) => [bytesToHex(key), bytesToHex(version)]))
    // A former owner never fetches what an owner has more, so such keys differ for ever. Once the owner has all, they
    // are not given again. A key that the owner lacks altogether is: it may have been lost there.
    const isNews = ({ key, version }: Item) => {
      const partition = partitionIn(key)
      if (this.#routing.owns(partition) || !this.hasAll(node, partition)) return true
      return !isSame(version, namesOnly) && !there.has(bytesToHex(key))
    }
    return stillOurs(forest, ours, there).filter(isNews)
  }

  /** Exchanges terms before records move: the sessions each side has received of the other, and its floors. */
  async #hear(node: NodeId, session: number, begun: Begun, differing: readonly Item[]): Promise<Heard> {
    if (differing.length === 0) return nothingHeard
    const of = [...new Set(differing.map(({ key }) => partitionIn(key)))].sort((a, b) => a - b)
    const body = { type: 'terms', session, of, terms: this.#progress.termsFor(node, of, begun) } as const
    const reply = await this.#peers.request(node, body, 'bulk', bounds.operationTimeoutMs)
    if (reply.type !== 'terms') throw new RequestFailure('refused')
    return this.#progress.heard(reply.terms)
  }

  /** The terms on which records move in a session. `begun` and `heard`: the state here, and the terms of the other. */
  #agreed(node: NodeId, begun: Begun, heard: Heard): Agreed {
    const takesIn = (partition: Partition) => this.#routing.ownersOf(partition).includes(node)
    return {
      coming: {
        origin: 'exchanged',
        floorOf: (partition) => this.#progress.floorOf(partition, begun),
        giverFloorOf: (partition) => (takesIn(partition) ? hybridZero : (heard.floors.get(partition) ?? hybridZero)),
        isKept: (partition) => !this.#progress.hasLost(begun, partition),
      },
      isKnown: ({ key, stamps }, dot) => this.#progress.isKnown(heard, partitionOf(key), stamps.get(dotName(dot))),
    }
  }

  #account(partitions: readonly Partition[], begun: Begun): Account {
    return this.#progress.accountOf(partitions, begun, (partition) => this.#ownership.isInSync(partition))
  }

  /** A node has given all it had of these partitions, except of those of which either side lost rows meanwhile. */
  #received(node: NodeId, partitions: readonly Partition[], begun: Begun, account: Account): void {
    const adopted = this.#progress.received(node, partitions, begun, account)
    this.#ownership.received(node, adopted)
    this.#forgetting.received(node, adopted, account.clock)
  }

  /** Answers one step of a reconciliation, and notes the state here when it began. */
  async answer(from: NodeId, request: Extract<Request, { type: 'reconcile' }>): Promise<Reply> {
    const { session } = request
    const last = this.#answered.get(from)?.session
    // A repeated or late message must not restart a session that is over. Its end would claim writes that came since.
    if (last !== undefined && isEarlier(session, last)) return { type: 'reconciled', body: new Uint8Array(0) }
    if (last !== session) {
      const begun = this.#progress.begin(this.#replica.openSince)
      // Tries that were read before this moment do not belong to this state.
      this.#reconciliations.forget(from)
      this.#answered.set(from, { session, epoch: this.#epoch, begun, heard: nothingHeard, isOver: false })
    }
    return this.#reconciliations.answer(from, request)
  }

  /** Answers with the terms of this side. */
  async hear(from: NodeId, { session, of, terms }: Extract<Request, { type: 'terms' }>): Promise<Reply> {
    const answered = this.#answered.get(from)
    if (answered?.session !== session) return { type: 'terms', terms: { received: [], floors: [] } }
    const heard = await this.#progress.heard(terms)
    // The other may have given up meanwhile, and begun anew.
    const now = this.#answered.get(from)
    if (now?.session === session) this.#answered.set(from, { ...now, heard })
    return { type: 'terms', terms: this.#progress.termsFor(from, of, answered.begun) }
  }

  /** The terms on which records move in the session that a node has asked for last. */
  agreedWith(from: NodeId): Agreed | null {
    const answered = this.#answered.get(from)
    return answered === undefined ? null : this.#agreed(from, answered.begun, answered.heard)
  }

  /** This node was away. Only exchanges that begin from now on bring it in sync. */
  wasAway(): void {
    this.#epoch += 1
  }

  /**
   * A node that has asked gives its account: of `partitions` it has given all it had. Of `back` it now holds, flushed,
   * all that was here. Returns this node's account of `back`.
   */
  settledBy(from: NodeId, { session, partitions, back, account }: Extract<Request, { type: 'settled' }>): Account {
    const answered = this.#answered.get(from)
    if (answered?.session !== session) return { ...account, kept: [] }
    const { begun } = answered
    // A comparison from before this node was away does not cover the writes that it missed.
    if (answered.epoch === this.#epoch) {
      this.#received(from, partitions, begun, account)
    }
    if (!answered.isOver) {
      this.#answered.set(from, { ...answered, isOver: true })
      this.#progress.gave(from, back, begun)
    }
    return this.#account(back, begun)
  }

  /** Drops partitions of others once every owner holds or covers all that is here. */
  async dropSettled(): Promise<void> {
    const forest = await this.#replica.forest()
    const isDue = (partition: Partition) =>
      this.#routing.ownersOf(partition).every((owner) => this.hasAll(owner, partition))
    const settled = allPartitions.filter((partition) => !this.#routing.owns(partition) && isDue(partition))
    this.#ownership.dropped(settled.filter((partition) => forest.sizeOf(partition) === 0))
    const held = settled.filter((partition) => forest.sizeOf(partition) > 0)
    for (let at = 0; at < held.length; at += bounds.droppedAtOnce)
      this.#ownership.dropped(await this.#replica.drop(held.slice(at, at + bounds.droppedAtOnce), isDue))
    if (held.length > 0) this.onDropped()
  }

  /**
   * True if a node holds or covers, flushed, all records of a partition that are here, and no write came since it said
   * so.
   */
  hasAll(node: NodeId, partition: Partition): boolean {
    // A write that is not yet reported as committed may be in the store already.
    return !this.#replica.isChanging(partition) && this.#progress.hasAll(node, partition)
  }

  /**
   * Follows a change of placement. Writes that came while others owned a partition are hints, not among this node's
   * records.
   */
  follow(): void {
    this.#epoch += 1
    for (const node of this.#answered.keys()) if (this.#routing.claimOf(node) === undefined) this.#answered.delete(node)
    this.#progress.follow()
  }
}
