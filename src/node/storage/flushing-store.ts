/**
 * Flushing store: a store that knows if all records and hints are on the disk (Dynamo, section 5: local persistence).
 *
 * If they are, a flush returns at once, and no caller waits for an idle disk. A strict commit flushes all earlier
 * commits too. Commits are counted when they are decided, which is the order in which they happen.
 */
import { type Decide, type Durability, type RowKey, type Store, StoreFailure, type Write } from '../../ports.ts'
import type { Trouble } from '../api/events.ts'
import { storageCodes } from '../api/operations.ts'
import type { Trace } from '../api/trace.ts'
import { flushedWrite } from './rows.ts'

const isData = ({ key: [table] }: Write): boolean => table === 'record' || table === 'hint'

export class FlushingStore implements Store {
  readonly #store: Store
  /** The count of decided relaxed commits of records and hints. All commits of earlier boots count as one. */
  #relaxed = 1
  /** The count of those that are flushed. */
  #flushed = 0

  readonly #trouble: Pick<Trouble, 'storage'>
  readonly #trace: Trace

  constructor(store: Store, trouble: Pick<Trouble, 'storage'>, trace: Trace) {
    this.#store = store
    this.#trouble = trouble
    this.#trace = trace
  }

  /** Counts failures, since bookkeeping swallows them. A closed store is no failure. */
  #counted<T>(work: Promise<T>): Promise<T> {
    work.catch((error: unknown) => {
      const reason = error instanceof StoreFailure ? error.reason : 'failed'
      if (reason === 'closed') return
      this.#trouble.storage += 1
      this.#trace.tell?.({ type: 'storage', step: 'failure', why: storageCodes[reason] })
    })
    return work
  }

  /** A strict transaction flushes the records and hints committed before it, even if it writes nothing itself. */
  async transact<T>(keys: readonly RowKey[], durability: Durability, decide: Decide<T>): Promise<T> {
    let before = 0
    let rowCount = 0
    const begunAt = this.#trace.now
    const work = this.#store.transact(keys, durability, (rows) => {
      const { writes, result } = decide(rows)
      before = this.#relaxed
      if (durability === 'relaxed' && writes.some(isData)) this.#relaxed += 1
      const isDue = durability === 'strict' && writes.length === 0 && this.#flushed < before
      rowCount = writes.length
      return { writes: isDue ? [flushedWrite] : writes, result }
    })
    const done = await this.#counted(work)
    const ms = this.#trace.now - begunAt
    this.#trace.tell?.({ type: 'storage', step: 'commit', durability, rows: rowCount, ms })
    if (durability === 'strict') this.#flushed = Math.max(this.#flushed, before)
    return done
  }

  /** Flushes all records and hints committed so far. Only then may a peer rely on them and delete its own copy. */
  async flush(): Promise<void> {
    if (this.#flushed === this.#relaxed) return
    await this.transact([], 'strict', () => ({ writes: [], result: undefined }))
  }

  read: Store['read'] = (keys) => this.#counted(this.#store.read(keys))
  scan: Store['scan'] = (range) => this.#counted(this.#store.scan(range))
  room: Store['room'] = () => this.#store.room()
  close: Store['close'] = () => this.#store.close()
  destroy: Store['destroy'] = () => this.#store.destroy()
}
