/**
 * A state as plain data: the value that a node stores.
 *
 * It is `['~merge', stamps, tree]`. Replicas see a value like any other.
 *
 * - `stamps` names each stamp in use once: an actor, the time of its latest write, then its earlier times that dots
 *   still carry, each as the difference from the one before. The next text begins the next actor. Dots name their stamp
 *   by its number in this list.
 * - `tree` has for each place the dots and the children: `[stamp, value, stamp, value, ..., { key: tree }]`. The
 *   children are left out where there are none. A single dot with the value null and no children is its number alone.
 *
 * Equal states are equal bytes, so replicas that merge the same siblings agree. A value that has not this form, or is
 * malformed, is taken as it is: as one write without a stamp.
 */
import { hashOf } from './plain.ts'
import { compareText, type Dot, dotName, type Stamp, type State, type Tree, treeOf } from './tree.ts'

/** A value that carries its merge state. Hand it to `put` as it is. */
export type Stored = readonly unknown[]

const marker = '~merge'

/** The latest time that a state may name, in ms: exact as a number, and far from all clocks. */
export const timeMax: number = 2 ** 52

export const isTime = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= timeMax

/** The state as plain data. */
export function encodeState({ seen, tree }: State): Stored {
  const times = new Map([...seen].map(([actor, time]) => [actor, new Set([time])]))
  const collect = ({ dots, children }: Tree): void => {
    for (const { actor, time } of dots) times.get(actor)?.add(time)
    for (const child of children.values()) collect(child)
  }
  collect(tree)
  const numbers = new Map<string, number>()
  const stamps = [...times]
    .sort(([a], [b]) => compareText(a, b))
    .flatMap(([actor, set]) => {
      const latestFirst = [...set].sort((a, b) => b - a)
      for (const time of latestFirst) numbers.set(dotName({ actor, time }), numbers.size)
      return [actor, ...latestFirst.map((time, index) => Math.abs((latestFirst[index - 1] ?? 0) - time))]
    })
  const pack = ({ dots, children }: Tree): unknown => {
    const packed = dots.flatMap((dot) => [numbers.get(dotName(dot)), dot.value])
    const parts = [...children].map(([key, child]) => [key, pack(child)])
    if (parts.length > 0) return [...packed, Object.fromEntries(parts)]
    return packed.length === 2 && packed[1] === null ? packed[0] : packed
  }
  return [marker, stamps, pack(tree)]
}

/** The state in a stored value. What is no state becomes one. Never throws: any member may have written the value. */
export function decodeState(value: unknown): State {
  try {
    return stateIn(value)
  } catch {
    return unstamped(value)
  }
}

/** A value without a state: the write of an actor named by the value, so that no two of them are mistaken for one. */
function unstamped(value: unknown): State {
  const dot: Dot = { actor: `#${hashOf(value)}`, time: 0, value }
  return { seen: new Map([[dot.actor, dot.time]]), tree: treeOf([], [['l', treeOf([dot])]]) }
}

/** Throws if the value is no state. */
function stateIn(value: unknown): State {
  const [mark, list, packed] = value as readonly unknown[]
  if (mark !== marker) throw malformed()
  const seen = new Map<string, number>()
  const stamps: Stamp[] = []
  let [actor, time]: [string | undefined, number | undefined] = [undefined, undefined]
  for (const item of list as readonly unknown[]) {
    if (typeof item === 'string') {
      actor = item
      time = undefined
      continue
    }
    if (actor === undefined || !isTime(item)) throw malformed()
    time = time === undefined ? item : time - item
    stamps.push({ actor, time })
    seen.set(actor, Math.max(time, seen.get(actor) ?? 0))
  }
  return { seen, tree: treeIn(packed, stamps) }
}

function treeIn(packed: unknown, stamps: readonly Stamp[]): Tree {
  const items: readonly unknown[] = Array.isArray(packed) ? packed : [packed, null]
  const dots: Dot[] = []
  for (let at = 0; at + 1 < items.length; at += 2) {
    const stamp = stamps[items[at] as number]
    if (stamp?.actor === undefined) throw malformed()
    dots.push({ ...stamp, value: items[at + 1] })
  }
  const children = items.length % 2 === 0 ? {} : (items.at(-1) as object)
  return treeOf(
    dots,
    Object.entries(children).map(([key, item]) => [key, treeIn(item, stamps)]),
  )
}

const malformed = () => new Error('malformed')
