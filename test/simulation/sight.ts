/**
 * Sight: what operations had seen and what writes cover, by what clients saw, and which writes are there in the end.
 */
import type { FinalReplica, Operation } from './history.ts'

/** What every operation had seen, and what every write covers. */
export class Sight {
  readonly #operations: ReadonlyMap<number, Operation>
  readonly #writes: ReadonlyMap<string, Operation>
  readonly #believes: (read: Operation, vid: string) => boolean
  readonly #seen = new Map<number, ReadonlySet<string>>()
  readonly #covers = new Map<string, ReadonlySet<string>>()

  /** `believes`: whether a read has seen a delete that its context claims. */
  constructor(operations: readonly Operation[], believes: (read: Operation, vid: string) => boolean = () => true) {
    this.#believes = believes
    this.#operations = new Map(operations.map((operation) => [operation.id, operation]))
    this.#writes = new Map(
      operations.flatMap((operation) => (operation.vid === undefined ? [] : [[operation.vid, operation]])),
    )
  }

  /** Everything an operation returned or wrote, and all that this covers. */
  seen(operation: Operation): ReadonlySet<string> {
    const known = this.#seen.get(operation.id)
    if (known !== undefined) return known
    const base = [
      ...(operation.vids ?? []),
      ...(operation.deletesSeen ?? []).filter((vid) => this.#believes(operation, vid)),
      ...(operation.vid === undefined ? [] : [operation.vid]),
    ]
    const seen = this.dominated(base)
    this.#seen.set(operation.id, seen)
    return seen
  }

  /** What a write replaced: what its writer had seen, without itself. */
  covers(vid: string): ReadonlySet<string> {
    const known = this.#covers.get(vid)
    if (known !== undefined) return known
    const write = this.#writes.get(vid)
    const from = write?.contextFrom
    const reader = from === null || from === undefined ? undefined : this.#operations.get(from)
    // A write never covers itself; marking it first ends the search where a broken history goes round.
    this.#covers.set(vid, new Set())
    const covered = new Set(reader === undefined ? [] : this.seen(reader))
    covered.delete(vid)
    this.#covers.set(vid, covered)
    return covered
  }

  /** These and all they cover. */
  dominated(vids: Iterable<string>): ReadonlySet<string> {
    const all = new Set<string>()
    for (const vid of vids) {
      all.add(vid)
      for (const covered of this.covers(vid)) all.add(covered)
    }
    return all
  }
}

/** Which writes are there in the end, by what the owners hold. */
export class Fates {
  readonly #writes: readonly Operation[]
  readonly #dominated: ReadonlySet<string>
  readonly #sight: Sight
  readonly #forgottenBefore: number

  constructor(
    operations: readonly Operation[],
    finals: readonly FinalReplica[],
    sight: Sight,
    { forgottenBefore }: { readonly forgottenBefore: number },
  ) {
    this.#writes = operations.filter(({ type }) => type !== 'get')
    this.#dominated = sight.dominated(finals.flatMap(({ vids, dead }) => [...vids, ...dead]))
    this.#sight = sight
    this.#forgottenBefore = forgottenBefore
  }

  #isForgotten({ type, expiresAt, invoked }: Operation): boolean {
    return (type === 'delete' || expiresAt !== undefined) && invoked < this.#forgottenBefore
  }

  #took(write: Operation): boolean {
    const mayHave = write.status === 'unknown' && (this.#dominated.has(write.vid ?? '') || this.#isForgotten(write))
    return write.status === 'ok' || mayHave
  }

  /** Neither is it there, nor has somebody who had seen it written since. */
  isGone(write: Operation): boolean {
    const { vid = '' } = write
    if (this.#isForgotten(write) || this.#dominated.has(vid)) return false
    return !this.#writes.some((other) => this.#took(other) && this.#sight.covers(other.vid ?? '').has(vid))
  }
}
