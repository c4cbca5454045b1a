/**
 * A record in parts, for one that outgrows a message (not in the paper). Each part is a record by itself, and all of
 * them joined are the whole.
 *
 * A part has some of the siblings, and the whole history without the dots of the other siblings. So it overwrites what
 * the whole does, and covers no sibling of another part. The parts may arrive in any order and repeatedly, and some may
 * be missing.
 */
import type { ActorId } from '../ids.ts'
import type { ActorHistory, CausalHistory } from './causal-history.ts'
import type { Record, Sibling } from './record.ts'

/**
 * The parts of a record. The values of each take at most `partBytes`, or it holds a single larger one. A small record
 * is its own only part.
 */
export function partsOf(record: Record, partBytes: number): readonly Record[] {
  const groups = grouped(record.siblings, partBytes)
  if (groups.length <= 1) return [record]
  return groups.map((siblings) => {
    const others = record.siblings.filter((sibling) => !siblings.includes(sibling))
    return { history: without(record.history, others), siblings }
  })
}

function grouped(siblings: readonly Sibling[], partBytes: number): readonly (readonly Sibling[])[] {
  const groups: Sibling[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const sibling of siblings) {
    const size = sibling.kind === 'value' ? sibling.value.length : 0
    if (bytes + size > partBytes) {
      groups.push([])
      bytes = 0
    }
    groups.at(-1)?.push(sibling)
    bytes += size
  }
  return groups
}

/** The history without the dots of these siblings. */
function without(history: CausalHistory, siblings: readonly Sibling[]): CausalHistory {
  const removed = new Map<ActorId, Set<number>>()
  for (const { dot } of siblings) removed.set(dot.actor, (removed.get(dot.actor) ?? new Set()).add(dot.counter))
  const actors = new Map(history.actors)
  for (const [actor, counters] of removed) {
    const known = actors.get(actor)
    const left = known === undefined ? null : withoutCounters(known, counters)
    if (left === null) actors.delete(actor)
    else actors.set(actor, left)
  }
  return { ...history, actors }
}

function withoutCounters({ upTo, beyond, last }: ActorHistory, removed: ReadonlySet<number>): ActorHistory | null {
  const first = Math.min(upTo + 1, ...removed)
  const after = Array.from({ length: Math.max(0, upTo - first) }, (_, index) => first + 1 + index)
  const left = [...after, ...beyond].filter((counter) => !removed.has(counter))
  return first === 1 && left.length === 0 ? null : { upTo: first - 1, beyond: left, last }
}
