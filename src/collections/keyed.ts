/**
 * Keys with values of one type: reads merge what tabs wrote concurrently, writes carry what they saw.
 *
 * Each write reads first: it takes the place of exactly what it saw. A write goes on under the actor of this tab's last
 * write of the key, if the read has seen that write. Otherwise it begins a new actor: so no count is used twice,
 * however far a read lags.
 */
import { TabringError } from '../errors.ts'
import { change, fields, latest, type MergeType, read, type Stamp, type Stored, timeSeen } from '../merge/merge.ts'
import { equal, isRecord } from '../merge/plain.ts'
import type { Context, DeleteOptions, GetOptions, GetResult, PutOptions, PutResult } from '../node/api/tabring-node.ts'
import { merged, type Setting } from './setting.ts'
import { type Checked, checked } from './standard-schema.ts'
import type { Found, Keyed, ManyResult, SetOptions, Updated } from './types.ts'

/** Keys of which one collection remembers this tab's last write. */
const writesMax = 10_000

/** The merge type for a write. */
function typeFor({ options }: Setting, to: unknown): MergeType<unknown> {
  if (options.merge !== undefined) return options.merge
  return isRecord(to) ? (fields() as MergeType<unknown>) : latest()
}

/** True if a write without a merge type of its own puts something else in the place of an object. */
function isReplaced({ options }: Setting, { kind }: MergeType<unknown>, values: readonly unknown[]): boolean {
  return options.merge === undefined && kind === 'latest' && read(fields(), values) !== undefined
}

export class KeyedValues implements Keyed<unknown> {
  readonly #setting: Setting
  readonly #group: string | null
  /** By key: the stamp of this tab's last write. The key that was written last is the last one. */
  readonly #written = new Map<string, Stamp>()
  /** By key: the end of the last change that is under way. */
  readonly #queue = new Map<string, Promise<unknown>>()
  /** By key: the write under way. */
  readonly #pending = new Map<string, Stored | 'delete'>()
  /** Views to tell of writes under way. */
  readonly onPending: Set<(key: string) => void> = new Set()

  constructor(setting: Setting, group: string | null) {
    this.#setting = setting
    this.#group = group
  }

  async get(key: string, options: GetOptions = {}): Promise<Found<unknown>> {
    const { values, context, quorum } = await this.#read(key, options)
    const siblings = values.length
    const value = merged(this.#setting, values)
    if (value === undefined) return { value, invalid: undefined, context, siblings, quorum }
    const result = checked(this.#setting.options.schema, value)
    if ('fault' in result) return { value: undefined, invalid: result.fault, context, siblings, quorum }
    return { value: result.value, invalid: undefined, context, siblings, quorum }
  }

  async getMany(keys: Iterable<string>, options?: GetOptions): Promise<ReadonlyMap<string, Found<unknown>>> {
    const found = new Map<string, Found<unknown>>()
    await inParts([...keys], async (key) => void found.set(key, await this.get(key, options)))
    return found
  }

  async has(key: string, options?: GetOptions): Promise<boolean> {
    return (await this.get(key, options)).value !== undefined
  }

  async set(key: string, value: unknown, { from, ...options }: SetOptions<unknown> = {}): Promise<PutResult> {
    const { value: _, ...result } = await this.#change(key, () => value, options, from)
    return result
  }

  update(
    key: string,
    makeNext: (value: unknown) => unknown,
    options: GetOptions & PutOptions = {},
  ): Promise<Updated<unknown>> {
    const next = (shown: Checked<unknown>) => {
      // A function that is not shown what is stored must neither delete nor replace it.
      if ('fault' in shown) throw refused(`${key} holds what the schema refuses: ${shown.fault}`)
      return makeNext(shown.value)
    }
    return this.#change(key, next, options, undefined)
  }

  delete(key: string, options: DeleteOptions = {}): Promise<PutResult> {
    return this.#inTurn(key, async () => {
      const { w, pw, devices, strict, ...reading } = options
      const { context } = await this.#read(key, reading)
      return this.#delete(key, context, options)
    })
  }

  setMany(entries: Iterable<readonly [string, unknown]>, options?: PutOptions): Promise<ManyResult> {
    return runEach([...entries].map(([key, value]) => [key, () => this.set(key, value, options)]))
  }

  deleteMany(keys: Iterable<string>, options?: DeleteOptions): Promise<ManyResult> {
    return runEach([...keys].map((key) => [key, () => this.delete(key, options)]))
  }

  /** The write of a key that is under way: its value, or that it is a delete. */
  pendingOf(key: string): Stored | 'delete' | undefined {
    return this.#pending.get(key)
  }

  /** Shows a write in the views of this tab until it is settled. */
  async #showing<R>(key: string, write: Stored | 'delete', settled: Promise<R>): Promise<R> {
    const tell = () => {
      for (const listener of this.onPending) listener(key)
    }
    try {
      this.#pending.set(key, write)
      tell()
      return await settled
    } finally {
      this.#pending.delete(key)
      tell()
    }
  }

  #name(key: string) {
    return { collection: this.#setting.collection, group: this.#group, key }
  }

  #read(key: string, options: GetOptions): Promise<GetResult<unknown>> {
    const { access, options: defined } = this.#setting
    return access.get(this.#name(key), { ...(defined.r === undefined ? {} : { r: defined.r }), ...options })
  }

  #delete(key: string, context: Context | null, options: DeleteOptions): Promise<PutResult> {
    const { access, options: defined } = this.#setting
    const terms = { ...(defined.w === undefined ? {} : { w: defined.w }), ...options }
    return this.#showing(key, 'delete', access.delete(this.#name(key), context, terms))
  }

  /** Reads a key, changes the value, and puts the result in the place of what it read. */
  #change(
    key: string,
    makeNext: (shown: Checked<unknown>) => unknown,
    options: GetOptions & PutOptions,
    from: unknown,
  ): Promise<Updated<unknown>> {
    return this.#inTurn(key, async () => {
      const { r, pr, atLeast, ...writing } = options
      const { w, pw, devices, expiresAt, strict, ...reading } = options
      const { values, context } = await this.#read(key, reading)
      const { schema } = this.#setting.options
      const stored = merged(this.#setting, values)
      const shown = stored === undefined ? { value: undefined } : checked(schema, stored)
      const wanted = makeNext(shown)
      if (wanted === undefined) return { ...(await this.#delete(key, context, deletion(writing))), value: undefined }
      const after = checked(schema, wanted)
      if ('fault' in after) throw refused(`${key} does not pass the schema: ${after.fault}`)
      const type = typeFor(this.#setting, after.value)
      const base = isReplaced(this.#setting, type, values) ? [] : values
      const stamp = this.#stampFor(key, base)
      const seen = schema === undefined ? (from ?? stored) : seenAs(stored, shown, from, after.value)
      const next = change(type, base, { to: after.value, stamp, ...(seen === undefined ? {} : { from: seen }) })
      // A write that fails may have been stored all the same: the next one goes on under another actor.
      this.#written.delete(key)
      const putting = this.#setting.access.put(this.#name(key), context, next, this.#terms(writing))
      const result = await this.#showing(key, next, putting)
      this.#wrote(key, { actor: stamp.actor, time: timeSeen([next], stamp.actor) ?? stamp.time })
      return { ...result, value: merged(this.#setting, [next]) }
    })
  }

  #terms(writing: PutOptions): PutOptions {
    const { access, options } = this.#setting
    const { w, expiresAfterMs } = options
    const expiry = expiresAfterMs === undefined ? {} : { expiresAt: new Date(access.wall() + expiresAfterMs) }
    return { ...(w === undefined ? {} : { w }), ...expiry, ...writing }
  }

  /** The stamp of the next write. The actor goes on only if the values have seen its last write. */
  #stampFor(key: string, values: readonly unknown[]): Stamp {
    const { access } = this.#setting
    const last = this.#written.get(key)
    const isSeen = last !== undefined && timeSeen(values, last.actor) === last.time
    return { actor: isSeen ? last.actor : access.mintActor(), time: Math.floor(access.wall()) }
  }

  #wrote(key: string, stamp: Stamp): void {
    this.#written.delete(key)
    this.#written.set(key, stamp)
    const [oldest] = this.#written.keys()
    if (this.#written.size > writesMax && oldest !== undefined) this.#written.delete(oldest)
  }

  /** Runs the changes of one key one after the other. */
  #inTurn<R>(key: string, work: () => Promise<R>): Promise<R> {
    const before = this.#queue.get(key) ?? Promise.resolve()
    const turn = before.then(work, work)
    this.#queue.set(key, turn)
    const leave = () => {
      if (this.#queue.get(key) === turn) this.#queue.delete(key)
    }
    turn.then(leave, leave)
    return turn
  }
}

function deletion({ expiresAt: _, ...options }: PutOptions): DeleteOptions {
  return options
}

/** Keys of one `getMany` or `setMany` that are asked for at once: a node has room for 1024 requests in all. */
const keysAtOnce = 128

async function inParts<I>(items: readonly I[], work: (item: I) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += keysAtOnce) await Promise.all(items.slice(at, at + keysAtOnce).map(work))
}

const refused = (text: string) => new TabringError('invalid-value', `${text}. Nothing was changed.`)

/**
 * The value that a writer saw, in terms of what is stored. A schema may have filled defaults in, or changed values. So a
 * part that the writer altered is compared with what is stored, and one that it left alone counts as unchanged.
 */
function seenAs(stored: unknown, shown: Checked<unknown>, from: unknown, to: unknown): unknown {
  // A value that the schema refuses was not shown. Its unknown fields stay.
  if ('fault' in shown) return isRecord(to) ? {} : stored
  const saw = from ?? shown.value
  const part = (before: unknown, now: unknown, seen: unknown, kept: unknown) =>
    equal(seen, now) ? now : from === undefined || equal(seen, before) ? kept : seen
  if (!isRecord(saw) || !isRecord(to) || !isRecord(stored) || !isRecord(shown.value))
    return part(shown.value, to, saw, stored)
  const [before, kept] = [shown.value, stored]
  const names = [...new Set([...Object.keys(saw), ...Object.keys(to)])]
  return Object.fromEntries(names.map((name) => [name, part(before[name], to[name], saw[name], kept[name])]))
}

/** Runs several writes, each for itself. */
async function runEach(writes: readonly (readonly [string, () => Promise<unknown>])[]): Promise<ManyResult> {
  const failed = new Map<string, TabringError>()
  const run = async ([key, write]: (typeof writes)[number]) => {
    try {
      await write()
    } catch (error) {
      if (!(error instanceof TabringError)) throw error
      failed.set(key, error)
    }
  }
  await inParts(writes, run)
  return { stored: writes.length - failed.size, failed }
}
