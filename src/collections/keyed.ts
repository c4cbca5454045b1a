/**
 * Keys with values of one type: reads merge what tabs wrote concurrently, writes carry what they saw.
 *
 * Each write reads first: it takes the place of exactly what it saw. A write goes on under the actor of this tab's last
 * write of the key, if the read has seen that write. Otherwise it begins a new actor: so no count is used twice,
 * however far a read lags.
 */
import { TabringError } from '../errors.ts'
import { change, fields, latest, type MergeType, read, type Stamp, type Stored, timeSeen } from '../merge/merge.ts'
import type { Context, DeleteOptions, GetOptions, GetResult, PutOptions, PutResult } from '../node/api/tabring-node.ts'
import { merged, type Setting } from './setting.ts'
import { checked } from './standard-schema.ts'
import type { Found, Keyed, ManyResult, SetOptions, Updated } from './types.ts'

/** Keys of which one collection remembers this tab's last write. */
const writesMax = 10_000

/** The merge type for a write. */
function typeFor({ options }: Setting, to: unknown): MergeType<unknown> {
  if (options.merge !== undefined) return options.merge
  const isObject = Object.prototype.toString.call(to) === '[object Object]'
  return isObject ? (fields() as MergeType<unknown>) : latest()
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
    return new Map(await Promise.all([...keys].map(async (key) => [key, await this.get(key, options)] as const)))
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
    change: (value: unknown) => unknown,
    options: GetOptions & PutOptions = {},
  ): Promise<Updated<unknown>> {
    return this.#change(key, change, options, undefined)
  }

  delete(key: string, options: DeleteOptions = {}): Promise<PutResult> {
    return this.#inTurn(key, async () => {
      const { timeoutMs, signal } = options
      const reading = { ...(timeoutMs === undefined ? {} : { timeoutMs }), ...(signal === undefined ? {} : { signal }) }
      const { context } = await this.#read(key, reading)
      return this.#delete(key, context, options)
    })
  }

  setMany(entries: Iterable<readonly [string, unknown]>, options?: PutOptions): Promise<ManyResult> {
    return each([...entries].map(([key, value]) => [key, () => this.set(key, value, options)]))
  }

  deleteMany(keys: Iterable<string>, options?: DeleteOptions): Promise<ManyResult> {
    return each([...keys].map((key) => [key, () => this.delete(key, options)]))
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
    this.#pending.set(key, write)
    tell()
    try {
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
    makeNext: (value: unknown) => unknown,
    options: GetOptions & PutOptions,
    from: unknown,
  ): Promise<Updated<unknown>> {
    return this.#inTurn(key, async () => {
      const { reading, writing } = split(options)
      const { values, context } = await this.#read(key, reading)
      const { schema } = this.#setting.options
      const stored = merged(this.#setting, values)
      const before = stored === undefined ? { value: undefined } : checked(schema, stored)
      // What the schema refuses is not shown to the change, and is not thrown away either.
      const wanted = makeNext('value' in before ? before.value : undefined)
      if (wanted === undefined) return { ...(await this.#delete(key, context, deletion(writing))), value: undefined }
      const after = checked(schema, wanted)
      if ('fault' in after)
        throw new TabringError('invalid-value', `${key} does not pass the schema: ${after.fault}. Nothing was changed.`)
      const type = typeFor(this.#setting, after.value)
      const base = isReplaced(this.#setting, type, values) ? [] : values
      const stamp = this.#stampFor(key, base)
      const seen = from ?? ('value' in before ? before.value : undefined)
      const next = change(type, base, { to: after.value, stamp, ...(seen === undefined ? {} : { from: seen }) })
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

/** The options of the read and of the write in a change. Both take the time and the signal. */
function split({ r, pr, atLeast, expiresAt, w, pw, devices, ...both }: GetOptions & PutOptions) {
  const there = <O extends object>(options: O) =>
    Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const { strict: _, ...shared } = both
  const reading: GetOptions = { ...shared, ...there({ r, pr, atLeast }) }
  const writing: PutOptions = { ...both, ...there({ expiresAt, w, pw, devices }) }
  return { reading, writing }
}

function deletion({ expiresAt: _, ...options }: PutOptions): DeleteOptions {
  return options
}

/** Runs several writes, each for itself. */
async function each(writes: readonly (readonly [string, () => Promise<unknown>])[]): Promise<ManyResult> {
  const failed = new Map<string, TabringError>()
  const run = async ([key, write]: (typeof writes)[number]) => {
    try {
      await write()
    } catch (error) {
      if (!(error instanceof TabringError)) throw error
      failed.set(key, error)
    }
  }
  await Promise.all(writes.map(run))
  return { stored: writes.length - failed.size, failed }
}
