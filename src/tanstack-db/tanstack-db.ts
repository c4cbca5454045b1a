/**
 * TanStack DB: a group as one of its collections, so that it joins, filters and orders what the ring holds.
 *
 * Only types of TanStack DB are imported. It has rows with a key inside, and a group has keys beside its values: both
 * must be the same. TanStack DB shows a change before it is stored, and a group's view does too, so nothing flickers.
 *
 * @module tabring/tanstack-db
 */
import type { CollectionConfig, SyncConfig } from '@tanstack/db'
import type { Group } from '../collections/types.ts'

/** The group that a collection of TanStack DB is to show, and the key of its rows. */
export interface TabringCollectionConfig<T extends object> {
  /** The name of the collection in TanStack DB. Default: one of its own. */
  readonly id?: string
  /** The group that holds the rows. */
  readonly group: Group<T>
  /** The key of a row. It is the key in the group too. */
  readonly getKey: (row: T) => string
}

/**
 * The options of a TanStack DB collection whose rows are the entries of a group. The collection is ready once the group
 * has been read, also where too few owners are in reach. An entry under another key than that of its row is left out.
 *
 * @example
 * const Rows = defineCollection<{ id: string; title: string }>('rows')
 * const group = node.collection(Rows).group('list-1')
 * const todos = createCollection(tabringCollectionOptions({ group, getKey: (todo) => todo.id }))
 */
export function tabringCollectionOptions<T extends object>({
  id,
  group,
  getKey,
}: TabringCollectionConfig<T>): CollectionConfig<T, string> {
  const sync: SyncConfig<T, string>['sync'] = ({ begin, write, commit, markReady }) => {
    let rows: ReadonlyMap<string, T> = new Map()
    return group.watch().subscribe(({ entries, status }) => {
      const before = rows
      rows = new Map(entries.flatMap(({ key, value }) => (getKey(value) === key ? [[key, value]] : [])))
      begin()
      for (const [key, value] of rows)
        if (before.get(key) !== value) write({ type: before.has(key) ? 'update' : 'insert', value })
      for (const [key, value] of before) if (!rows.has(key)) write({ type: 'delete', value })
      commit()
      if (status !== 'loading') markReady()
    })
  }
  return {
    ...(id === undefined ? {} : { id }),
    getKey,
    sync: { sync, rowUpdateMode: 'full' },
    onInsert: ({ transaction }) => Promise.all(transaction.mutations.map((each) => group.set(each.key, each.modified))),
    // The row that the user saw goes along: only what differs from it is written.
    onUpdate: ({ transaction }) =>
      Promise.all(
        transaction.mutations.map(({ key, modified, original }) => group.set(key, modified, { from: original as T })),
      ),
    onDelete: ({ transaction }) => Promise.all(transaction.mutations.map(({ key }) => group.delete(key))),
  }
}
