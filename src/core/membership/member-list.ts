/**
 * The member list of one node, and the rules by which it takes in claims of others (Dynamo, section 4.8).
 *
 * Claims merge in the order of `claims.ts`. Three rules limit hearsay. An old list judges no member: a verdict in it
 * makes an awake member suspect at most. It changes nothing if this node has a link to the member. A claim that an
 * unknown member is out or has left is no news. And a claim about this node itself is refuted.
 */
import { present } from '../assert.ts'
import { bounds } from '../bounds.ts'
import type { NodeId, ViewHash } from '../ids.ts'
import { type Claim, compareClaims, isPlaced, type MemberView, textOf } from './claims.ts'
import { Mesh } from './mesh.ts'
import { SetHash } from './set-hash.ts'

/**
 * The way a claim came. `news`: from the member itself, or from one that has judged it. `list`: in a whole list,
 * perhaps an old one.
 */
export type Source = 'news' | 'list'

/**
 * The outcome of taking a claim in. `confirmed`: a suspicion that is known already. `refuted`: a claim about this node,
 * which now contradicts it.
 */
export type Intake =
  | { readonly kind: 'adopted'; readonly claim: Claim }
  | { readonly kind: 'confirmed'; readonly claim: Claim }
  | { readonly kind: 'refuted'; readonly claim: Claim; readonly claimed: Claim }
  | { readonly kind: 'nothing' }

const nothing: Intake = { kind: 'nothing' }

/** True for a claim that other members make, and the member may refute. It says itself that it is away or leaves. */
const isVerdict = ({ status }: Claim): boolean => status === 'suspect' || status === 'dead' || status === 'out'
/** True if a member is believed to be awake. */
export const isAwake = ({ status }: Claim): boolean => status === 'alive' || status === 'suspect'

export class MemberList {
  readonly self: NodeId
  readonly #view: Map<NodeId, Claim>
  /** Hash of the claims of all members that placement counts on. */
  readonly #hash = new SetHash()
  /**
   * Start of the absence, asleep or dead, of each member with a place. Ms of this node's clock, the longest absent
   * first.
   */
  readonly #absentSince = new Map<NodeId, number>()
  /** The time since which a member has been out, or has left. The longest gone first. */
  readonly #formerSince = new Map<NodeId, number>()
  readonly #linksMax: number
  #awake: readonly NodeId[] | undefined
  #mesh: Mesh | undefined

  /** `linksMax`: links that one member keeps. `now`: ms of this node's clock. */
  constructor(own: Claim, known: readonly Claim[], now: number, linksMax: number = bounds.linksMax) {
    this.self = own.node
    this.#linksMax = linksMax
    this.#view = new Map()
    for (const claim of known) this.#put(claim, now)
    this.#put(own, now)
  }

  get view(): MemberView {
    return this.#view
  }

  /** Equal on two nodes that believe the same of all members that placement counts on. */
  get hash(): ViewHash {
    return this.#hash.value
  }

  get own(): Claim {
    return present(this.#view.get(this.self), 'a node is in its own view')
  }

  /** Members that are awake, this one included if it is. */
  get awake(): readonly NodeId[] {
    this.#awake ??= [...this.#view.values()].filter(isAwake).map(({ node }) => node)
    return this.#awake
  }

  /** The links between them: at most `linksMax` for each member. */
  get mesh(): Mesh {
    this.#mesh ??= new Mesh(this.awake, this.#linksMax)
    return this.#mesh
  }

  isAwake(node: NodeId): boolean {
    const claim = this.#view.get(node)
    return claim !== undefined && isAwake(claim)
  }

  #put(claim: Claim, now: number): void {
    const held = this.#view.get(claim.node)
    if (isAwake(claim) !== (held !== undefined && isAwake(held))) {
      this.#awake = undefined
      this.#mesh = undefined
    }
    for (const each of [held, claim]) if (each !== undefined && isPlaced(each)) this.#hash.toggle(textOf(each))
    this.#view.set(claim.node, claim)
    // A member that goes from away to dead stays absent: its time runs on.
    this.#count(this.#absentSince, claim, !isAwake(claim) && isPlaced(claim), now)
    this.#count(this.#formerSince, claim, !isPlaced(claim), now)
  }

  /** Starts, continues or ends the time of a member. */
  #count(times: Map<NodeId, number>, { node }: Claim, runs: boolean, now: number): void {
    if (!runs) times.delete(node)
    else if (!times.has(node)) times.set(node, now)
  }

  /** Takes in a claim from another node. */
  take(claim: Claim, source: Source, now: number, isLinked: (node: NodeId) => boolean = () => false): Intake {
    if (claim.node === this.self) return this.#takeOwn(claim, now)
    const held = this.#view.get(claim.node)
    if (held === undefined) {
      if (!isPlaced(claim) || this.#view.size >= bounds.membersMax) return nothing
      return this.#adopt(claim, now)
    }
    if (source === 'list' && isVerdict(claim) && isAwake(held)) {
      if (isLinked(claim.node)) return nothing
      return this.#compared({ ...claim, status: 'suspect' }, held, now)
    }
    return this.#compared(claim, held, now)
  }

  #compared(claim: Claim, held: Claim, now: number): Intake {
    const order = compareClaims(claim, held)
    if (order > 0) return this.#adopt(claim, now)
    return order === 0 && claim.status === 'suspect' ? { kind: 'confirmed', claim } : nothing
  }

  #adopt(claim: Claim, now: number): Intake {
    this.#put(claim, now)
    return { kind: 'adopted', claim }
  }

  /**
   * Refutes a claim about this node. It cannot refute that it has left: an earlier boot began to leave, and this one
   * must end.
   */
  #takeOwn(claimed: Claim, now: number): Intake {
    const { own } = this
    if (compareClaims(claimed, own) <= 0) return nothing
    if (claimed.status === 'left') return this.#adopt({ ...own, incarnation: claimed.incarnation, status: 'left' }, now)
    const claim = { ...own, incarnation: Math.min(claimed.incarnation + 1, bounds.incarnationMax) }
    this.#put(claim, now)
    return { kind: 'refuted', claim, claimed }
  }

  /** Sets this node's own claim, or its verdict about another. */
  claim(claim: Claim, now: number): void {
    this.#put(claim, now)
  }

  /**
   * Members to declare out: those absent for the grace, and guests absent for their part of it. If there are any,
   * guests absent for longer than a reload are out with them. Otherwise a place that becomes free could go to a guest
   * that has left too.
   */
  overdue(graceMs: number, now: number): readonly Claim[] {
    const guestGraceMs = Math.min(graceMs * bounds.guestGraceShare, bounds.guestGraceMsMax)
    const absent = [...this.#absentSince].flatMap(([node, since]) => {
      const claim = this.#view.get(node)
      return claim === undefined || node === this.self ? [] : [{ claim, forMs: now - since }]
    })
    const lasting = (guestMs: number) =>
      absent.flatMap(({ claim, forMs }) => (forMs >= (claim.guest ? guestMs : graceMs) ? [claim] : []))
    return lasting(guestGraceMs).length === 0 ? [] : lasting(Math.min(guestGraceMs, bounds.reloadMs))
  }

  /**
   * Forgets members that are out or have left: after `bounds.formerMemberMs`, or the longest gone first while the view
   * is large.
   */
  forget(now: number): void {
    for (const [node, since] of this.#formerSince) {
      if (this.#view.size <= bounds.membersMax / 2 && now - since < bounds.formerMemberMs) return
      if (node === this.self) continue
      this.#view.delete(node)
      this.#formerSince.delete(node)
    }
  }
}
