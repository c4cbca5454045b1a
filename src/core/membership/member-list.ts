/**
 * What one node believes of all members, and how it takes in what others claim (Dynamo, section 4.8).
 *
 * Claims merge as `claims.ts` orders them. Around that order stand three rules for what is hearsay. Nobody is judged
 * by an old list: a verdict that comes with one only makes a member suspect, and not even that where there is a link
 * to it. Of a member that nobody here knows, it is not news that it is out or has left. And what others claim of this
 * node itself is refuted.
 */
import { present } from '../assert.ts'
import { bounds } from '../bounds.ts'
import type { NodeId, ViewHash } from '../ids.ts'
import { type Claim, compareClaims, isPlaced, type MemberView, textOf } from './claims.ts'
import { Mesh } from './mesh.ts'
import { SetHash } from './set-hash.ts'

/** How a claim came: as news, told by whom it concerns or by whom has judged; or in a list, perhaps an old one. */
export type Source = 'news' | 'list'

/** What taking a claim in came to. `refuted`: it was of this node, which now says otherwise. */
export type Intake =
  | { readonly kind: 'adopted'; readonly claim: Claim }
  | { readonly kind: 'confirmed'; readonly claim: Claim }
  | { readonly kind: 'refuted'; readonly claim: Claim; readonly claimed: Claim }
  | { readonly kind: 'nothing' }

const nothing: Intake = { kind: 'nothing' }

/** Whether somebody else says it of a member, who may refute it. A member itself says that it is away or leaves. */
const isVerdict = ({ status }: Claim): boolean => status === 'suspect' || status === 'dead' || status === 'out'
/** Whether a member is taken to be awake. */
export const isAwake = ({ status }: Claim): boolean => status === 'alive' || status === 'suspect'

export class MemberList {
  readonly self: NodeId
  readonly #view: Map<NodeId, Claim>
  /** Of the claims of all members that placement counts on. */
  readonly #hash = new SetHash()
  /** Since when a member that has its place has been asleep or dead, by this node's clock; the longest first. */
  readonly #absentSince = new Map<NodeId, number>()
  /** Since when one has been out, or has left; the longest first. */
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

  /** Equal where two nodes believe the same of all members that placement counts on. */
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

  /** The links between them, of which nobody has more than `linksMax`. */
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
    // From away to dead, the same absence goes on.
    this.#count(this.#absentSince, claim, !isAwake(claim) && isPlaced(claim), now)
    this.#count(this.#formerSince, claim, !isPlaced(claim), now)
  }

  /** Lets a member's time run on, begin or end. */
  #count(times: Map<NodeId, number>, { node }: Claim, runs: boolean, now: number): void {
    if (!runs) times.delete(node)
    else if (!times.has(node)) times.set(node, now)
  }

  /** Takes in what somebody claims. */
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

  /** Only that it has left cannot be refuted: then a former boot of this node had begun to leave, and it is to end. */
  #takeOwn(claimed: Claim, now: number): Intake {
    const { own } = this
    if (compareClaims(claimed, own) <= 0) return nothing
    if (claimed.status === 'left') return this.#adopt({ ...own, incarnation: claimed.incarnation, status: 'left' }, now)
    const claim = { ...own, incarnation: Math.min(claimed.incarnation + 1, bounds.incarnationMax) }
    this.#put(claim, now)
    return { kind: 'refuted', claim, claimed }
  }

  /** This node's own word of itself, or its verdict of another. */
  claim(claim: Claim, now: number): void {
    this.#put(claim, now)
  }

  /**
   * Members whose absence has lasted for the grace, of guests for a part of it, and are to be out. Where there are
   * any, guests that are not just being reloaded are out with them: a place that gets free is not to go to somebody
   * who has left, too.
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

  /** Forgets members that are out or have left: after a while, and the longest gone where there are too many. */
  forget(now: number): void {
    for (const [node, since] of this.#formerSince) {
      if (this.#view.size <= bounds.membersMax / 2 && now - since < bounds.formerMemberMs) return
      if (node === this.self) continue
      this.#view.delete(node)
      this.#formerSince.delete(node)
    }
  }
}
