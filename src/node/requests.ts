/**
 * Requests: get, put, delete and scan of an application, by collection, group and key (Dynamo, section 4.1).
 *
 * Each checks its arguments, asks the coordinator, and judges the outcome.
 */
import { shortfall } from '../core/quorum/demand.ts'
import type { KeyName } from '../core/stored-key.ts'
import { isBlank } from '../core/versioning/causal-history.ts'
import { contextOf } from '../core/versioning/context.ts'
import { liveValues, type Record, type Unwritten } from '../core/versioning/record.ts'
import { encodeContext } from '../core/wire/record-codec.ts'
import { type Checked, checkContext, checkDelete, checkGet, checkKey, checkPut } from './api/arguments.ts'
import type { Inside, Messaging, NamedRequests, NodeAccess } from './api/named-requests.ts'
import type { Operations } from './api/operations.ts'
import type { Context, DeleteOptions, GetOptions, GetResult, PutOptions, PutResult } from './api/tabring-node.ts'
import type { Parts } from './assembly.ts'
import { judge, putFailed } from './coordination/outcomes.ts'
import { read } from './coordination/read.ts'
import { put } from './coordination/write.ts'

export class Requests implements NamedRequests {
  readonly #parts: Parts
  readonly #operations: Operations

  constructor(parts: Parts, operations: Operations) {
    this.#parts = parts
    this.#operations = operations
  }

  async get<T = unknown>(name: KeyName, options: GetOptions = {}): Promise<GetResult<T>> {
    this.#parts.lifetime.assertOpen()
    const { config, sleepDetector, throttle, joined, coordinator, events, trace } = this.#parts
    sleepDetector.look()
    const stored = checkKey(name)
    throttle.request()
    const { demand, timeoutMs } = checkGet(options, config)
    const atLeast = checkContext(stored, options.atLeast ?? null)
    const answer = async (id: number) => {
      await joined.first
      const { record, horizon, extent, quorum } = await read(coordinator, stored, { demand, atLeast, timeoutMs, id })
      const values = valuesOf(this.#parts, record) as T[]
      if (values.length > 1) events.emit('conflict', { ...name, siblings: values.length })
      const short = shortfall(extent, demand)
      judge(
        quorum,
        options,
        short === '' ? 'nobody in reach has seen what `atLeast` names' : `answered by ${short} that were asked for`,
      )
      const isUnwritten = isBlank(record.history) && record.siblings.length === 0 && horizon === 0
      const context = isUnwritten ? null : (encodeContext(stored, contextOf(record, horizon)) as Context)
      return { values, context, replies: extent.nodes, quorum }
    }
    return trace.request('get', name.key, 'application', (id) =>
      this.#operations.run(options.signal, 'nothing', () => answer(id)),
    )
  }

  async put(name: KeyName, context: Context | null, value: unknown, options: PutOptions = {}): Promise<PutResult> {
    this.#parts.lifetime.assertOpen()
    const { expiresAt, ...checked } = checkPut(options, this.#parts.config)
    const unwritten = { kind: 'value', value: this.#parts.values.encode(value), expiresAt } as const
    return this.#write('put', name, context, checked, unwritten)
  }

  async delete(name: KeyName, context: Context | null, options: DeleteOptions = {}): Promise<PutResult> {
    this.#parts.lifetime.assertOpen()
    return this.#write('delete', name, context, checkDelete(options, this.#parts.config), { kind: 'tombstone' })
  }

  async #write(
    request: 'put' | 'delete',
    name: KeyName,
    context: Context | null,
    checked: Checked,
    unwritten: Unwritten,
  ): Promise<PutResult> {
    const { throttle, joined, coordinator, trace, views } = this.#parts
    const stored = checkKey(name)
    const seen = checkContext(stored, context)
    throttle.request()
    const { demand, signal } = checked
    const answer = async (id: number) => {
      await joined.first
      const outcome = await put(coordinator, stored, seen, unwritten, { ...checked, id })
      const { after, record, extent, hinted, quorum, isStored, failure } = outcome
      if (!isStored) throw putFailed(failure)
      // A promise that has resolved is in this tab's views.
      views.told([{ key: stored, record }], null)
      const text = `the write is held by ${shortfall(extent, demand)} that were asked for; it will be handed on`
      judge(quorum, checked, text, 'stored')
      const context = encodeContext(stored, after) as Context
      return { context, acks: extent.nodes, devices: extent.devices, hinted, quorum }
    }
    return trace.request(request, name.key, 'application', (id) =>
      this.#operations.run(signal, 'unknown', () => answer(id)),
    )
  }
}

/** The values of a record that have not expired. Values that cannot be decoded are counted, and left out. */
export function valuesOf({ ports, values: codec, events }: Parts, record: Record): unknown[] {
  return liveValues(record, ports.clock.wall()).flatMap((bytes) => {
    const value = codec.decode(bytes)
    if (value !== undefined) return [value]
    events.trouble.undecodable += 1
    return []
  })
}

/** The inside of a node. `access`, `messaging`: made by the files of these names for the first definition that asks. */
export interface Opened {
  readonly parts: Parts
  readonly operations: Operations
  access?: NodeAccess
  messaging?: Messaging
}

/** The handle that a definition is opened with. */
export const insideOf = (parts: Parts, operations: Operations): Inside =>
  ({ parts, operations }) satisfies Opened as unknown as Inside
