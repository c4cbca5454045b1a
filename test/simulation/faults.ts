/**
 * What goes wrong, and when.
 */

import { partitionOf } from '../../src/core/hash.ts'
import { partsOf } from '../../src/node/storage-node.ts'
import { beApart } from './absences.ts'
import { orphan } from './adopters.ts'
import type { Chance } from './chance.ts'
import { keyNamed } from './keys.ts'
import { isForgetful } from './options.ts'
import type { Place, World } from './world.ts'

/** Strikes again and again at random, about every `everyMs`, until the world is calm. */
function often(world: World, everyMs: number, strike: () => void, chance: Chance = world.chance): void {
  if (everyMs === 0) return
  world.clock.after(chance.exponential(everyMs), () => {
    if (world.calm) return
    strike()
    often(world, everyMs, strike, chance)
  })
}

/** Once, at any time of the act. */
function once(world: World, strike: () => void): void {
  world.clock.after(world.chance.fraction() * world.options.chaosMs, () => {
    if (!world.calm) strike()
  })
}

/** Two places, never the same. */
function pair(world: World): readonly [number, number] {
  const from = world.chance.between(0, world.places.length - 1)
  const to = (from + world.chance.between(1, world.places.length - 1)) % world.places.length
  return [from, to]
}

/**
 * How long something is out of reach: where deletes are forgotten soon, less than that, unless whole groups are away
 * for longer.
 */
function absence({ chance, options }: World, meanMs: number): number {
  const ms = chance.exponential(meanMs)
  return options.apart === null ? Math.min(ms, options.retentionMs / 2) : ms
}

function partition(world: World): void {
  const { chance, network, options, counters, clock } = world
  const isOneWay = chance.happens(options.oneWay)
  const kind = chance.pick(['halves', 'isolated', 'bridge'] as const)
  counters.count(`fault: partition, ${isOneWay ? 'one way' : kind}`)
  const indices = world.places.map(({ index }) => index)
  const lone = chance.pick(indices)
  const left = new Set(kind === 'isolated' ? [lone] : indices.filter(() => chance.happens(0.5)))
  for (const a of indices) {
    for (const b of indices) {
      const crosses = left.has(a) && !left.has(b)
      if (!crosses || (kind === 'bridge' && (a === lone || b === lone))) continue
      network.cut(a, b)
      if (!isOneWay) network.cut(b, a)
    }
  }
  clock.after(absence(world, 5_000), () => network.heal())
}

function crash(world: World): void {
  const { chance, clock } = world
  const place = chance.pick(world.places)
  world.crash(place)
  clock.after(absence(world, 4_000), () => world.start(place))
}

/** A tab that stands still: frozen by the browser, or its event loop by a long task. */
function freeze(world: World, name: string, meanMs: number): void {
  const { chance, clock, counters } = world
  const { boot } = chance.pick(world.places)
  if (boot === undefined || boot.isFrozen) return
  counters.count(`fault: ${name}`)
  // A tab that the browser freezes is told, and says so; one that stands still by itself is not.
  const isTold = name === 'frozen' && chance.happens(0.5)
  if (isTold) boot.sleep()
  boot.freeze()
  clock.after(absence(world, meanMs), () => (isTold ? boot.resume() : boot.thaw()))
}

/** A tab in the background: its timers fire once a second, or once a minute. */
function throttle(world: World): void {
  const { chance, clock, counters } = world
  const place = chance.pick(world.places)
  place.alignMs = chance.pick([1_000, 60_000])
  place.throttledAt = clock.now
  counters.count(`fault: timers aligned to ${place.alignMs / 1000} s`)
  clock.after(chance.exponential(15_000), () => {
    place.alignMs = 0
    place.throttledAt = clock.now
  })
}

/**
 * Disks and the signaling server are slow, clocks are wrong by days: drawn by themselves, so that all else stays as it
 * was.
 */
function delayOften(world: World): void {
  const { clock, counters, delays, network, options } = world
  often(
    world,
    options.slowEveryMs,
    () => {
      const place = delays.pick(world.places)
      place.slowness = delays.pick([10, 30, 100])
      counters.count('fault: a slow disk')
      clock.after(delays.exponential(8_000), () => {
        place.slowness = 1
      })
    },
    delays,
  )
  often(
    world,
    options.unsignaledEveryMs,
    () => {
      counters.count('fault: no new channels')
      network.unsignaled(delays.exponential(6_000))
    },
    delays,
  )
  // Of values that expire everybody's clock tells.
  const leaps = options.expiring === 0 ? options.leapMs : 0
  often(
    world,
    leaps === 0 ? 0 : 8_000,
    () => {
      counters.count('fault: clock jumped by days')
      delays.pick(world.places).skewMs = (delays.fraction() - 0.5) * 2 * leaps
    },
    delays,
  )
}

function strikeOften(world: World): void {
  const { chance, clock, options, counters } = world
  often(world, options.partitionEveryMs, () => partition(world))
  often(world, options.crashEveryMs, () => crash(world))
  often(world, options.freezeEveryMs, () => freeze(world, 'frozen', 6_000))
  often(world, options.stallEveryMs, () => freeze(world, 'stalled', 1_000))
  often(world, options.throttleEveryMs, () => throttle(world))
  often(world, options.clogEveryMs, () => {
    const [from, to] = pair(world)
    world.network.clog(from, to, chance.exponential(2_000))
  })
  often(world, options.disconnectEveryMs, () => world.network.disconnect(...pair(world)))
  often(world, options.reloadEveryMs, () => {
    const place = chance.pick(world.places)
    world.close(place)
    clock.after(chance.exponential(500), () => world.start(place))
  })
  often(world, options.lockLossEveryMs, () => {
    const [spot] = world.serving.length === 0 ? [] : [chance.pick(world.serving)]
    if (spot !== undefined) world.loseLock(spot.place)
  })
  often(world, options.rotEveryMs, () => world.rot())
  often(world, options.checkpointEveryMs, () => {
    const [spot] = world.serving.length === 0 ? [] : [chance.pick(world.serving)]
    counters.count('tries stored', Number(spot !== undefined))
    if (spot === undefined) return
    partsOf(spot.node)
      .replica.checkpoint(1)
      .catch(() => {})
  })
  const forgets = isForgetful(options)
  often(world, options.expiring === 0 && !forgets ? 0 : 2_000, () => {
    const partition = partitionOf(keyNamed(`key ${chance.between(1, options.keys)}`))
    for (const { node } of world.serving)
      partsOf(node)
        .replica.scrub(partition)
        .catch(() => {})
  })
  often(world, forgets ? 1_000 : 0, () => {
    if (world.serving.length < 2) return
    const [spot, other] = [chance.pick(world.serving), chance.pick(world.serving)]
    if (spot !== other) partsOf(spot.node).schedule.soon(other.node.id)
  })
  often(world, options.skewMs === 0 ? 0 : 5_000, () => {
    counters.count('fault: clock jumped')
    chance.pick(world.places).skewMs = (chance.fraction() - 0.5) * 2 * options.skewMs
  })
}

/** The victim loses all it had, or all since some moment before. */
function loseData(world: World): void {
  const { chance, clock, counters, options } = world
  const lose = (name: string, snapshot: ReturnType<World['snapshotVictim']>) => {
    counters.count(`fault: ${name}`)
    world.rollBackVictim(snapshot)
    clock.after(chance.exponential(2_000), () => {
      for (const place of world.places) world.start(place)
    })
  }
  // Of some the tabs go on, and find it out.
  if (options.wipe && options.browserStore && chance.happens(0.5))
    once(world, () => {
      counters.count('fault: device evicted')
      world.evictVictim()
      clock.after(chance.exponential(2_000), () => world.reopenEnded())
    })
  else if (options.wipe) once(world, () => lose('device wiped', new Map()))
  if (!options.restore) return
  once(world, () => {
    const snapshot = world.snapshotVictim()
    clock.after(chance.exponential(10_000), () => {
      if (!world.calm) lose('device restored from an old snapshot', snapshot)
    })
  })
}

/** One device is gone for longer than deletes are remembered. */
function stayAway(world: World): void {
  const { clock, options, places, victim, counters, chance } = world
  counters.count('fault: away for longer than deletes are remembered')
  const away = places.filter(({ device }) => device === victim)
  for (const place of away) {
    world.crash(place)
    place.barred = true
  }
  clock.after(options.retentionMs * (1 + 2 * chance.fraction()), () => {
    for (const place of away) {
      place.barred = false
      world.start(place)
    }
  })
}

/** Lets loose all that the options ask for, for one act. */
export function unleash(world: World): void {
  const { options, counters, chance } = world
  strikeOften(world)
  delayOften(world)
  loseData(world)
  if (options.apart !== null) beApart(world)
  else if (isForgetful(options)) once(world, () => stayAway(world))
  if (options.joins > 0) {
    once(world, () => {
      // All at once: partitions may change every owner they have.
      counters.count('fault: a node joined', options.joins)
      for (let joins = 0; joins < options.joins; joins += 1) world.start(world.addPlace())
    })
  }
  // A duplicated tab finds its slot taken: it is one more node, on the same device.
  for (let twins = 0; twins < options.twins; twins += 1) {
    once(world, () => {
      counters.count('fault: tab duplicated')
      world.start(world.addPlace(chance.pick(world.places).device))
    })
  }
  // A browser's profile is copied, and a tab of the copy lives under the same name.
  for (let copies = 0; copies < options.copies; copies += 1) {
    once(world, () => {
      counters.count('fault: profile copied')
      const { device, disk } = chance.pick(world.places.filter(({ gone }) => !gone))
      const copy = world.addPlace(device)
      // What the one has taken in since, the other has not, and both go by one name.
      world.lost(device)
      copy.disk.restore(disk.snapshot())
      world.start(copy)
    })
  }
  if (options.orphans) orphan(world)
  for (let leaves = 0; leaves < options.leaves; leaves += 1) once(world, () => leave(world))
}

/** A node leaves for good, if it can hand everything over. */
function leave(world: World): void {
  const leaver = world.serving.at(-1)
  if (leaver === undefined || partsOf(leaver.node).lifetime.isClosing || world.serving.length < 4) return
  const { place, node } = leaver
  const { boot } = place
  place.leavers.add(node.id)
  node.leave().then(
    () => {
      if (place.boot !== boot) return
      world.counters.count('fault: a node left')
      world.left(place)
    },
    () => {
      world.counters.count('fault: a node could not leave')
    },
  )
}

/**
 * Heals some nodes and leaves the others dead, or heard and deaf, until all is healed. Returns those that have to go on
 * alone.
 */
export function healCore(world: World): readonly Place[] {
  const { chance, network, places, counters } = world
  const here = places.filter(({ gone }) => !gone)
  const size = chance.between(2, Math.max(2, here.length - 1))
  const core = here.filter((_, index) => (index * 7 + world.options.seed) % here.length < size)
  for (const place of here) {
    if (core.includes(place)) continue
    place.barred = true
    if (chance.happens(0.5)) {
      counters.count('fault: dead beside the core')
      world.crash(place)
      continue
    }
    counters.count('fault: half connected to the core')
    const isDeaf = chance.happens(0.5)
    for (const member of core) {
      if (isDeaf) network.sever(member.index, place.index)
      else network.sever(place.index, member.index)
    }
  }
  wake(world, core)
  return core
}

/** Nothing fails any more at these places: they run and are awake. */
export function wake(world: World, places: readonly Place[]): void {
  world.calm = true
  world.network.calm = true
  world.network.heal()
  for (const place of places) {
    place.boot?.thaw()
    place.skewMs = 0
    place.alignMs = 0
    place.slowness = 1
    place.barred = false
    world.start(place)
  }
}
