/**
 * Access: what collections are built on, made for the first definition that a node opens (not in the paper).
 *
 * Lists and views are made here, and not with the node: an application without collections does not carry their code.
 */
import { shortfall } from '../core/quorum/demand.ts'
import { type KeyName, parseStoredKey } from '../core/stored-key.ts'
import type { KeyedRecord } from '../core/wire/messages.ts'
import { checkGet, checkKey, checkRange } from './api/arguments.ts'
import type { FollowStatus, Inside, NodeAccess, ScannedEntry, ScanRange, ScanResult } from './api/named-requests.ts'
import type { Operations } from './api/operations.ts'
import type { GetOptions } from './api/tabring-node.ts'
import type { Parts } from './assembly.ts'
import { mintActor } from './coordination/dot-mint.ts'
import { judge } from './coordination/outcomes.ts'
import type { SiblingCap } from './coordination/sibling-cap.ts'
import { Expiries } from './following/expiries.ts'
import { Following } from './following/following.ts'
import { groupSubject, keySubject } from './following/subjects.ts'
import { type Opened, Requests, valuesOf } from './requests.ts'
import { scan } from './scanning/scan.ts'

/**
 * The access to a node. The same for all its definitions. From now on the sibling cap joins values that carry their
 * merge state, by `join`.
 */
export function accessOf(inside: Inside, join: SiblingCap['join'] = null): NodeAccess {
  const opened = inside as unknown as Opened
  opened.access ??= new Access(opened)
  opened.parts.siblingCap.join ??= join
  return opened.access
}

class Access extends Requests implements NodeAccess {
  readonly #parts: Parts
  readonly #operations: Operations
  readonly #following: Following

  constructor({ parts, operations }: Opened) {
    super(parts, operations)
    this.#parts = parts
    this.#operations = operations
    const following = new Following(parts.ports.clock, parts.coordinator, parts.retention)
    parts.views.told = (entries, from) => following.told(entries, from)
    parts.views.changed = (node) => following.changed(node)
    parts.views.woke = () => following.woke()
    parts.views.count = () => following.count
    parts.views.ended = following.start(parts.chance)
    this.#following = following
  }

  async scan(range: ScanRange, options: GetOptions = {}): Promise<ScanResult> {
    this.#parts.lifetime.assertOpen()
    const { config, sleepDetector, throttle, joined, coordinator, trace } = this.#parts
    sleepDetector.look()
    const { demand, timeoutMs } = checkGet(options, config)
    const due = checkRange(range)
    throttle.request()
    const answer = async (id: number) => {
      await joined.first
      const { entries, next, extent, quorum } = await scan(coordinator, due, { demand, timeoutMs, id })
      judge(quorum, options, `answered by ${shortfall(extent, demand)} that were asked for`)
      const shown = entries.flatMap(({ key, record }) => {
        const [name, values] = [parseStoredKey(key), valuesOf(this.#parts, record)]
        return name === null || values.length === 0 ? [] : [{ name, values }]
      })
      return { entries: shown, next, replies: extent.nodes, quorum }
    }
    const group = 'group' in range.where ? range.where.group : ''
    return trace.request('scan', group, 'application', (id) =>
      this.#operations.run(options.signal, 'nothing', () => answer(id)),
    )
  }

  follow(
    what: KeyName | { readonly collection: string; readonly group: string },
    r: number | undefined,
    listener: (changed: readonly ScannedEntry[], status: FollowStatus) => void,
  ): () => void {
    const { ports, config, coordinator } = this.#parts
    this.#parts.lifetime.assertOpen()
    const { demand } = checkGet(r === undefined ? {} : { r }, config)
    const terms = { demand, timeoutMs: config.timeoutMs }
    const subject =
      'key' in what ? keySubject(coordinator, checkKey(what), terms) : groupSubject(coordinator, what, terms)
    let known: FollowStatus = 'loading'
    const tell = (changed: readonly KeyedRecord[]) => {
      const entries = changed.flatMap(({ key, record }) => {
        const name = parseStoredKey(key)
        return name === null ? [] : [{ name, values: valuesOf(this.#parts, record) }]
      })
      listener(entries, known)
    }
    const expiries = new Expiries(ports.clock, tell)
    const stop = this.#following.watch(subject, (changed, status) => {
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
