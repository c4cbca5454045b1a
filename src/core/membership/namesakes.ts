/**
 * Namesakes: other boots that claim to be this node (not in the paper).
 *
 * Usually that is an earlier boot, of which old news goes round: one refutation ends it. But a copied browser profile
 * includes the database. Then two boots live under one name, and each refutes the other for ever.
 *
 * A boot that is over answers nothing. Its claims may come from members that slept long, some newer than others. Only a
 * live boot claims again and again above this node's last refutation.
 */
import { bounds } from '../bounds.ts'
import type { PeerId } from '../ids.ts'
import type { Claim } from './claims.ts'

interface Refuted {
  readonly since: number
  /** The time of the last refutation, and its incarnation. */
  readonly at: number
  readonly incarnation: number
  /** Claims above the incarnation of the refutation before them, since `since`. */
  readonly answers: number
}

export class Namesakes {
  readonly #refuted = new Map<PeerId, Refuted>()

  /** Notes that `claim` refuted `claimed`, a claim of another boot. True if that boot is alive. */
  refuted(claimed: Claim, claim: Claim, now: number): boolean {
    if (claimed.peer === claim.peer) return false
    if (this.#refuted.size > bounds.namesakesMax) this.#refuted.clear()
    const known = this.#refuted.get(claimed.peer)
    const before = known !== undefined && now - known.at < bounds.namesakePauseMs ? known : null
    const isAnswer = before !== null && claimed.incarnation > before.incarnation
    const answers = (before?.answers ?? 0) + Number(isAnswer)
    const since = before?.since ?? now
    this.#refuted.set(claimed.peer, { since, at: now, incarnation: claim.incarnation, answers })
    return answers >= bounds.namesakeAnswers && now - since >= bounds.namesakeMs
  }
}
