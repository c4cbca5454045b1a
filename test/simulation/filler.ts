/**
 * Filler: very many keys, each written once.
 *
 * One partition gets more of them than a leaf of its trie holds. Two replicas that differ in some of them go on to the
 * second stage of a reconciliation. No client asks for them: in the end the owners must hold what was acknowledged.
 */
import { keyHashOf, partitionOf } from '../../src/core/hash.ts'
import { partsOf } from '../../src/node/storage-node.ts'
import { Chance } from './chance.ts'
import type { Violation } from './checker.ts'
import { fillerNames, keyNamed } from './keys.ts'
import { ahead } from './virtual-clock.ts'
import type { World } from './world.ts'

/** Keys one after the other. */
const pauseMs = 4

export class Filler {
  readonly #world: World
  /** Keys that two devices have acknowledged. */
  readonly #acknowledged: string[] = []

  constructor(world: World) {
    this.#world = world
  }

  /** Writes all of them from now on, at any node that serves. */
  start(): void {
    const { clock, options } = this.#world
    const chance = new Chance(options.seed, 'filler')
    for (const [order, name] of fillerNames(options.filler).entries()) {
      clock.after(order * pauseMs, () => {
        const { serving } = this.#world
        if (serving.length === 0) return
        const { node } = chance.pick(serving)
        node.put(name, null, name).then(
          ({ devices }) => {
            if (devices >= 2) this.#acknowledged.push(name)
          },
          () => {},
        )
      })
    }
  }

  /** What owners lack in the end. */
  async violations(): Promise<readonly Violation[]> {
    const found: Violation[] = []
    const { clock, counters, serving } = this.#world
    counters.count('filler: written', this.#acknowledged.length)
    for (const { place, node } of serving) {
      const { routing, replica } = partsOf(node)
      const due = this.#acknowledged.map(keyNamed).filter((key) => routing.owns(partitionOf(key)))
      const records = await ahead(clock, replica.records(due.map(keyHashOf)))
      const held = new Set(records.flatMap(({ key, record }) => (record.siblings.length > 0 ? [key] : [])))
      for (const key of due.filter((each) => !held.has(each)))
        found.push({ class: 'LOST_WRITE', key, subject: key, witness: `owner ${place.index} does not hold it` })
      const forest = await ahead(clock, replica.forest())
      if (forest.sizeOf(partitionOf(keyNamed('crowd 0'))) > 64) counters.count('path: partition of more than 64 keys')
    }
    return found
  }
}
