/**
 * Other boots that claim to be this node.
 *
 * As a rule that is a former boot, of which old news goes round: it is refuted and that is that. But where a browser's profile was
 * copied, with its database, two live under one name, and each refutes the other for ever. A boot that is over says nothing new: one
 * whose claims go on rising above the refutations, for longer than old news goes round, is alive.
 */
import { bounds } from '../bounds.ts'
import type { PeerId } from '../ids.ts'
import type { Claim } from './claims.ts'

interface Refuted {
  readonly since: number
  readonly times: number
  /** By which incarnation, last. */
  readonly incarnation: number
}

export class Namesakes {
  readonly #refuted = new Map<PeerId, Refuted>()

  /** Notes that `claim` refuted what another boot claimed. Whether that boot lives. */
  refuted(claimed: Claim, claim: Claim, now: number): boolean {
    if (claimed.peer === claim.peer) return false
    const before = this.#refuted.get(claimed.peer)
    const isAnswer = before !== undefined && claimed.incarnation > before.incarnation
    const times = isAnswer ? before.times + 1 : (before?.times ?? 1)
    const since = before?.since ?? now
    if (this.#refuted.size > bounds.namesakesMax) this.#refuted.clear()
    this.#refuted.set(claimed.peer, { since, times, incarnation: claim.incarnation })
    return isAnswer && times >= bounds.namesakeAnswers && now - since >= bounds.namesakeMs
  }
}
