/**
 * Watchers: views of keys that nodes follow from their first moment on, in one seed of four.
 *
 * In the end each view is live, and shows what the owners hold.
 */
import { accessOf } from '../../src/node/access.ts'
import type { FollowStatus } from '../../src/node/api/named-requests.ts'
import { insideNode, partsOf, type StorageNode } from '../../src/node/storage-node.ts'
import { Chance } from './chance.ts'
import type { Violation } from './checker.ts'
import type { FinalReplica } from './history.ts'
import { nameIn } from './requests.ts'
import type { Place, World } from './world.ts'

/** In so long a view asks again and reads, also if the first answers are lost. */
const settledMs = 30_000
const stepMs = 1_000

/** Views of a node, at most. */
const viewsMax = 4

interface Shown {
  readonly place: Place
  readonly node: StorageNode
  readonly key: string
  vids: readonly string[]
  status: FollowStatus
}

export class Watchers {
  readonly #world: World
  readonly #chance: Chance
  readonly #shown: Shown[] = []

  constructor(world: World) {
    this.#world = world
    this.#chance = new Chance(world.options.seed, 'watchers')
  }

  /** Begins to follow some of the keys that all clients write. */
  serving(place: Place, node: StorageNode): void {
    const { options } = this.#world
    if (!options.watchers) return
    const numbers = Array.from({ length: viewsMax }, () => this.#chance.between(1, options.keys))
    for (const number of new Set(numbers)) this.#follow(place, node, `key ${number}`)
  }

  #follow(place: Place, node: StorageNode, key: string): void {
    const { counters, trace } = this.#world
    const shown: Shown = { place, node, key, vids: [], status: 'loading' }
    this.#shown.push(shown)
    accessOf(insideNode(node)).follow({ collection: '', group: null, key }, undefined, (changed, status) => {
      for (const { values } of changed) shown.vids = values.map((value) => nameIn(String(value))).sort()
      if (changed.length > 0) counters.count('path: a view shows a change')
      shown.status = status
      trace(`place ${place.index} shows ${shown.vids} of ${key}, ${status}`)
    })
  }

  /** Views that are not live in the end, or that show something else than the owners hold. They have a while for it. */
  async violations(finals: ReadonlyMap<string, readonly FinalReplica[]>): Promise<readonly Violation[]> {
    const { clock, counters } = this.#world
    for (let waited = 0; waited < settledMs && this.#wrong(finals).length > 0; waited += stepMs) await clock.run(stepMs)
    counters.count('check: a view in the end', this.#due.length)
    counters.count('view that is not live in the end', this.#due.filter(({ status }) => status !== 'live').length)
    return this.#wrong(finals)
  }

  /** Views of nodes that serve, and have others to follow. */
  get #due(): readonly Shown[] {
    const serving = new Set(this.#world.serving.map(({ node }) => node))
    return this.#shown.filter(({ node }) => serving.has(node) && partsOf(node).routing.others.length > 0)
  }

  #wrong(finals: ReadonlyMap<string, readonly FinalReplica[]>): readonly Violation[] {
    return this.#due.flatMap(({ place, node, key, vids, status }) => {
      const [replica] = finals.get(key) ?? []
      const held = [...(replica?.vids ?? [])].sort()
      if (replica === undefined || (status === 'live' && held.join() === vids.join())) return []
      const witness = `place ${place.index} shows ${vids}, ${status}; the owners hold ${held}`
      return [{ class: 'STALE_VIEW' as const, key, subject: node.id, witness }]
    })
  }
}
