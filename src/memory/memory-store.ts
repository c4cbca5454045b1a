/**
 * A store in memory: atomic, ordered, gone with the process. The disk outlives the store, so that a node can be killed and
 * started again on what it had written.
 */
import { compareText } from '../core/ids.ts'
import { type Row, rowName, type Store, StoreFailure } from '../ports.ts'

/** What is on it, by a text that sorts like the row keys. */
export type MemoryDisk = Map<string, Row>

export function memoryStore(disk: MemoryDisk = new Map()): Store {
  let open = true
  let sorted: readonly string[] | undefined
  const assertOpen = () => {
    if (!open) throw new StoreFailure('closed', 'the store was closed')
  }
  const places = () => {
    sorted ??= [...disk.keys()].sort(compareText)
    return sorted
  }
  return {
    async transact(keys, _durability, decide) {
      assertOpen()
      const { writes, result } = decide(keys.map((key) => disk.get(rowName(key))?.value))
      for (const { key, value } of writes) {
        if (value === null) disk.delete(rowName(key))
        else disk.set(rowName(key), { key, value })
      }
      sorted = undefined
      return result
    },
    async read(keys) {
      assertOpen()
      return keys.map((key) => disk.get(rowName(key))?.value)
    },
    async scan({ table, group, after, limit }) {
      assertOpen()
      const prefix = group === undefined ? `${table}\u0000` : `${table}\u0000${group}\u0000`
      const from = after === undefined ? prefix : rowName(after)
      const found = places().filter((at) => at.startsWith(prefix) && (after === undefined || at > from))
      return found.slice(0, limit).flatMap((at) => disk.get(at) ?? [])
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
