/**
 * One get or put on its way to several nodes: asks whom the quorum rule says, and has others stand in for those that
 * fail or are slow (Dynamo, section 4.5). What is asked and what counts is the caller's; when it is enough is
 * `core/quorum`'s.
 */
import type { NodeId } from '../../core/ids.ts'
import { type Answer, decide, type QuorumRule, type Sufficiency } from '../../core/quorum/decision.ts'
import type { Copies } from '../../core/quorum/demand.ts'
import { type Candidate, standInFor } from '../../core/quorum/stand-ins.ts'
import { deferred } from '../scheduling/timers.ts'

/** A candidate whose answer is still changing. */
export interface Asked extends Candidate {
  answer: Answer
  hintFor: readonly NodeId[]
}

/** Owners first, then fallbacks; those that cannot be reached have failed before they are asked. */
export function candidatesOf(
  owners: readonly NodeId[],
  fallbacks: readonly NodeId[],
  isReachable: (node: NodeId) => boolean,
): Asked[] {
  const candidate =
    (role: Candidate['role']) =>
    (node: NodeId): Asked => ({
      node,
      role,
      answer: isReachable(node) ? 'unasked' : 'failed',
      hintFor: [],
    })
  return [...owners.map(candidate('owner')), ...fallbacks.map(candidate('fallback'))]
}

/** Asks one candidate. Resolves with what the answer is worth and never rejects; `slow` hears that it takes long. */
export type Ask = (candidate: Asked, slow: () => void) => Promise<Answer>

export class FanOut {
  readonly candidates: Asked[]
  readonly #rule: QuorumRule
  readonly #ask: Ask
  readonly #sufficiency: (counted: Copies) => Sufficiency
  readonly #decided = deferred<'won' | 'lost'>()
  readonly #settled = deferred<void>()

  constructor(candidates: Asked[], rule: QuorumRule, ask: Ask, sufficiency: (counted: Copies) => Sufficiency) {
    this.candidates = candidates
    this.#rule = rule
    this.#ask = ask
    this.#sufficiency = sufficiency
  }

  /** Begins to ask. */
  start(): void {
    this.#advance()
  }

  /** Resolves when enough answers count, or can count no more. */
  get decided(): Promise<'won' | 'lost'> {
    return this.#decided.promise
  }

  /** Resolves when nobody is to be asked or waited for any longer. */
  get settled(): Promise<void> {
    return this.#settled.promise
  }

  /** Whose answers count, and for whom they stand. */
  get counted(): Copies {
    const counted = this.candidates.filter((candidate) => candidate.answer === 'counted')
    return new Map(counted.map(({ node, hintFor }) => [node, hintFor]))
  }

  /** More nodes to ask, before any other fallback. */
  alsoAsk(nodes: readonly NodeId[], isReachable: (node: NodeId) => boolean): void {
    const fresh = nodes.filter((node) => !this.candidates.some((candidate) => candidate.node === node))
    const firstFallback = this.candidates.findIndex((candidate) => candidate.role === 'fallback')
    const at = firstFallback < 0 ? this.candidates.length : firstFallback
    this.candidates.splice(at, 0, ...candidatesOf([], fresh, isReachable))
  }

  #advance(): void {
    const progress = decide(
      this.candidates.map(({ answer }) => answer),
      this.#rule,
      this.#sufficiency(this.counted),
    )
    for (const candidate of progress.ask.flatMap((index) => this.candidates[index] ?? [])) {
      candidate.hintFor = candidate.role === 'fallback' ? standInFor(this.candidates) : []
      candidate.answer = 'waiting'
      const slow = () => {
        if (candidate.answer === 'waiting') this.#answered(candidate, 'slow')
      }
      void this.#ask(candidate, slow).then((answer) => this.#answered(candidate, answer))
    }
    if (progress.outcome !== 'pending') this.#decided.resolve(progress.outcome)
    if (progress.settled) this.#settled.resolve()
  }

  #answered(candidate: Asked, answer: Answer): void {
    candidate.answer = answer
    this.#advance()
  }
}
