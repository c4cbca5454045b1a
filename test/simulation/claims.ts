/**
 * Claims of contexts: deletes that a read has seen by the word of its context.
 *
 * A delete leaves nothing that a client sees. The checker believes a context as long as nothing that clients saw speaks
 * against it, and counts how often it has nothing else to go by.
 */
import type { CausalHistory } from '../../src/core/versioning/causal-history.ts'
import { names } from '../../src/core/versioning/causal-history.ts'
import type { Reach } from '../../src/core/versioning/context.ts'
import { hybridZero } from '../../src/core/versioning/hybrid-time.ts'
import type { Violation } from './checker.ts'
import type { Operation } from './history.ts'
import { dotNamed } from './keys.ts'

interface Reading {
  readonly read: Operation
  readonly history: CausalHistory
}

/** Deletes, and values that expire. */
const isEnd = ({ type, expiresAt }: Operation): boolean =>
  type === 'delete' || (type === 'put' && expiresAt !== undefined)

export class Claims {
  readonly #operations: readonly Operation[]
  readonly #readings: Reading[] = []

  constructor(operations: readonly Operation[]) {
    this.#operations = operations
  }

  /** Deletes that the context of a read claims, and values that expire, among those begun by now. */
  in(read: Operation, { history, horizon }: Reach, now: number): readonly string[] {
    this.#readings.push({ read, history })
    // A horizon stands for what may be forgotten: a delete, or a value that has expired by now, and nothing that lasts.
    const isForgotten = ({ time, expiresAt = 0 }: Operation) => (time ?? hybridZero) <= horizon && expiresAt <= now
    return this.#endsOf(read, (each, dot) => isForgotten(each) || names(history, dotNamed(dot)))
  }

  /** Those of them that the context names: a horizon alone covers nothing, and a value may be there all the same. */
  named(read: Operation, { history }: Reach): readonly string[] {
    return this.#endsOf(read, (_, dot) => names(history, dotNamed(dot)))
  }

  #endsOf({ key }: Operation, isSeen: (end: Operation, dot: string) => boolean): readonly string[] {
    const isDue = (each: Operation) => each.key === key && isEnd(each) && each.dot !== undefined
    return this.#operations.flatMap((each) => (isDue(each) && isSeen(each, each.dot ?? '') ? [each.vid ?? ''] : []))
  }

  /** Contexts that name a delete which began only after they had been handed out, or which changed nothing. */
  violations(): readonly Violation[] {
    return this.#readings.flatMap(({ read, history }) => {
      const untrue = this.#operations.filter((each) => {
        const isTrue = each.invoked <= read.returned && each.status !== 'fail'
        return each.key === read.key && isEnd(each) && !isTrue && each.dot !== undefined
      })
      return untrue.flatMap(({ vid = '', dot = '', id, status }) => {
        if (!names(history, dotNamed(dot))) return []
        const witness = `named by the context of operation ${read.id}; its own is ${id}, ${status}`
        return [{ class: 'OVERCLAIMED' as const, key: read.key, subject: vid, witness }]
      })
    })
  }
}
