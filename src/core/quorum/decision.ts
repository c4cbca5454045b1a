/**
 * When enough is enough, and whom to ask next (Dynamo, sections 4.5 and 4.6).
 *
 * One get or put asks the first n reachable nodes of the key's preference list and is won when `needed` answers count.
 * An owner that fails, or whose answer does not count, is stood in for by the next node down the list: a sloppy quorum.
 * So is a slow one, which is waited for all the same. The same rule serves reads (needed = r) and writes (needed = w);
 * it knows neither messages nor time.
 */
import { assert } from '../assert.ts'

/**
 * How far one candidate is. `slow`: it is waited for, and somebody else is asked besides. `counted` answers add to the
 * quorum; `uncounted` ones do not (an owner that is not in sync yet, a fallback that holds nothing of the key),
 * `failed` is no answer: refused, unreachable, or silent to the end.
 */
export type Answer = 'unasked' | 'waiting' | 'slow' | 'counted' | 'uncounted' | 'failed'

export interface Progress {
  /** `pending` until `needed` answers count (`won`) or nobody is left to ask or wait for (`lost`). */
  readonly outcome: 'pending' | 'won' | 'lost'
  /**
   * Indices of the candidates to ask now. Asking goes on after the quorum is won, until n nodes answer or none is
   * left.
   */
  readonly ask: readonly number[]
  /** Everybody asked has answered or failed and nobody is to be asked any more. */
  readonly settled: boolean
}

export interface QuorumRule {
  /** How many nodes are to hold or tell. */
  readonly n: number
  /** How many answers make the quorum: r or w. */
  readonly needed: number
}

/** What the answers so far come to, besides their number. */
export interface Sufficiency {
  /** They say what was asked for: a read that must reach a context goes on, n at a time, until they do. */
  readonly suffices: boolean
  /**
   * They come from where they were to come from, as from owners: nobody else is asked for that, but who was asked is
   * waited for.
   */
  readonly isEnough: boolean
}

const sufficient: Sufficiency = { suffices: true, isEnough: true }

/** What to do, given the answers so far in preference-list order. */
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
  // Where all are slow it is rather the machine: no more than n of them are doubled.
  const undoubled = Math.max(0, slow - n)
  const short = isInsufficient ? n : Math.max(0, n - waiting - undoubled - counted)
  const ask = answers.flatMap((answer, index) => (answer === 'unasked' ? [index] : [])).slice(0, short)
  const settled = waiting === 0 && slow === 0 && ask.length === 0
  return { outcome: counted >= needed && suffices && isEnough ? 'won' : settled ? 'lost' : 'pending', ask, settled }
}
