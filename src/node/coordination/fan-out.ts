/**
 * Fan-out: one get or put on its way to several nodes (Dynamo, sections 4.5 and 4.6).
 *
 * It asks the nodes that the quorum rule names, and lets fallbacks stand in for owners that fail or are slow. The
 * caller decides which question is asked and which answers count. `core/quorum` decides if they are enough.
 */
import type { NodeId } from '../../core/ids.ts'
import { type Answer, decide, type QuorumRule, type Sufficiency } from '../../core/quorum/decision.ts'
import type { Copies } from '../../core/quorum/demand.ts'
import { type Candidate, standInFor } from '../../core/quorum/stand-ins.ts'
import { deferred } from '../scheduling/timers.ts'

/** A candidate with its progress, which changes as it is asked and answers. */
export interface Asked extends Candidate {
  answer: Answer
  hintFor: readonly NodeId[]
}

/** Candidates in order: owners first, then fallbacks. An unreachable one has failed before it is asked. */
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

/**
 * Asks one candidate. Resolves with the value of its answer, and never rejects. `slow` is called if the answer takes
 * long.
 */
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

  start(): void {
    this.#advance()
  }

  /** Resolves when enough answers count, or when no more can. */
  get decided(): Promise<'won' | 'lost'> {
    return this.#decided.promise
  }

  /** Resolves when no more candidates are to be asked or waited for. */
  get settled(): Promise<void> {
    return this.#settled.promise
  }

  /** Nodes whose answers count, each with the owners it stands in for. */
  get counted(): Copies {
    const counted = this.candidates.filter((candidate) => candidate.answer === 'counted')
    return new Map(counted.map(({ node, hintFor }) => [node, hintFor]))
  }

  /** Adds nodes to ask, ahead of the fallbacks. */
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
