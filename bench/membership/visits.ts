/**
 * Casual visitors: people who come for some minutes, write a little and are never seen again, to a ring of four who stay.
 *
 * What is promised is that data survives unless w holders or more vanish before it is repaired, which begins when the grace of the
 * first is over. A write that is gone is therefore looked at once more: how many of its holders did.
 */

import type { DeviceId, Partition, StoredKey } from '../../src/core/ids.ts'
import { allPartitions } from '../../src/core/partitioning/all-partitions.ts'
import { storedKey } from '../../src/core/stored-key.ts'
import { checkConfig } from '../../src/node/api/config.ts'
import { hintRow, recordRow } from '../../src/node/storage/rows.ts'
import { partsOf } from '../../src/node/storage-node.ts'
import { rowName } from '../../src/ports.ts'
import { Counters } from '../../test/simulation/counters.ts'
import { optionsFor } from '../../test/simulation/settings.ts'
import { VirtualClock } from '../../test/simulation/virtual-clock.ts'
import { type Place, World } from '../../test/simulation/world.ts'

export interface VisitFigures {
  readonly visits: number
  readonly graceMs: number
  readonly hours: number
  readonly writes: number
  /** Acknowledged writes that no node has in the end; and those of them of which fewer than w holders vanished within one grace. */
  readonly gone: number
  readonly lost: number
  readonly membersMost: number
  readonly hintsMost: number
  readonly hintsInTheEnd: number
  /** The longest that a partition had fewer than three owners who were there. */
  readonly shortMs: number
}

const residents = 4
const w = 2
const stayMs = [120_000, 1_200_000] as const
/** Of visitors at a time, in the mean. */
const visitorsMean = 2
/** Each node. All that is written moves when somebody comes or goes, so that this is what a run costs. */
const writeEveryMs = 120_000
const lookEveryMs = 10_000
/** To find out, to be out, and to move what is to be moved. */
const slackMs = 120_000

interface Visitor {
  readonly place: Place
  readonly until: number
}

class Visits {
  readonly #world: World
  readonly #clock = new VirtualClock()
  readonly #graceMs: number
  readonly #written = new Map<string, StoredKey>()
  readonly #vanished = new Map<Place, number>()
  readonly #shortSince = new Map<Partition, number>()
  #visitors: Visitor[] = []
  #most = { members: 0, hints: 0, shortMs: 0 }

  constructor(seed: number, graceMs: number) {
    const options = optionsFor(seed, { faults: [] })
    const { stayMs: guestMs } = checkConfig({ cluster: 'visits', graceMs })
    const calm = { ...options, nodes: residents, devices: residents, graceMs, stayMs: guestMs, commitMs: 2 }
    this.#graceMs = graceMs
    this.#world = new World(this.#clock, calm, new Counters(), () => {})
  }

  async run(visits: number): Promise<VisitFigures> {
    const { chance, places } = this.#world
    for (const place of places) this.#world.start(place)
    const everyMs = (stayMs[0] + stayMs[1]) / 2 / visitorsMean
    let next = 60_000
    for (let come = 0; come < visits || this.#visitors.length > 0; ) {
      await this.#clock.run(lookEveryMs)
      this.#look()
      for (; come < visits && this.#clock.now >= next; come += 1) {
        this.#arrive(come)
        next += chance.exponential(everyMs)
        if (come % 50 === 49) console.error(`${come + 1} visits, ${Math.round(performance.now() / 1000)} s`)
      }
    }
    const hours = this.#clock.now / 3_600_000
    // Everybody who is gone is out by then, and hints for them have new owners.
    await this.#clock.run(this.#graceMs + 3 * slackMs)
    return { visits, graceMs: this.#graceMs, hours, ...this.#tally() }
  }

  #arrive(index: number): void {
    const place = this.#world.addPlace(`visitor ${index}` as DeviceId)
    this.#world.start(place)
    this.#visitors.push({ place, until: this.#clock.now + this.#world.chance.between(stayMs[0], stayMs[1]) })
  }

  /** Writes, partings and measurements that are due. */
  #look(): void {
    const { serving, chance } = this.#world
    const { now } = this.#clock
    for (const { node, place } of serving) {
      if (!chance.happens(lookEveryMs / writeEveryMs)) continue
      const key = `${place.index} at ${now}`
      const put = node.put(key, null, key)
      put
        .then(({ quorum }) => quorum && this.#written.set(key, storedKey({ collection: '', group: null, key })))
        .catch(() => {})
    }
    for (const { place } of this.#visitors.filter(({ until }) => until <= now)) this.#part(place)
    this.#visitors = this.#visitors.filter(({ until }) => until > now)
    this.#measure()
  }

  /** Half of them close the tab; the other half of the tabs crash, or lose their network. */
  #part(place: Place): void {
    place.barred = true
    if (this.#world.chance.happens(0.5)) this.#world.close(place)
    else this.#world.crash(place)
    place.gone = true
    this.#vanished.set(place, this.#clock.now)
  }

  #measure(): void {
    const { serving } = this.#world
    const { now } = this.#clock
    const [first] = serving
    if (first === undefined) return
    const there = new Set(serving.map(({ node }) => node.id))
    for (const { node } of serving) {
      this.#most.members = Math.max(this.#most.members, partsOf(node).membership.view.size)
      this.#most.hints = Math.max(this.#most.hints, partsOf(node).replica.hints.size)
    }
    for (const partition of allPartitions) {
      const owners = partsOf(first.node)
        .routing.ownersOf(partition)
        .filter((owner) => there.has(owner)).length
      if (owners >= 3) this.#shortSince.delete(partition)
      else if (!this.#shortSince.has(partition)) this.#shortSince.set(partition, now)
    }
    for (const since of this.#shortSince.values()) this.#most.shortMs = Math.max(this.#most.shortMs, now - since)
  }

  #tally(): Omit<VisitFigures, 'visits' | 'hours' | 'graceMs'> {
    const { serving, places } = this.#world
    const has = ({ disk }: Place, key: StoredKey) =>
      disk.rows.has(rowName(recordRow(key))) || disk.rows.has(rowName(hintRow(key)))
    const gone = [...this.#written.values()].filter((key) => !serving.some(({ place }) => has(place, key)))
    const lost = gone.filter((key) => {
      const partings = places.filter((place) => has(place, key)).map((place) => this.#vanished.get(place) ?? 0)
      const last = Math.max(...partings)
      return partings.filter((at) => at >= last - this.#graceMs - slackMs).length < w
    })
    return {
      writes: this.#written.size,
      gone: gone.length,
      lost: lost.length,
      membersMost: this.#most.members,
      hintsMost: this.#most.hints,
      hintsInTheEnd: serving.reduce((sum, { node }) => sum + partsOf(node).replica.hints.size, 0),
      shortMs: this.#most.shortMs,
    }
  }
}

export const measureVisits = (visits: number, graceMs: number, seed: number): Promise<VisitFigures> =>
  new Visits(seed, graceMs).run(visits)
