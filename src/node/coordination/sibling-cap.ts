/**
 * The sibling cap: writers who never read would pile up siblings of one key without end. Where there are more than a
 * record is to hold, an owner does what any reader may: it reads, and writes with the context it saw (Dynamo, section
 * 4.4). Nothing is dropped inside join, so replicas agree whoever resolves, and a write it has not seen stays beside.
 *
 * Of the owners, the first in reach resolves, or any where there are twice as many; and whoever keeps a hint, where
 * no owner is in reach. It cannot merge what it does not understand, so it writes the latest value; the application
 * hears of all of them.
 */

import { bounds } from '../../core/bounds.ts'
import { partitionOf } from '../../core/hash.ts'
import type { StoredKey } from '../../core/ids.ts'
import { blindContext, contextOf } from '../../core/versioning/context.ts'
import { compareWrites, isLive, liveValues, type Record, type Unwritten } from '../../core/versioning/record.ts'
import { parseStoredKey } from '../../core/versioning/stored-key.ts'
import { checkGet, checkPut } from '../api/arguments.ts'
import type { CheckedConfig } from '../api/config.ts'
import type { ValueCodec } from '../api/value-codec.ts'
import type { Coordinator } from './coordinator.ts'
import { read } from './read.ts'
import { put } from './write.ts'

export class SiblingCap {
  readonly #node: Coordinator
  readonly #config: CheckedConfig
  readonly #values: ValueCodec
  /** Keys that are being resolved, and those that could not be, a moment ago. */
  readonly #underWay = new Set<StoredKey>()
  readonly #failed = new Set<StoredKey>()

  constructor(node: Coordinator, config: CheckedConfig, values: ValueCodec) {
    this.#node = node
    this.#config = config
    this.#values = values
  }

  /**
   * A key has too many siblings here. Never rejects: what is too much at once is tried again with the next write, and
   * what did no good, for whatever reason, with the next one after a while: it would call for itself again at once.
   */
  async noticed(key: StoredKey, siblings: number): Promise<void> {
    if (this.#failed.has(key) || this.#underWay.has(key) || this.#underWay.size >= bounds.crowdedAtOnce) return
    // Where the first one cannot, because its disk is full for instance, somebody has to.
    if (!this.#isFirstInReach(key) && siblings <= 2 * this.#config.siblingsMax) return
    this.#underWay.add(key)
    const isRelieved = await this.#relieve(key).catch(() => false)
    this.#underWay.delete(key)
    if (isRelieved) return
    this.#failed.add(key)
    this.#node.clock.after(bounds.reliefRetryMs, () => this.#failed.delete(key))
  }

  /** Whoever keeps a hint is, while none of the owners can be reached. */
  #isFirstInReach(key: StoredKey): boolean {
    const { routing } = this.#node
    const first = routing.ownersOf(partitionOf(key)).find((node) => this.#node.isInReach(node))
    return first === undefined || first === routing.self
  }

  /** Resolves to whether there are fewer siblings now than there were. */
  async #relieve(key: StoredKey): Promise<boolean> {
    const { clock, events, replica } = this.#node
    const { record } = await read(this.#node, key, { ...checkGet({}, this.#config), atLeast: blindContext })
    if (record.siblings.length <= this.#config.siblingsMax) return true
    const values = liveValues(record, clock.wall()).map((value) => this.#values.decode(value))
    const { isStored } = await put(
      this.#node,
      key,
      contextOf(record),
      this.resolution(key, record),
      checkPut({}, this.#config),
    )
    if (!isStored) return false
    events.emit('crowded', { key: parseStoredKey(key)?.key ?? key, siblings: record.siblings.length, values })
    return (await replica.read(key)).record.siblings.length < record.siblings.length
  }

  /** What takes the place of all siblings: the latest value that has not expired, or a tombstone. */
  resolution(_key: StoredKey, record: Record): Unwritten {
    const now = this.#node.clock.wall()
    const latestFirst = [...record.siblings].sort((a, b) => compareWrites(b, a))
    const latest = latestFirst.find((sibling) => isLive(sibling, now))
    if (latest === undefined) return { kind: 'tombstone' }
    return { kind: 'value', value: latest.value, expiresAt: latest.expiresAt }
  }
}
