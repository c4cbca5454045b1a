/**
 * What must hold of a ring in which nothing happens any more: every node reads what the owners hold, reading changes
 * nothing, and an idle ring falls silent and grows no more.
 */

import { bounds } from '../../src/core/bounds.ts'
import { partitionOf } from '../../src/core/hash.ts'
import type { Partition } from '../../src/core/ids.ts'
import { hintIn, recordIn } from '../../src/node/storage/rows.ts'
import { partsOf } from '../../src/node/storage-node.ts'
import { Chance } from './chance.ts'
import type { Violation } from './checker.ts'
import type { FinalReplica } from './history.ts'
import { keyNamed } from './keys.ts'
import { isData } from './sim-store.ts'
import type { Traffic } from './traffic.ts'
import { ahead } from './virtual-clock.ts'
import { testClient, type Workload } from './workload.ts'
import type { Place, World } from './world.ts'

/** Partitions, as row keys name them. */
const partitionNames = Array.from({ length: bounds.partitions }, (_, at) => at.toString(16).padStart(4, '0'))

/** An idle ring is looked at for so long. */
const idleMs = 600_000

/** Each key is read once, at a node that does not own it if there is one: it finds what the owners hold. */
export async function readEverything(
  world: World,
  workload: Workload,
  finals: ReadonlyMap<string, readonly FinalReplica[]>,
): Promise<void> {
  const chance = new Chance(world.options.seed, 'ending')
  for (const [key, [replica]] of finals) {
    const { serving } = world
    const strangers = serving.filter(({ node }) => !partsOf(node).routing.owns(partitionOf(keyNamed(key))))
    if (serving.length === 0 || replica === undefined) continue
    const spot = chance.pick(strangers.length > 0 ? strangers : serving)
    world.counters.count(`check: a read in the end, at ${strangers.length > 0 ? 'no owner' : 'an owner'}`)
    const read = await ahead(world.clock, workload.get(testClient, spot, key))
    // Hints for a node that does not come back may know more than the owners.
    if (read.quorum === true) read.held = replica.vids
  }
}

/** The partitions that the nodes of some places own. */
type Owned = ReadonlyMap<Place, ReadonlySet<string>>

const ownedIn = ({ places }: World): Owned =>
  new Map(
    places.flatMap((place) => {
      const node = place.boot?.node
      if (node === undefined) return []
      const owned = partitionNames.filter((_, partition) => partsOf(node).routing.owns(partition as Partition))
      return [[place, new Set(owned)]]
    }),
  )

/**
 * How much is stored: rows of records and hints, and the names in their histories. `moved`: records of a partition that
 * its place has come to own meanwhile. Graces that end move ownership in an idle ring too.
 */
function sizeOf(
  world: World,
  before: Owned,
): { readonly rows: number; readonly names: number; readonly moved: number } {
  const now = ownedIn(world)
  const isMoved = (place: Place, [table, partition = '']: readonly string[]) =>
    table === 'record' && now.get(place)?.has(partition) === true && before.get(place)?.has(partition) === false
  const rows = world.places.flatMap((place) =>
    place.gone ? [] : [...place.disk.rows.values()].filter(({ key }) => isData(key)).map((row) => ({ place, ...row })),
  )
  const data = rows.filter(({ place, key }) => !isMoved(place, key))
  const names = data.flatMap(({ key: [table], value }) => {
    const { history } = table === 'hint' ? hintIn(value, () => {}).record : recordIn(value, () => {})
    return [...history.actors.values()].map(({ beyond }) => 1 + beyond.length)
  })
  const sum = names.reduce((total, count) => total + count, 0)
  return { rows: data.length, names: sum, moved: rows.length - data.length }
}

/** Nobody asks for anything for a while. */
export async function idle(world: World, traffic: Traffic): Promise<readonly Violation[]> {
  if (!world.options.idle) return []
  const owned = ownedIn(world)
  const before = sizeOf(world, owned)
  traffic.isCounted = true
  await world.clock.run(idleMs)
  traffic.isCounted = false
  world.counters.count('check: an idle ring')
  const after = sizeOf(world, owned)
  world.counters.count('check: an idle ring, records that moved with their ownership', after.moved)
  world.counters.count('check: an idle ring, records sent while owners moved', traffic.moving)
  const { excess } = traffic
  const [[what, count] = ['', 0]] = excess
  const violation = (kind: Violation['class'], subject: string, witness: string): Violation => {
    return { class: kind, key: '', subject, witness }
  }
  return [
    ...(excess.length > 0 ? [violation('NOISY', `${excess.length} records`, `${count} times ${what}`)] : []),
    ...(after.rows > before.rows || after.names > before.names
      ? [violation('GROWING', 'records and hints', `${JSON.stringify(before)} became ${JSON.stringify(after)}`)]
      : []),
  ]
}
