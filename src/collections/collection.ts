/**
 * Collections and groups: typed keys with names of their own, and their lists.
 */
import type { NodeAccess, ScanRange } from '../node/api/named-requests.ts'
import type { GetOptions } from '../node/api/tabring-node.ts'
import { KeyedValues } from './keyed.ts'
import type { Live } from './live.ts'
import { checkCounts, merged, type Setting } from './setting.ts'
import { checked } from './standard-schema.ts'
import type { Collection, Entry, Group, GroupScanOptions, GroupView, Scan, ScanOptions, View } from './types.ts'
import { Views } from './views.ts'

const partitions = 1024
/** Partitions that an export reads at once: many pages are empty, and their round trips would add up. */
const rangesAtOnce = 16

export function openCollection(
  collection: string,
  options: Setting['options'],
  access: NodeAccess,
): Collection<unknown> {
  return new OpenCollection({ collection, options, access })
}

class OpenCollection extends KeyedValues implements Collection<unknown> {
  readonly #setting: Setting
  readonly #views: Views
  readonly #groups = new Map<string, OpenGroup>()

  constructor(setting: Setting) {
    super(setting, null)
    this.#setting = setting
    this.#views = new Views(setting, this, null)
  }

  watch(key: string): Live<View<unknown>> {
    return this.#views.of(key)
  }

  group(name: string): Group<unknown> {
    const group = this.#groups.get(name) ?? new OpenGroup(this.#setting, name)
    this.#groups.set(name, group)
    return group
  }

  entries(options: ScanOptions = {}): Scan<unknown> {
    const ranges = Array.from({ length: partitions }, (_, partition) => ({ where: { partition } }))
    return new Entries(this.#setting, ranges, options)
  }
}

class OpenGroup extends KeyedValues implements Group<unknown> {
  readonly #setting: Setting
  readonly #group: string
  readonly #views: Views

  constructor(setting: Setting, group: string) {
    super(setting, group)
    this.#setting = setting
    this.#group = group
    this.#views = new Views(setting, this, group)
  }

  watch(): Live<GroupView<unknown>>
  watch(key: string): Live<View<unknown>>
  watch(key?: string): Live<GroupView<unknown>> | Live<View<unknown>> {
    return key === undefined ? this.#views.ofGroup(this.#group) : this.#views.of(key)
  }

  entries({ prefix = '', after, limit, ...options }: GroupScanOptions = {}): Scan<unknown> {
    checkCounts({ limit })
    const range = { where: { group: this.#group }, prefix, ...(after === undefined ? {} : { after }) }
    return new Entries(this.#setting, [range], options, limit)
  }
}

/** The entries of one range after the other. */
class Entries implements Scan<unknown> {
  readonly #setting: Setting
  readonly #ranges: readonly Omit<ScanRange, 'collection'>[]
  readonly #options: ScanOptions
  readonly #limit: number
  unreached = 0
  invalid = 0

  constructor(
    setting: Setting,
    ranges: readonly Omit<ScanRange, 'collection'>[],
    options: ScanOptions,
    limit: number = Number.POSITIVE_INFINITY,
  ) {
    this.#setting = setting
    this.#ranges = ranges
    this.#options = options
    this.#limit = limit
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Entry<unknown>> {
    this.unreached = 0
    this.invalid = 0
    let left = this.#limit
    for (let at = 0; at < this.#ranges.length; at += rangesAtOnce) {
      for await (const entry of this.#together(this.#ranges.slice(at, at + rangesAtOnce))) {
        yield entry
        left -= 1
        if (left === 0) return
      }
    }
  }

  /** The entries of one range, page by page, or of several that are read at once. */
  async *#together(ranges: readonly Omit<ScanRange, 'collection'>[]): AsyncGenerator<Entry<unknown>> {
    const [only, ...others] = ranges
    if (only !== undefined && others.length === 0) return yield* this.#entriesIn(only)
    const reading = ranges.map(async (range) => {
      const found = []
      for await (const entry of this.#entriesIn(range)) found.push(entry)
      return found
    })
    for (const found of await Promise.all(reading)) yield* found
  }

  async *#entriesIn(range: Omit<ScanRange, 'collection'>): AsyncGenerator<Entry<unknown>> {
    const { access, collection, options } = this.#setting
    const reading: GetOptions = { ...(options.r === undefined ? {} : { r: options.r }), ...this.#options }
    let isReached = true
    for (let from: string | undefined; ; ) {
      const page = await access.scan({ collection, ...range, ...(from === undefined ? {} : { from }) }, reading)
      if (isReached && !page.quorum) this.unreached += 1
      isReached &&= page.quorum
      for (const { name, values } of page.entries) {
        const value = merged(this.#setting, values)
        if (value === undefined) continue
        const result = checked(options.schema, value)
        if ('value' in result) yield { key: name.key, group: name.group, value: result.value, pending: false }
        else this.invalid += 1
      }
      if (page.next === null) break
      from = page.next
    }
  }
}
