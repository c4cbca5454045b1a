/**
 * Other boots that claim to be this node.
 *
 * As a rule that is a former boot, of which old news goes round: it is refuted and that is that. But where a
 * browser's profile was copied, with its database, two live under one name, and each refutes the other for ever. A
 * boot that is over answers nothing: its claims may come from those who slept for long, some newer than others, but
 * not one upon the other, each above the last refutation.
 */
import { bounds } from '../bounds.ts'
import type { PeerId } from '../ids.ts'
import type { Claim } from './claims.ts'

interface Refuted {
  readonly since: number
  /** When last, and by which incarnation. */
  readonly at: number
  readonly incarnation: number
  /** How often it answered, since then. */
  readonly answers: number
}

export class Namesakes {
  readonly #refuted = new Map<PeerId, Refuted>()

  /** Notes that `claim` refuted what another boot claimed. Whether that boot lives. */
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
