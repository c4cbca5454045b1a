/**
 * Flushing store: a store that knows if all records and hints are on the disk (Dynamo, section 5: local persistence).
 *
 * If they are, a flush returns at once, and no caller waits for an idle disk. A strict commit flushes all earlier
 * commits too. Commits are counted when they are decided, which is the order in which they happen.
 */
import { type Decide, type Durability, type RowKey, type Store, StoreFailure, type Write } from '../../ports.ts'
import type { Trouble } from '../api/events.ts'
import { flushedWrite } from './rows.ts'

const isData = ({ key: [table] }: Write): boolean => table === 'record' || table === 'hint'

export class FlushingStore implements Store {
  readonly #store: Store
  /** The count of decided relaxed commits of records and hints. All commits of earlier boots count as one. */
  #relaxed = 1
  /** The count of those that are flushed. */
  #flushed = 0

  readonly #trouble: Pick<Trouble, 'storage'>

  constructor(store: Store, trouble: Pick<Trouble, 'storage'> = { storage: 0 }) {
    this.#store = store
    this.#trouble = trouble
  }

  /** Counts failures, since bookkeeping swallows them. A closed store is no failure. */
  #counted<T>(work: Promise<T>): Promise<T> {
    work.catch((error: unknown) => {
      if (!(error instanceof StoreFailure && error.reason === 'closed')) this.#trouble.storage += 1
    })
    return work
  }

  /** A strict transaction flushes the records and hints committed before it, even if it writes nothing itself. */
  async transact<T>(keys: readonly RowKey[], durability: Durability, decide: Decide<T>): Promise<T> {
    let before = 0
    const work = this.#store.transact(keys, durability, (rows) => {
      const { writes, result } = decide(rows)
      before = this.#relaxed
      if (durability === 'relaxed' && writes.some(isData)) this.#relaxed += 1
      const isDue = durability === 'strict' && writes.length === 0 && this.#flushed < before
      return { writes: isDue ? [flushedWrite] : writes, result }
    })
    const done = await this.#counted(work)
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
