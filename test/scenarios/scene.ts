/**
 * What the scenarios have in common: a ring on virtual time whose events are heard, and what clients read of it once
 * its nodes are together again.
 */
import { partitionOf } from '../../src/core/hash.ts'
import type { NodeEvents } from '../../src/node/api/tabring-node.ts'
import { partsOf, type StorageNode } from '../../src/node/storage-node.ts'
import { type Beginning, type VirtualRing, virtualRing } from '../node/virtual-ring.ts'
import { keyNamed } from '../simulation/keys.ts'
import type { Options } from '../simulation/options.ts'
import type { Place } from '../simulation/world.ts'

/** Nodes that are together again read what they have to within this virtual time, and are looked at so often. */
const togetherMs = 600_000
const lookEveryMs = 30_000

/** A ring, and every `late` event that any boot of any of its nodes told. */
export async function listenedRing(chosen: Partial<Options> & { readonly nodes: number }, beginning: Beginning = {}) {
  const late: NodeEvents['late'][] = []
  const serving = (node: StorageNode) => void node.on('late', (event) => late.push(event))
  return { ...(await virtualRing(chosen, { ...beginning, serving })), late }
}

export const namesOf = (what: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${what} ${index}`)

/** Every key that holds its own name: what a scenario puts. */
export const themselves = (names: readonly string[]): ReadonlyMap<string, unknown> =>
  new Map(names.map((name) => [name, name]))

/** Forgetting happens as partitions are scrubbed: scrubs those of some keys at every node. */
export async function scrub({ world, ahead }: VirtualRing, names: readonly string[]): Promise<void> {
  const partitions = new Set(names.map((name) => partitionOf(keyNamed(name))))
  for (const { node } of world.serving)
    await ahead(Promise.all([...partitions].map((partition) => partsOf(node).replica.scrub(partition))))
}

/** Scrubs until no node holds a record, or time is over; resolves to how many each holds. */
export async function recordsInTheEnd(ring: VirtualRing, names: readonly string[]): Promise<readonly number[]> {
  const held = () => ring.world.serving.map(({ node }) => node.status().records)
  for (let passedMs = 0; passedMs < togetherMs && held().some((records) => records > 0); passedMs += lookEveryMs) {
    await ring.clock.run(lookEveryMs)
    await scrub(ring, names)
  }
  return held()
}

/** Closes places in order, or opens them. */
export const closeAll = (ring: VirtualRing, places: readonly Place[]): void => {
  for (const place of places) ring.world.close(place)
}
export const openAll = (ring: VirtualRing, places: readonly Place[]): void => {
  for (const place of places) ring.world.start(place)
}

/**
 * Reads keys at every node, of two owners each; resolves to a line for each key that some node read otherwise than
 * expected. `undefined` expects nothing.
 */
export async function misread(ring: VirtualRing, expected: ReadonlyMap<string, unknown>): Promise<readonly string[]> {
  const wrong = new Map<string, string[]>()
  const readAt = async (node: StorageNode, place: Place, name: string, value: unknown) => {
    const { values, quorum } = await node.get(name, { pr: 2 })
    const found = JSON.stringify(values)
    if (quorum && found === JSON.stringify(value === undefined ? [] : [value])) return
    wrong.set(name, [...(wrong.get(name) ?? []), `${found}${quorum ? '' : ' without a quorum'} at ${place.index}`])
  }
  for (const { place, node } of ring.world.serving)
    await ring.ahead(Promise.all([...expected].map(([name, value]) => readAt(node, place, name, value))))
  return [...wrong].map(([name, found]) => `${name}: ${found.join(', ')}`)
}

/** Lets time pass until every node reads what is expected; resolves to what was misread until the end. */
export async function misreadInTheEnd(
  ring: VirtualRing,
  expected: ReadonlyMap<string, unknown>,
): Promise<readonly string[]> {
  let lines: readonly string[] = []
  for (let passedMs = 0; passedMs < togetherMs; passedMs += lookEveryMs) {
    await ring.clock.run(lookEveryMs)
    lines = await misread(ring, expected)
    if (lines.length === 0) break
  }
  return lines
}
