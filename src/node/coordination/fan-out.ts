/**
 * Fan-out: one get or put on its way to several nodes (Dynamo, sections 4.5 and 4.6).
 *
 * It asks the nodes that the quorum rule names, and lets fallbacks stand in for owners that fail or are slow. The
 * caller decides which question is asked and which answers count. `core/quorum` decides if they are enough.
 */
import type { NodeId } from '../../core/ids.ts'
import { type Answer, decide, type Given, type QuorumRule, type Sufficiency } from '../../core/quorum/decision.ts'
import type { Copies } from '../../core/quorum/demand.ts'
import { type Candidate, standInFor } from '../../core/quorum/stand-ins.ts'
import type { Trace, TraceSaid } from '../api/trace.ts'
import { deferred } from '../scheduling/timers.ts'

/** A candidate with its progress, which changes as it is asked and answers. */
export interface Asked extends Candidate {
  answer: Answer
  hintFor: readonly NodeId[]
  /** For the trace: the time it was asked, ms, and as whom it answered, or why it failed. */
  askedAt: number | null
  said: TraceSaid | null
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
      askedAt: null,
      said: isReachable(node) ? null : 'unreachable',
    })
  return [...owners.map(candidate('owner')), ...fallbacks.map(candidate('fallback'))]
}

/**
 * Asks one candidate. Resolves with the value of its answer, and never rejects. `slow` is called if the answer takes
 * long.
 */
export type Ask = (candidate: Asked, slow: () => void) => Promise<Given>

/** The request that a fan-out is part of, as the trace tells it. */
interface Told {
  readonly trace: Trace
  readonly id: number
}

export class FanOut {
  readonly candidates: Asked[]
  readonly #rule: QuorumRule
  readonly #ask: Ask
  readonly #sufficiency: (counted: Copies) => Sufficiency
  readonly #told: Told
  readonly #decided = deferred<'won' | 'lost'>()
  readonly #settled = deferred<void>()

  constructor(
    candidates: Asked[],
    rule: QuorumRule,
    ask: Ask,
    sufficiency: (counted: Copies) => Sufficiency,
    told: Told,
  ) {
    this.candidates = candidates
    this.#rule = rule
    this.#ask = ask
    this.#sufficiency = sufficiency
    this.#told = told
  }

  start(): void {
    // An owner out of reach is part of the story of the request.
    for (const candidate of this.candidates)
      if (candidate.role === 'owner' && candidate.answer === 'failed') this.#tellAnswered(candidate, 'failed')
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
      this.#tellAsked(candidate)
      const slow = () => {
        if (candidate.answer === 'waiting') this.#answered(candidate, 'slow')
      }
      void this.#ask(candidate, slow).then((answer) => this.#answered(candidate, answer))
    }
    if (progress.outcome !== 'pending') this.#decided.resolve(progress.outcome)
    if (progress.settled) this.#settled.resolve()
  }

  #answered(candidate: Asked, answer: Given): void {
    candidate.answer = answer
    this.#tellAnswered(candidate, answer)
    this.#advance()
  }

  #tellAsked(candidate: Asked): void {
    const { trace, id } = this.#told
    const { node, role, hintFor: standsInFor } = candidate
    candidate.askedAt = trace.now
    trace.tell?.({ type: 'request', id, step: 'asked', node, role, standsInFor })
  }

  #tellAnswered({ node, role, said, askedAt }: Asked, answer: Given): void {
    const { trace, id } = this.#told
    const ms = askedAt === null ? 0 : trace.now - askedAt
    trace.tell?.({ type: 'request', id, step: 'answered', node, role, answer, said, ms })
  }
}
