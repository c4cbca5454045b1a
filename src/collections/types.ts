/**
 * The types of collections and groups, as applications see them.
 */
import type { TabringError } from '../errors.ts'
import type {
  Context,
  DeleteOptions,
  GetOptions,
  PutOptions,
  PutResult,
  RequestOptions,
} from '../node/api/tabring-node.ts'
import type { Live } from './live.ts'

/** The result of a read. */
export interface Found<T> {
  /** Undefined if the key holds nothing, or a value that does not pass the schema. */
  readonly value: T | undefined
  /** The reason why the schema refuses what is stored. Undefined if it passes. What is stored stays as it is. */
  readonly invalid: string | undefined
  /** For `atLeast` of a later `get` of this key. Null if nothing is known of the key, not even a delete. */
  readonly context: Context | null
  /** Concurrent values that were merged into this one. */
  readonly siblings: number
  /** True if r nodes have answered. Otherwise an absent value may be there all the same. */
  readonly quorum: boolean
}

/** The options of `set`. */
export interface SetOptions<T> extends PutOptions {
  /**
   * The value that the user saw. Only the differences between it and the new value are written, so a form that was open
   * for long undoes no other change. Default: what is stored now.
   */
  readonly from?: T
}

/** The result of an update: the new value, as this tab sees it, and where it is stored. */
export interface Updated<T> extends PutResult {
  readonly value: T | undefined
}

/** The result of several writes. Each stands for itself: some may be stored, and others not. */
export interface ManyResult {
  readonly stored: number
  readonly failed: ReadonlyMap<string, TabringError>
}

/** A key of a list with its value. */
export interface Entry<T> {
  readonly key: string
  /** Null for a key outside of groups. */
  readonly group: string | null
  readonly value: T
  /** True while a write of this tab is under way. Only views show such writes. */
  readonly pending: boolean
}

/**
 * The knowledge of a view. `loading`: nothing was read yet. `partial`: fewer than r owners tell of changes, so what is
 * absent may be there all the same. `live`: r owners tell of every change.
 */
export type LiveStatus = 'loading' | 'partial' | 'live'

/** The state of one key. */
export interface View<T> {
  readonly value: T | undefined
  readonly status: LiveStatus
  /** True while a write of this tab is under way. */
  readonly pending: boolean
  /** True if the schema refuses what is stored. */
  readonly invalid: boolean
}

/** The state of a group. */
export interface GroupView<T> {
  /** In the order of their keys. An entry stays the same object until it changes. */
  readonly entries: readonly Entry<T>[]
  readonly status: LiveStatus
  /** True while a write of this tab is under way in the group. */
  readonly pending: boolean
  /** Values that do not pass the schema. They are left out, and stay stored. */
  readonly invalid: number
}

/** The options of `entries` of a collection. */
export interface ScanOptions extends RequestOptions {
  /** Nodes that must answer for each page, 1 to n. Default: the collection's `r`. */
  readonly r?: number
}

/** The options of `entries` of a group. */
export interface GroupScanOptions extends ScanOptions {
  /** Keys that begin with this text. Default: all. */
  readonly prefix?: string
  /** Keys after this one. Default: all. */
  readonly after?: string
  /** Entries at most. Default: all. */
  readonly limit?: number
}

/** Entries, as they are read. */
export interface Scan<T> extends AsyncIterable<Entry<T>> {
  /** Partitions so far for which fewer than r owners have answered. 0 after a complete run. */
  readonly unreached: number
  /** Values so far that do not pass the schema. They are left out, and stay stored. */
  readonly invalid: number
}

/** Keys with values of one type. All methods reject with a `TabringError`. */
export interface Keyed<T, In = T> {
  /**
   * Reads a key. Concurrent values are merged.
   * @example const { value } = await todos.get('a')
   */
  get(key: string, options?: GetOptions): Promise<Found<T>>
  /**
   * Reads several keys at once.
   * @example const found = await todos.getMany(['a', 'b'])
   */
  getMany(keys: Iterable<string>, options?: GetOptions): Promise<ReadonlyMap<string, Found<T>>>
  /**
   * True if a key holds a value that passes the schema.
   * @example if (await todos.has('a')) show()
   */
  has(key: string, options?: GetOptions): Promise<boolean>
  /**
   * Writes a value. Rejects with `invalid-value` if it does not pass the schema or the merge type.
   * @example await todos.set('a', { title: 'eggs', votes: 0 })
   */
  set(key: string, value: In, options?: SetOptions<T>): Promise<PutResult>
  /**
   * Changes a value by a function of what is stored. Undefined deletes it. The difference counts: two tabs that add one
   * to a `counter` at once add two. Updates of one key in one tab run one after the other.
   * @example await todos.update('a', (todo) => todo && { ...todo, votes: todo.votes + 1 })
   */
  update(
    key: string,
    change: (value: T | undefined) => T | In | undefined,
    options?: GetOptions & PutOptions,
  ): Promise<Updated<T>>
  /**
   * Deletes what is stored now. A value that another tab writes meanwhile stays.
   * @example await todos.delete('a')
   */
  delete(key: string, options?: DeleteOptions): Promise<PutResult>
  /**
   * Writes several values, each for itself.
   * @example const { failed } = await todos.setMany([['a', eggs], ['b', milk]])
   */
  setMany(entries: Iterable<readonly [key: string, value: In]>, options?: PutOptions): Promise<ManyResult>
  /**
   * Deletes several keys, each for itself.
   * @example await todos.deleteMany(['a', 'b'])
   */
  deleteMany(keys: Iterable<string>, options?: DeleteOptions): Promise<ManyResult>
}

/** Keys that lie together in one partition, so they can be listed: a list on a screen is a group. */
export interface Group<T, In = T> extends Keyed<T, In> {
  /**
   * The group as it changes. The same object each time.
   * @example const stop = list.watch().subscribe(({ entries, status }) => render(entries, status))
   */
  watch(): Live<GroupView<T>>
  /**
   * One key as it changes. The same object for the same key.
   * @example const todo = list.watch('a')
   */
  watch(key: string): Live<View<T>>
  /**
   * All entries, in the order of their keys.
   * @example for await (const { key, value } of list.entries({ prefix: 'a' })) show(key, value)
   */
  entries(options?: GroupScanOptions): Scan<T>
}

/** Keys that are spread over the ring, and groups of keys. */
export interface Collection<T, In = T> extends Keyed<T, In> {
  /**
   * One key as it changes. The same object for the same key.
   * @example const stop = node.collection(Todos).watch('a').subscribe(({ value }) => render(value))
   */
  watch(key: string): Live<View<T>>
  /**
   * The keys of one group. The same name gives the same object.
   * @example const list = node.collection(Todos).group('list-1')
   */
  group(name: string): Group<T, In>
  /**
   * All entries, those of groups included, in no order. It asks every partition once: for exports, not for screens.
   * @example for await (const entry of node.collection(Todos).entries()) save(entry)
   */
  entries(options?: ScanOptions): Scan<T>
}
