/**
 * What a write was promised when it was acknowledged, and what a read could have found: by what is on the disks, which
 * of them may lose it, and which place can ask which.
 *
 * In each act one device may lose data. A write is required in the end unless every device that acknowledged it may
 * lose it.
 */
import type { StoredKey } from '../../src/core/ids.ts'
import { names } from '../../src/core/versioning/causal-history.ts'
import type { Record } from '../../src/core/versioning/record.ts'
import type { PutResult } from '../../src/node/api/tabring-node.ts'
import type { Violation } from './checker.ts'
import type { Operation } from './history.ts'
import { dotNamed, keyNamed } from './keys.ts'
import type { Watch } from './rare-paths.ts'
import type { Place, World } from './world.ts'

/** Writes of a key with a demand of owners, and for each the places that hold it and can be asked. */
export type Askable = ReadonlyMap<Operation, readonly Place[]>

export class Promised {
  readonly #world: World
  readonly #watch: Watch
  /** Writes with a demand of owners that is met, by key. */
  readonly #byOwners = new Map<string, Operation[]>()

  constructor(world: World, watch: Watch) {
    this.#world = world
    this.#watch = watch
  }

  /** A write was acknowledged: whether it has to be there in the end is decided now. */
  acknowledged(operation: Operation, result: PutResult): Violation | null {
    const { counters } = this.#world
    const key = keyNamed(operation.key)
    const holders = operation.dot === undefined ? null : this.#watch.holders(key, dotNamed(operation.dot))
    if (this.#isSafe(operation, key, result, holders)) counters.count('acknowledged write: required')
    else {
      counters.count('acknowledged write: excused, as one device had it that may lose it')
      operation.status = 'unknown'
      operation.isExcused = true
    }
    operation.heldOn = [...new Set((holders ?? []).map(({ device }) => device))]
    if (result.quorum && (operation.pw ?? 0) > 0) {
      const others = this.#byOwners.get(operation.key)
      if (others === undefined) this.#byOwners.set(operation.key, [operation])
      else others.push(operation)
    }
    return holders === null ? null : this.#notDurable(operation, key, result, holders)
  }

  /** Whether a device that keeps its data has it, or one that a hint goes home to. */
  #isSafe({ dot }: Operation, key: StoredKey, { devices }: PutResult, holders: readonly Place[] | null): boolean {
    const world = this.#world
    if (devices >= 2 || !world.losesData) return true
    if (holders === null || dot === undefined) return false
    return holders.some(({ device, disk }) => {
      if (world.mayLose(device)) return false
      const { record, hint, targets } = this.#watch.storedAt(disk, key)
      if (names(record.history, dotNamed(dot))) return true
      // A hint is gone once those it is kept for have it.
      const homes = targets.map((target) => world.deviceOf.get(target))
      return names(hint.history, dotNamed(dot)) && homes.some((home) => home !== undefined && !world.mayLose(home))
    })
  }

  /**
   * At the moment of the answer as many nodes and devices hold the write as it says, in transactions that are complete.
   */
  #notDurable(
    operation: Operation,
    key: StoredKey,
    { acks, devices }: PutResult,
    holders: readonly Place[],
  ): Violation | null {
    const world = this.#world
    world.counters.count('check: an acknowledged write on the disks')
    const on = new Set(holders.map(({ device }) => device)).size
    // Who may lose data may have lost this by now.
    const absent = world.places.filter((place) => !holders.includes(place))
    const risky = absent.filter(({ device }) => world.mayLose(device)).length
    // A node that has left since the write began has handed on what it had stored: to nodes that may have it already.
    const left = absent.filter(({ goneAt }) => goneAt >= operation.invoked).length
    world.counters.count('check: a node left while a write that it may have stored went on', left)
    const isThere = holders.length >= acks - risky - left && on >= devices - Math.min(1, risky) - left
    if (isThere || operation.dot === undefined) return null
    return {
      class: 'ACK_NOT_DURABLE',
      key: operation.key,
      subject: operation.vid ?? '',
      witness: `${acks} acks on ${devices} devices; on the disks of ${holders.length} nodes on ${on} devices: ${this.#watch.whereIs(key, dotNamed(operation.dot))}`,
    }
  }

  /** A read with a demand of owners begins: what it could find. */
  askable(key: string, place: Place): Askable {
    const writes = this.#byOwners.get(key) ?? []
    if (writes.length === 0) return new Map()
    const { places } = this.#world
    const there = places.filter((other) => this.#canAsk(place, other))
    const held = there.map((other) => [other, this.#watch.storedAt(other.disk, keyNamed(key))] as const)
    return new Map(
      writes.map((write) => {
        const dot = write.dot === undefined ? null : dotNamed(write.dot)
        const isIn = ({ history }: Record) => dot !== null && names(history, dot)
        const holders = held.filter(([, { record, hint }]) => isIn(record) || isIn(hint))
        return [write, holders.map(([other]) => other)]
      }),
    )
  }

  /**
   * The read was answered: writes of which a holder could be asked all the while, and that no fault has taken from a
   * holder.
   */
  reached(place: Place, before: Askable): readonly string[] {
    return [...before].flatMap(([{ vid = '', heldOn = [], invoked }, holders]) => {
      const isLost = heldOn.some((device) => this.#world.lostSince(device, invoked))
      return !isLost && holders.some((holder) => this.#canAsk(place, holder)) ? [vid] : []
    })
  }

  #canAsk(place: Place, other: Place): boolean {
    const isAwake = !other.gone && other.boot?.node?.status().state === 'open' && !other.boot.isFrozen
    return isAwake && (other === place || this.#world.network.isInTouch(place.index, other.index))
  }
}
