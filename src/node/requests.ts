/**
 * Requests: get, put, delete and scan of an application, by collection, group and key (Dynamo, section 4.1).
 *
 * Each checks its arguments, asks the coordinator, and judges the outcome.
 */
import { meets, shortfall } from '../core/quorum/demand.ts'
import { type KeyName, parseStoredKey } from '../core/stored-key.ts'
import { isBlank } from '../core/versioning/causal-history.ts'
import { contextOf } from '../core/versioning/context.ts'
import { liveValues, type Record, type Unwritten } from '../core/versioning/record.ts'
import type { KeyedRecord } from '../core/wire/messages.ts'
import { encodeContext } from '../core/wire/record-codec.ts'
import { type Checked, checkContext, checkDelete, checkGet, checkKey, checkPut, checkRange } from './api/arguments.ts'
import type { ChangedEntry, FollowStatus, NodeAccess, ScanRange, ScanResult } from './api/named-requests.ts'
import type { Operations } from './api/operations.ts'
import type { Context, DeleteOptions, GetOptions, GetResult, PutOptions, PutResult } from './api/tabring-node.ts'
import type { Parts } from './assembly.ts'
import { mintActor } from './coordination/dot-mint.ts'
import { judge, putFailed } from './coordination/outcomes.ts'
import { read } from './coordination/read.ts'
import { put } from './coordination/write.ts'
import { Expiries } from './following/expiries.ts'
import { groupSubject, keySubject } from './following/subjects.ts'
import { scan } from './scanning/scan.ts'

export class Requests implements NodeAccess {
  readonly #parts: Parts
  readonly #operations: Operations

  constructor(parts: Parts, operations: Operations) {
    this.#parts = parts
    this.#operations = operations
  }

  async get<T = unknown>(name: KeyName, options: GetOptions = {}): Promise<GetResult<T>> {
    this.#parts.lifetime.assertOpen()
    const { config, sleepDetector, throttle, joined, coordinator, events } = this.#parts
    sleepDetector.look()
    const stored = checkKey(name)
    throttle.request()
    const { demand, timeoutMs } = checkGet(options, config)
    const atLeast = checkContext(stored, options.atLeast ?? null)
    return this.#operations.run(options.signal, 'nothing', async () => {
      await joined.first
      const { record, horizon, extent, quorum } = await read(coordinator, stored, { demand, atLeast, timeoutMs })
      const values = this.#valuesOf(record) as T[]
      if (values.length > 1) events.emit('conflict', { key: name.key, siblings: values.length })
      const short = shortfall(extent, demand)
      judge(
        quorum,
        options,
        short === '' ? 'nobody in reach has seen what `atLeast` names' : `answered by ${short} that were asked for`,
      )
      const isUnwritten = isBlank(record.history) && record.siblings.length === 0 && horizon === 0
      const context = isUnwritten ? null : (encodeContext(stored, contextOf(record, horizon)) as Context)
      return { values, context, replies: extent.nodes, quorum }
    })
  }

  /** The values of a record that have not expired. Values that cannot be decoded are counted, and left out. */
  #valuesOf(record: Record): unknown[] {
    const { ports, values: codec, events } = this.#parts
    return liveValues(record, ports.clock.wall()).flatMap((bytes) => {
      const value = codec.decode(bytes)
      if (value !== undefined) return [value]
      events.trouble.undecodable += 1
      return []
    })
  }

  async put(name: KeyName, context: Context | null, value: unknown, options: PutOptions = {}): Promise<PutResult> {
    this.#parts.lifetime.assertOpen()
    const { expiresAt, ...checked } = checkPut(options, this.#parts.config)
    const unwritten = { kind: 'value', value: this.#parts.values.encode(value), expiresAt } as const
    return this.#write(name, context, checked, unwritten)
  }

  async delete(name: KeyName, context: Context | null, options: DeleteOptions = {}): Promise<PutResult> {
    this.#parts.lifetime.assertOpen()
    return this.#write(name, context, checkDelete(options, this.#parts.config), { kind: 'tombstone' })
  }

  async #write(name: KeyName, context: Context | null, checked: Checked, unwritten: Unwritten): Promise<PutResult> {
    const { throttle, joined, coordinator } = this.#parts
    const stored = checkKey(name)
    const seen = checkContext(stored, context)
    throttle.request()
    const { demand, signal } = checked
    return this.#operations.run(signal, 'unknown', async () => {
      await joined.first
      const { after, record, extent, hinted, isStored, failure } = await put(
        coordinator,
        stored,
        seen,
        unwritten,
        checked,
      )
      if (!isStored) throw putFailed(failure)
      // A promise that has resolved is in this tab's views.
      this.#parts.following.told([{ key: stored, record }])
      const quorum = meets(extent, demand)
      const text = `the write is held by ${shortfall(extent, demand)} that were asked for; it will be handed on`
      judge(quorum, checked, text, 'stored')
      const context = encodeContext(stored, after) as Context
      return { context, acks: extent.nodes, devices: extent.devices, hinted, quorum }
    })
  }

  async scan(range: ScanRange, options: GetOptions = {}): Promise<ScanResult> {
    this.#parts.lifetime.assertOpen()
    const { config, sleepDetector, throttle, joined, coordinator } = this.#parts
    sleepDetector.look()
    const { demand, timeoutMs } = checkGet(options, config)
    const due = checkRange(range)
    throttle.request()
    return this.#operations.run(options.signal, 'nothing', async () => {
      await joined.first
      const { entries, next, extent, quorum } = await scan(coordinator, due, { demand, timeoutMs })
      judge(quorum, options, `answered by ${shortfall(extent, demand)} that were asked for`)
      const shown = entries.flatMap(({ key, record }) => {
        const [name, values] = [parseStoredKey(key), this.#valuesOf(record)]
        return name === null || values.length === 0 ? [] : [{ name, values }]
      })
      return { entries: shown, next, replies: extent.nodes, quorum }
    })
  }

  follow(
    what: KeyName | { readonly collection: string; readonly group: string },
    r: number | undefined,
    listener: (changed: readonly ChangedEntry[], status: FollowStatus) => void,
  ): () => void {
    const { ports, config, following, coordinator } = this.#parts
    this.#parts.lifetime.assertOpen()
    const demand = { nodes: r ?? config.r, primaries: 0, devices: 0 }
    const terms = { demand, timeoutMs: config.timeoutMs }
    const subject =
      'key' in what ? keySubject(coordinator, checkKey(what), terms) : groupSubject(coordinator, what, terms)
    let known: FollowStatus = 'loading'
    const tell = (changed: readonly KeyedRecord[]) => {
      const entries = changed.flatMap(({ key, record }) => {
        const name = parseStoredKey(key)
        return name === null ? [] : [{ name, values: this.#valuesOf(record) }]
      })
      listener(entries, known)
    }
    const expiries = new Expiries(ports.clock, tell)
    const stop = following.watch(subject, (changed, status) => {
      known = status
      expiries.shown(changed)
      tell(changed)
    })
    return () => {
      stop()
      expiries.stop()
    }
  }

  after(ms: number, task: () => void): () => void {
    return this.#parts.ports.clock.after(ms, task)
  }

  wall(): number {
    return this.#parts.ports.clock.wall()
  }

  mintActor(): string {
    return mintActor(this.#parts.ports.random)
  }
}
