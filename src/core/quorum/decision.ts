/**
 * Quorum decisions: are the answers enough, and which node is asked next (Dynamo, sections 4.5 and 4.6)?
 *
 * A get or put asks the first n reachable nodes of the key's preference list. It is won once `needed` answers count. An
 * owner that fails, or whose answer does not count, is replaced by the next node of the list: a sloppy quorum. A slow
 * owner is replaced too, and the coordinator still waits for it. Reads (needed = r) and writes (needed = w) use this
 * one rule, which knows neither messages nor time.
 */
import { assert } from '../assert.ts'

/**
 * The progress of one candidate.
 *
 * - `slow`: the coordinator still waits for it, and asks another node besides.
 * - `counted`: the answer adds to the quorum.
 * - `uncounted`: it does not. The owner is not in sync yet, or the fallback holds nothing of the key.
 * - `failed`: no answer. The node refused, is unreachable, or stayed silent to the end.
 */
export type Answer = 'unasked' | 'waiting' | Given
/** The progress of a candidate that was asked, once its answer came, is late, or failed. */
export type Given = 'slow' | 'counted' | 'uncounted' | 'failed'

export interface Progress {
  /** `pending` until `needed` answers count (`won`), or no candidate is left to ask or wait for (`lost`). */
  readonly outcome: 'pending' | 'won' | 'lost'
  /** Indices of the candidates to ask now. After the quorum is won the coordinator goes on asking, up to n nodes. */
  readonly ask: readonly number[]
  /** All nodes that were asked have answered or failed, and no more are to be asked. */
  readonly settled: boolean
}

export interface QuorumRule {
  /** Nodes that are to hold the write, or to answer the read. */
  readonly n: number
  /** Answers that make the quorum: r or w. */
  readonly needed: number
}

/** Properties of the answers beyond their number. */
export interface Sufficiency {
  /** The answers reach the context a read asked for. Until they do, the read goes on with n more nodes at a time. */
  readonly suffices: boolean
  /**
   * The answers come from the required nodes, such as owners. While they do not, the coordinator waits for the nodes it
   * has asked, and asks no others for that reason.
   */
  readonly isEnough: boolean
}

const sufficient: Sufficiency = { suffices: true, isEnough: true }

/** The next step of the coordinator, from the answers in preference-list order. */
export function decide(
  answers: readonly Answer[],
  { n, needed }: QuorumRule,
  { suffices, isEnough }: Sufficiency = sufficient,
): Progress {
  assert(needed >= 1 && n >= 1, 'a quorum needs at least one answer')
  const count = (wanted: Answer) => answers.filter((answer) => answer === wanted).length
  const waiting = count('waiting')
  const slow = count('slow')
  const counted = count('counted')
  const isInsufficient = !suffices && waiting === 0
  // If all are slow, the cause is rather this machine. So at most n slow nodes are doubled.
  const undoubled = Math.max(0, slow - n)
  const short = isInsufficient ? n : Math.max(0, n - waiting - undoubled - counted)
  const ask = answers.flatMap((answer, index) => (answer === 'unasked' ? [index] : [])).slice(0, short)
  const settled = waiting === 0 && slow === 0 && ask.length === 0
  return { outcome: counted >= needed && suffices && isEnough ? 'won' : settled ? 'lost' : 'pending', ask, settled }
}
