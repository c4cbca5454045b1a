/**
 * Membership on the wire (Dynamo, section 4.8): a clock, timers and messages for the rules of `core/membership`.
 *
 * It also exchanges whole member lists. It does so regularly with a random peer. It does so at once after this node
 * wakes up, with a node it meets, and with one that places keys differently.
 */
import { bounds } from '../../core/bounds.ts'
import type { NodeId, PeerId, ViewHash } from '../../core/ids.ts'
import { type Claim, claimsOf, type MemberView, type StorageState } from '../../core/membership/claims.ts'
import type { MemberList } from '../../core/membership/member-list.ts'
import type { Mesh } from '../../core/membership/mesh.ts'
import { Swim } from '../../core/membership/swim.ts'
import type { SwimMessage, SwimOptions, SwimTimer } from '../../core/membership/swim-port.ts'
import { pushPullMs } from '../../core/membership/timing.ts'
import type { Reply, Request } from '../../core/wire/messages.ts'
import type { Clock } from '../../ports.ts'
import type { Peers } from '../network/peers.ts'
import type { Routing } from '../ownership/routing.ts'
import { SingleFlight } from '../scheduling/single-flight.ts'

type MembersRequest = Extract<Request, { type: 'members' }>

export interface MembershipParts {
  readonly clock: Clock
  readonly chance: () => number
  readonly peers: Peers
  readonly members: MemberList
  readonly routing: Pick<Routing, 'hash'>
}

export class Membership {
  /** The claims about these members have changed. */
  onChanged: (claims: readonly Claim[]) => void = () => {}
  /** Other members had given this node up, and placed keys without it. */
  onWasOut: () => void = () => {}
  /** Another boot lives under this node's name. */
  onCopied: (peer: PeerId) => void = () => {}
  readonly #peers: Peers
  readonly #clock: Clock
  readonly #chance: () => number
  readonly #routing: Pick<Routing, 'hash'>
  readonly #swim: Swim
  readonly #exchanges = new SingleFlight()
  /** By member: the hash of the placement it last showed. */
  readonly #placed = new Map<NodeId, ViewHash>()
  /** Changed claims of a list that is being taken in. They are announced together, after the list. */
  #gathered: Claim[] | null = null
  /** Cancel functions of the timers that are set and have not fired. */
  readonly #timers = new Set<() => void>()
  #stopped = false
  #cancelPushPull = () => {}

  constructor({ clock, chance, peers, members, routing }: MembershipParts, options: SwimOptions) {
    this.#peers = peers
    this.#clock = clock
    this.#chance = chance
    this.#routing = routing
    this.#swim = new Swim(members, options, {
      send: (to: NodeId, message: SwimMessage) => peers.tell(to, message),
      after: (delayMs: number, timer: SwimTimer) => this.#after(delayMs, timer),
      linked: () => peers.connected,
      isLinked: (node: NodeId) => peers.isConnected(node),
      changed: (claim: Claim) => this.#claimed(claim),
      wasOut: () => this.onWasOut(),
      copied: (peer: PeerId) => this.onCopied(peer),
      chance,
    })
  }

  get view(): MemberView {
    return this.#swim.view
  }

  get claims(): readonly Claim[] {
    return claimsOf(this.#swim.view)
  }

  get own(): Claim {
    return this.#swim.own
  }

  /** Members that are awake, this one included if it is. */
  get awake(): readonly NodeId[] {
    return this.#swim.awake
  }

  /** The links between all awake members. */
  get mesh(): Mesh {
    return this.#swim.mesh
  }

  /** Members to which this node keeps a link. */
  get neighbours(): ReadonlySet<NodeId> {
    return this.#swim.neighbours
  }

  /** True if this node has left, by its claim in the ring. */
  get hasLeft(): boolean {
    return this.#swim.own.status === 'left'
  }

  /** Runs the failure detector until the returned function is called. */
  start(): () => void {
    this.#swim.start(this.#clock.now())
    this.#armPushPull()
    return () => {
      this.#stopped = true
      this.#cancelPushPull()
      for (const cancel of this.#timers) cancel()
    }
  }

  #after(delayMs: number, timer: SwimTimer): void {
    if (this.#stopped) return
    const cancel = this.#clock.after(delayMs, () => {
      this.#timers.delete(cancel)
      this.#swim.fired(timer, this.#clock.now())
    })
    this.#timers.add(cancel)
  }

  #armPushPull(): void {
    const pauseMs = pushPullMs(this.view.size) * (0.75 + this.#chance() / 2)
    this.#cancelPushPull = this.#clock.after(pauseMs, () => {
      const { connected } = this.#peers
      const chosen = connected[Math.floor(this.#chance() * connected.length)]
      if (chosen !== undefined) void this.pushPull(chosen)
      for (const node of this.#placed.keys()) if (!this.view.has(node)) this.#placed.delete(node)
      this.#armPushPull()
    })
  }

  received(from: NodeId, message: SwimMessage): void {
    this.#swim.received(from, message, this.#clock.now())
  }

  /** A channel broke, or its node does not answer. */
  suspect(node: NodeId): void {
    if (!this.#stopped) this.#swim.suspect(node, this.#clock.now())
  }

  /** This tab goes to sleep, or is suspended. It tells a few members, a message each. */
  sleep(): void {
    this.#swim.sleep(this.#clock.now())
  }

  /** This tab is awake again, and says so. */
  wake(): void {
    this.#swim.renew({ status: 'alive' }, this.#clock.now())
  }

  /** This node holds records by now that others may lack. */
  settle(): void {
    if (!this.own.settled) this.#swim.renew({ settled: true }, this.#clock.now())
  }

  /** This node is a guest no more. */
  stay(): void {
    this.#swim.renew({ guest: false }, this.#clock.now())
  }

  /** This node carries more, or less, than before. */
  weigh(capacity16ths: number): void {
    if (capacity16ths !== this.own.capacity16ths) this.#swim.renew({ capacity16ths }, this.#clock.now())
  }

  /** This node's store accepts records, or does not. */
  store(storage: StorageState): void {
    if (storage !== this.own.storage) this.#swim.renew({ storage }, this.#clock.now())
  }

  leave(): void {
    this.#swim.leave(this.#clock.now())
  }

  /** A node showed the hash of its placement. If ours differs, member lists are exchanged. */
  seen(node: NodeId, placed: ViewHash): void {
    if (this.view.has(node)) this.#placed.set(node, placed)
    if (placed !== this.#routing.hash) void this.pushPull(node)
  }

  /**
   * True if a node, by the last hash it showed, places every key as this one does. If not, lists are exchanged first.
   */
  async agrees(node: NodeId): Promise<boolean> {
    if (!this.placesAlike(node)) await this.pushPull(node)
    return this.placesAlike(node)
  }

  /** The same, without an exchange of lists. */
  placesAlike(node: NodeId): boolean {
    return this.#placed.get(node) === this.#routing.hash
  }

  /** The answer to a node's digest, or to its claims. */
  answer(from: NodeId, { digest, claims }: MembersRequest): Extract<Reply, { type: 'members' }> {
    this.#takeList(from, claims)
    const isNews = claims.length === 0 && digest !== this.#swim.digest
    return { type: 'members', digest: this.#swim.digest, claims: isNews ? this.claims : [] }
  }

  /** Exchanges lists with one node, never twice at once. A failure shows in the node's reachability. */
  pushPull(node: NodeId): Promise<void> {
    return this.#exchanges.run(node, () => this.#exchange(node))
  }

  async #exchange(node: NodeId): Promise<void> {
    try {
      const theirs = await this.#ask(node, [])
      if (theirs.digest === this.#swim.digest) return
      this.#takeList(node, theirs.claims)
      if (theirs.digest !== this.#swim.digest) await this.#ask(node, this.claims)
    } catch {
      // `Peers` judges silence and refusals.
    }
  }

  #claimed(claim: Claim): void {
    if (this.#gathered === null) this.onChanged([claim])
    else this.#gathered.push(claim)
  }

  #takeList(from: NodeId, claims: readonly Claim[]): void {
    const gathered: Claim[] = []
    this.#gathered = gathered
    try {
      this.#swim.takeList(from, claims, this.#clock.now())
    } finally {
      this.#gathered = null
      if (gathered.length > 0) this.onChanged(gathered)
    }
  }

  async #ask(node: NodeId, claims: readonly Claim[]): Promise<Extract<Reply, { type: 'members' }>> {
    const request = { type: 'members', digest: this.#swim.digest, claims } as const
    const reply = await this.#peers.request(node, request, 'control', bounds.requestTimeoutMs)
    if (reply.type !== 'members') throw new Error('not a member list')
    return reply
  }
}
