/**
 * Views of keys and groups, kept up to date by what replicas tell, and by this tab's own writes before they are
 * acknowledged.
 *
 * A write under way is one more sibling: the merge shows it at once beside what is stored. It ceases to be shown when
 * its promise settles. By then the node has told of what was stored, so nothing flickers.
 */
import { equal } from '../merge/plain.ts'
import type { FollowStatus, ScannedEntry } from '../node/api/named-requests.ts'
import type { KeyedValues } from './keyed.ts'
import { type Live, LiveValue } from './live.ts'
import { merged, type Setting } from './setting.ts'
import { checked } from './standard-schema.ts'
import type { Entry, GroupView, View } from './types.ts'

/** The views of one collection outside of groups, or of one group. Each lives as long as the application keeps it. */
export class Views {
  readonly #setting: Setting
  readonly #keyed: KeyedValues
  readonly #group: string | null
  readonly #byKey = new Map<string, WeakRef<Live<View<unknown>>>>()
  #whole: Live<GroupView<unknown>> | undefined

  constructor(setting: Setting, keyed: KeyedValues, group: string | null) {
    this.#setting = setting
    this.#keyed = keyed
    this.#group = group
  }

  of(key: string): Live<View<unknown>> {
    const known = this.#byKey.get(key)?.deref()
    if (known !== undefined) return known
    const view = new LiveKeys(this.#setting, this.#keyed, { group: this.#group, key }, keyView)
    this.#byKey.set(key, new WeakRef(view))
    return view
  }

  ofGroup(group: string): Live<GroupView<unknown>> {
    this.#whole ??= new LiveKeys(this.#setting, this.#keyed, { group }, groupView)
    return this.#whole
  }
}

/** The shown state of one key. `entry`: null if it holds nothing, or what the schema refuses. */
interface Shown {
  readonly entry: Entry<unknown> | null
  readonly isInvalid: boolean
  readonly isPending: boolean
}

const absent: Shown = { entry: null, isInvalid: false, isPending: false }

/** The keys of a view: their stored values, and those shown. */
class Keys {
  readonly #setting: Setting
  readonly #keyed: KeyedValues
  readonly #group: string | null
  readonly #stored = new Map<string, readonly unknown[]>()
  readonly #shown = new Map<string, Shown>()

  constructor(setting: Setting, keyed: KeyedValues, group: string | null) {
    this.#setting = setting
    this.#keyed = keyed
    this.#group = group
  }

  /** The entries shown, in the order of keys. */
  get all(): readonly Shown[] {
    return [...this.#shown].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, shown]) => shown)
  }

  /** These keys have changed. */
  take(changed: readonly ScannedEntry[]): void {
    for (const { name, values } of changed) {
      if (values.length === 0) this.#stored.delete(name.key)
      else this.#stored.set(name.key, values)
      this.review(name.key)
    }
  }

  /** Looks again at what is shown of a key. */
  review(key: string): void {
    const write = this.#keyed.pendingOf(key)
    const stored = this.#stored.get(key) ?? []
    const values = write === 'delete' ? [] : write === undefined ? stored : [...stored, write]
    const isPending = write !== undefined
    try {
      const value = values.length === 0 ? undefined : merged(this.#setting, values)
      if (value === undefined && !isPending) this.#shown.delete(key)
      else this.#shown.set(key, this.#shownAs(key, value, isPending))
    } catch {
      // A resolver of the application that throws must not keep the other keys from being shown.
      this.#shown.set(key, { entry: null, isInvalid: true, isPending })
    }
  }

  #shownAs(key: string, value: unknown, isPending: boolean): Shown {
    if (value === undefined) return { ...absent, isPending }
    const result = checked(this.#setting.options.schema, value)
    if ('fault' in result) return { entry: null, isInvalid: true, isPending }
    const before = this.#shown.get(key)?.entry
    const isSame = before != null && before.pending === isPending && equal(before.value, result.value)
    const entry = isSame ? before : { key, group: this.#group, value: result.value, pending: isPending }
    return { entry, isInvalid: false, isPending }
  }
}

/** One key, or a whole group. */
type Subject =
  | { readonly group: string | null; readonly key: string }
  | { readonly group: string; readonly key?: never }

const keyView = ([shown = absent]: readonly Shown[], status: FollowStatus): View<unknown> => ({
  value: shown.entry?.value,
  status,
  pending: shown.isPending,
  invalid: shown.isInvalid,
})

const groupView = (all: readonly Shown[], status: FollowStatus): GroupView<unknown> => ({
  entries: all.flatMap(({ entry }) => (entry === null ? [] : [entry])),
  status,
  pending: all.some(({ isPending }) => isPending),
  invalid: all.filter(({ isInvalid }) => isInvalid).length,
})

/** One key or one group, live. `viewOf` makes the state to show. */
class LiveKeys<V extends { readonly status: FollowStatus }> extends LiveValue<V> {
  readonly #setting: Setting
  readonly #keyed: KeyedValues
  readonly #what: Subject
  readonly #viewOf: (all: readonly Shown[], status: FollowStatus) => V

  constructor(
    setting: Setting,
    keyed: KeyedValues,
    what: Subject,
    viewOf: (all: readonly Shown[], status: FollowStatus) => V,
  ) {
    super((ms, task) => setting.access.after(ms, task), viewOf([], 'loading'))
    this.#setting = setting
    this.#keyed = keyed
    this.#what = what
    this.#viewOf = viewOf
  }

  protected follow(): () => void {
    const { access, collection, options } = this.#setting
    const keys = new Keys(this.#setting, this.#keyed, this.#what.group)
    let status: FollowStatus = 'loading'
    const show = () => this.show(this.#viewOf(keys.all, status))
    const pending = (key: string) => {
      if (this.#what.key !== undefined && key !== this.#what.key) return
      keys.review(key)
      show()
    }
    const stop = access.follow({ collection, ...this.#what }, options.r, (changed, now) => {
      status = now
      keys.take(changed)
      show()
    })
    this.#keyed.onPending.add(pending)
    return () => {
      stop()
      this.#keyed.onPending.delete(pending)
    }
  }
}
