/**
 * What goes wrong, and when.
 */
import type { World } from './world.ts'

/** Strikes again and again at random, about every `everyMs`, until the world is calm. */
function often(world: World, everyMs: number, strike: () => void): void {
  if (everyMs === 0) return
  world.clock.after(world.chance.exponential(everyMs), () => {
    if (world.calm) return
    strike()
    often(world, everyMs, strike)
  })
}

/** Two places, never the same. */
function pair(world: World): readonly [number, number] {
  const from = world.chance.between(0, world.places.length - 1)
  const to = (from + world.chance.between(1, world.places.length - 1)) % world.places.length
  return [from, to]
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
  clock.after(chance.exponential(5_000), () => network.heal())
}

function crash(world: World): void {
  const { chance, clock } = world
  const place = chance.pick(world.places)
  world.crash(place)
  clock.after(chance.exponential(4_000), () => world.start(place))
}

function freeze(world: World): void {
  const { chance, clock, counters } = world
  const { boot } = chance.pick(world.places)
  if (boot === undefined || boot.isFrozen) return
  counters.count('fault: frozen')
  boot.freeze()
  clock.after(chance.exponential(6_000), () => boot.thaw())
}

/** Lets loose all that the options ask for. */
export function unleash(world: World): void {
  const { chance, clock, options, counters } = world
  often(world, options.partitionEveryMs, () => partition(world))
  often(world, options.crashEveryMs, () => crash(world))
  often(world, options.freezeEveryMs, () => freeze(world))
  often(world, options.clogEveryMs, () => {
    const [from, to] = pair(world)
    world.network.clog(from, to, chance.exponential(2_000))
  })
  often(world, options.reloadEveryMs, () => {
    const place = chance.pick(world.places)
    world.close(place)
    clock.after(chance.exponential(500), () => world.start(place))
  })
  often(world, options.skewMs === 0 ? 0 : 5_000, () => {
    counters.count('fault: clock jumped')
    chance.pick(world.places).skewMs = (chance.fraction() - 0.5) * 2 * options.skewMs
  })
  const sometime = () => chance.fraction() * options.chaosMs
  if (options.wipe) {
    clock.after(sometime(), () => {
      if (world.calm) return
      world.wipeVictim()
      clock.after(chance.exponential(2_000), () => {
        for (const place of world.places) world.start(place)
      })
    })
  }
  if (options.joins > 0) {
    clock.after(sometime(), () => {
      if (world.calm) return
      // All at once: partitions may change every owner they have.
      counters.count('fault: a node joined', options.joins)
      for (let joins = 0; joins < options.joins; joins += 1) world.start(world.addPlace())
    })
  }
  for (let leaves = 0; leaves < options.leaves; leaves += 1) clock.after(sometime(), () => leave(world))
}

/** A node leaves for good, if it can hand everything over. */
function leave(world: World): void {
  const leaver = world.serving.at(-1)
  if (world.calm || leaver === undefined || leaver.node.isClosing || world.serving.length < 4) return
  const { place, node } = leaver
  const { boot } = place
  node.leave().then(
    () => {
      if (place.boot !== boot) return
      world.counters.count('fault: a node left')
      place.gone = true
    },
    () => {
      world.counters.count('fault: a node could not leave')
    },
  )
}
