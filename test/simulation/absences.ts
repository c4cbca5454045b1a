/**
 * Devices that are away from each other, as groups, for longer than a member may be gone and deletes are remembered;
 * those that are there go on reading and writing. All of them come back in the end, and nothing that was acknowledged
 * may be gone then.
 */
import type { DeviceId } from '../../src/core/ids.ts'
import type { Place, World } from './world.ts'

/** Some of the devices, and the others: two on both sides where there are four, so that either side has a quorum. */
function groups(world: World): readonly [ReadonlySet<DeviceId>, ReadonlySet<DeviceId>] {
  const { absences, options, places } = world
  const devices = shuffled(world, [...new Set(places.map(({ device }) => device))])
  const least = Math.max(1, Math.min(2, Math.floor(devices.length / 2)))
  const size = options.apart === 'pair' ? 2 : absences.between(least, devices.length - least)
  const left = devices.slice(0, Math.max(1, Math.min(size, devices.length - 1)))
  return [new Set(left), new Set(devices.filter((device) => !left.includes(device)))]
}

function shuffled<T>({ absences }: World, items: readonly T[]): readonly T[] {
  return items
    .map((item) => [absences.fraction(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item)
}

/** Before the end of an act, for its clients to see: a ring that was in two becomes one. */
const meetingMs = 6_000

/** From now until shortly before the end of the act, which ends in so many ms, the network is two. */
function split(world: World, endsInMs: number): void {
  const [left] = groups(world)
  world.counters.count('fault: the ring in two, for longer than deletes are remembered')
  const sideOf = (index: number) => {
    const device = world.places[index]?.device
    return device !== undefined && left.has(device) ? 1 : 0
  }
  world.network.split(sideOf)
  world.clock.after(Math.max(0, endsInMs - meetingMs), () => {
    world.network.reunite()
    world.onMeeting()
  })
}

/** An act begins when nodes have been running for so long. */
export const startMs = 4_000

/** Before any node runs: two rings that know nothing of each other. */
export function beginApart(world: World): void {
  const { apart, chaosMs } = world.options
  if (apart !== 'young rings' && apart !== 'old rings') return
  split(world, startMs + chaosMs)
  world.counters.count(`fault: ${apart} that met`)
}

const placesOf = ({ places }: World, devices: ReadonlySet<DeviceId>): readonly Place[] =>
  places.filter(({ device, gone }) => devices.has(device) && !gone)

/** Tabs of these places are closed, one after the other and in any order, and stay so. */
function close(world: World, places: readonly Place[]): void {
  for (const [order, place] of shuffled(world, places).entries()) {
    const isOrderly = world.absences.happens(0.8)
    world.clock.after(order * 200, () => {
      if (world.calm) return
      place.barred = true
      if (isOrderly) world.close(place)
      else world.crash(place)
    })
  }
}

function open(world: World, places: readonly Place[]): void {
  for (const [order, place] of shuffled(world, places).entries()) {
    world.clock.after(order * 200, () => {
      place.barred = false
      world.start(place)
    })
  }
}

/**
 * One group goes, the other works on and goes too; then one comes back before the other, each after more than a
 * retention.
 */
function holiday(world: World): void {
  const { absences, clock, counters, options } = world
  const [first, second] = absences.happens(0.5) ? groups(world) : [...groups(world)].reverse()
  if (first === undefined || second === undefined) return
  counters.count('fault: two groups away, one after the other')
  const [stayers, others] = [placesOf(world, first), placesOf(world, second)]
  const at = (retentions: number, task: () => void) =>
    clock.after(retentions * options.retentionMs, () => {
      if (!world.calm) task()
    })
  const closing = 0.2 + 0.3 * absences.fraction()
  const closed = closing + 0.9 + 0.3 * absences.fraction()
  // Seldom they see each other in between.
  const opening = closed + (absences.happens(0.2) ? -0.1 : 0.3)
  const back = closed + 1.2 + 0.8 * absences.fraction()
  at(closing, () => close(world, others))
  at(closed, () => close(world, stayers))
  at(opening, () => open(world, others))
  at(back, () => open(world, stayers))
}

/** Every device comes and goes as it likes. */
function anyOrder(world: World): void {
  const { absences, clock, counters, options, places } = world
  for (const device of new Set(places.map((place) => place.device))) {
    const own = new Set([device])
    const stay = (retentions: number) =>
      clock.after(retentions * options.retentionMs, () => {
        if (world.calm) return
        counters.count('fault: away for longer than deletes are remembered')
        close(world, placesOf(world, own))
        clock.after((1.1 + absences.fraction()) * options.retentionMs, () => {
          open(world, placesOf(world, own))
          if (!world.calm) stay(0.2 + absences.fraction())
        })
      })
    stay(0.1 + 1.2 * absences.fraction())
  }
}

/** A group's tabs stand still, some of them told so. */
function asleep(world: World): void {
  const { absences, clock, counters, options } = world
  const [first] = groups(world)
  clock.after((0.2 + 0.8 * absences.fraction()) * options.retentionMs, () => {
    for (const { boot } of placesOf(world, first)) {
      if (world.calm || boot === undefined || boot.isFrozen) continue
      counters.count('fault: frozen for longer than deletes are remembered')
      const isTold = absences.happens(0.5)
      if (isTold) boot.sleep()
      boot.freeze()
      clock.after((1.1 + 0.6 * absences.fraction()) * options.retentionMs, () => (isTold ? boot.resume() : boot.thaw()))
    }
  })
}

/** Lets the absences of one act begin. */
export function beApart(world: World): void {
  const { apart, chaosMs, retentionMs } = world.options
  if (apart === 'holiday') holiday(world)
  else if (apart === 'any order') anyOrder(world)
  else if (apart === 'asleep') asleep(world)
  else if (apart === 'halves' || apart === 'pair') {
    const afterMs = 0.2 * world.absences.fraction() * retentionMs
    world.clock.after(afterMs, () => split(world, chaosMs - afterMs))
  }
}
