/**
 * The sibling cap: an owner resolves a key whose siblings have become too many (Dynamo, section 4.4).
 *
 * Writers that never read would pile up siblings of a key without end. The owner does what any reader may: it reads,
 * and writes with the context it saw. Join drops nothing, so replicas agree no matter which node resolves. A write that
 * it has not seen stays as a sibling.
 *
 * The first owner within reach resolves; at twice the cap, any node that notices. If no owner is within reach, a node
 * with a hint resolves. Values that carry their merge state are joined, so nothing that they hold is lost. The code for
 * that comes with the first collection that an application opens. A node without it leaves such values to others, up to
 * four times the cap. Of all other values the latest takes the place. The application hears of all of them.
 */

import { bounds } from '../../core/bounds.ts'
import { partitionOf } from '../../core/hash.ts'
import type { StoredKey } from '../../core/ids.ts'
import { keyIn, nameIn } from '../../core/stored-key.ts'
import { blindContext, contextOf } from '../../core/versioning/context.ts'
import { compareWrites, isLive, liveValues, type Record, type Unwritten } from '../../core/versioning/record.ts'
import { checkGet, checkPut } from '../api/arguments.ts'
import type { CheckedConfig } from '../api/config.ts'
import type { ValueCodec } from '../api/value-codec.ts'
import type { Coordinator } from './coordinator.ts'
import { read } from './read.ts'
import { put } from './write.ts'

/** The first item of a value that carries its merge state, as `tabring/merge` stores it. */
export const mergeMark = '~merge'

const hasMergeState = (value: unknown) => Array.isArray(value) && value[0] === mergeMark

/** Typed siblings that no node in reach can join, at most: as a multiple of the cap. */
const unjoinedFactor = 4

export class SiblingCap {
  /** Joins values that carry their merge state into one. Null as long as the application has opened no collection. */
  join: ((values: readonly unknown[]) => unknown) | null = null
  readonly #node: Coordinator
  readonly #config: CheckedConfig
  readonly #values: ValueCodec
  /** Keys that are being resolved, and keys that could not be resolved a moment ago. */
  readonly #underWay = new Set<StoredKey>()
  readonly #failed = new Set<StoredKey>()

  constructor(node: Coordinator, config: CheckedConfig, values: ValueCodec) {
    this.#node = node
    this.#config = config
    this.#values = values
  }

  /**
   * A key has too many siblings here. Never rejects. If too many keys are crowded at once, the next write of this one
   * tries again. After a failure, the first write after a pause does. Without the pause, its own write would start the
   * next attempt at once.
   */
  async noticed(key: StoredKey, siblings: number): Promise<void> {
    if (this.#failed.has(key) || this.#underWay.has(key) || this.#underWay.size >= bounds.crowdedAtOnce) return
    // The first owner may be unable to resolve, with a full disk for instance. Then another node has to.
    if (!this.#isFirstInReach(key) && siblings <= 2 * this.#config.siblingsMax) return
    this.#underWay.add(key)
    const isRelieved = await this.#relieve(key).catch(() => false)
    this.#underWay.delete(key)
    if (isRelieved) return
    this.#failed.add(key)
    this.#node.clock.after(bounds.reliefRetryMs, () => this.#failed.delete(key))
  }

  /**
   * True if this node is the first owner within reach. A node with a hint counts as first while no owner is within
   * reach.
   */
  #isFirstInReach(key: StoredKey): boolean {
    const { routing } = this.#node
    const first = routing.ownersOf(partitionOf(key)).find((node) => this.#node.isInReach(node))
    return first === undefined || first === routing.self
  }

  /** Resolves to true if the key has no more siblings than the cap, or fewer here than the read found. */
  async #relieve(key: StoredKey): Promise<boolean> {
    const { clock, events, trace, replica } = this.#node
    const name = keyIn(key)
    const question = { ...checkGet({}, this.#config), atLeast: blindContext }
    const { record } = await trace.request('get', name, 'sibling cap', (id) =>
      read(this.#node, key, { ...question, id }),
    )
    if (record.siblings.length <= this.#config.siblingsMax) return true
    const values = liveValues(record, clock.wall()).map((value) => this.#values.decode(value))
    const resolution = this.resolution(key, record)
    if (resolution === null) return false
    const terms = checkPut({}, this.#config)
    const { isStored } = await trace.request('put', name, 'sibling cap', (id) =>
      put(this.#node, key, contextOf(record), resolution, { ...terms, id }),
    )
    if (!isStored) return false
    events.emit('crowded', { ...nameIn(key), siblings: record.siblings.length, values })
    return (await replica.read(key)).record.siblings.length < record.siblings.length
  }

  /**
   * The write that replaces all siblings: what live values come to, or a tombstone. Null if another node has to resolve
   * them.
   */
  resolution(_key: StoredKey, { siblings }: Record): Unwritten | null {
    const now = this.#node.clock.wall()
    const live = [...siblings].sort((a, b) => compareWrites(b, a)).filter((sibling) => isLive(sibling, now))
    const [latest] = live
    if (latest === undefined) return { kind: 'tombstone' }
    const { value, expiresAt } = latest
    const values = live.map((sibling) => this.#values.decode(sibling.value)).filter((each) => each !== undefined)
    if (!values.some(hasMergeState)) return { kind: 'value', value, expiresAt }
    if (this.join === null)
      return siblings.length > unjoinedFactor * this.#config.siblingsMax ? { kind: 'value', value, expiresAt } : null
    const joined = this.#values.encode(this.join(values))
    const lasts = live.some((sibling) => sibling.expiresAt === null)
    return {
      kind: 'value',
      value: joined,
      expiresAt: lasts ? null : Math.max(...live.map((each) => each.expiresAt ?? 0)),
    }
  }
}
