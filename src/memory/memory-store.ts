/**
 * A store in memory: atomic, ordered, gone with the process (Dynamo, section 5: the local persistence engine is
 * pluggable).
 *
 * The disk outlives the store. So a node can be killed, and started again on all that it had written.
 */
import { firstFrom } from '../core/ids.ts'
import { type Row, rowName, type Store, StoreFailure } from '../ports.ts'

/** The rows, by a text that sorts as row keys do (`rowName`). Their order is maintained with every change. */
export class MemoryDisk extends Map<string, Row> {
  readonly #names: string[] = []

  override set(name: string, row: Row): this {
    if (!this.has(name)) this.#names.splice(firstFrom(this.#names, name), 0, name)
    return super.set(name, row)
  }

  override delete(name: string): boolean {
    if (this.has(name)) this.#names.splice(firstFrom(this.#names, name), 1)
    return super.delete(name)
  }

  override clear(): void {
    this.#names.length = 0
    super.clear()
  }

  /** Up to `limit` rows with names that begin with `prefix`, in order, strictly after `after` if it is given. */
  scan(prefix: string, after: string | undefined, limit: number): readonly Row[] {
    const found: Row[] = []
    const from = after === undefined || after < prefix ? prefix : after
    for (let at = firstFrom(this.#names, from); found.length < limit; at += 1) {
      const name = this.#names[at]
      if (name === undefined || !name.startsWith(prefix)) break
      const row = this.get(name)
      if (row !== undefined && name !== after) found.push(row)
    }
    return found
  }
}

export function memoryStore(disk: MemoryDisk = new MemoryDisk()): Store {
  let open = true
  const assertOpen = () => {
    if (!open) throw new StoreFailure('closed', 'the store was closed')
  }
  return {
    async transact(keys, _durability, decide) {
      assertOpen()
      const { writes, result } = decide(keys.map((key) => disk.get(rowName(key))?.value))
      for (const { key, value } of writes) {
        if (value === null) disk.delete(rowName(key))
        else disk.set(rowName(key), { key, value })
      }
      return result
    },
    async read(keys) {
      assertOpen()
      return keys.map((key) => disk.get(rowName(key))?.value)
    },
    async scan({ table, group, after, limit }) {
      assertOpen()
      const prefix = group === undefined ? `${table}\u0000` : `${table}\u0000${group}\u0000`
      return disk.scan(prefix, after === undefined ? undefined : rowName(after), limit)
    },
    async room() {
      return null
    },
    async close() {
      open = false
    },
    async destroy() {
      open = false
      disk.clear()
    },
  }
}
