/**
 * Many views of a tab, looked at again and again, and a writer that notes when each of its writes was acknowledged.
 * Each row counts up, so the number that a view shows tells how many writes it has seen.
 */
import type { Collection } from '../../../src/index.ts'
import type { Todo } from './harness.ts'

/** A row, outside of groups or in one. */
export interface Row {
  readonly key: string
  readonly group: string | null
}

/** What the views showed at a time. By row: its number, or -1 if its view was not live. */
export interface Look {
  readonly at: number
  readonly shown: readonly number[]
}

/** A write: of which row, its number, and the time of its acknowledgement, or null if it failed. */
export interface Written {
  readonly row: number
  readonly number: number
  readonly ackedAt: number | null
  readonly quorum: boolean
}

const numberIn = (row: Todo | undefined): number => (row === undefined ? 0 : Number(row.title))

export class Watching {
  readonly looks: Look[] = []
  readonly #shownNow: () => readonly number[]

  /** Watches each row that has no group, and each group. */
  constructor(collection: Collection<Todo>, rows: readonly Row[], everyMs: number) {
    const lone = new Map(rows.flatMap(({ key, group }) => (group === null ? [[key, collection.watch(key)]] : [])))
    const names = new Set(rows.flatMap(({ group }) => (group === null ? [] : [group])))
    const groups = new Map([...names].map((name) => [name, collection.group(name).watch()]))
    for (const view of lone.values()) view.subscribe(() => {})
    for (const view of groups.values()) view.subscribe(() => {})
    this.#shownNow = () => {
      const found = new Map([...groups].map(([name, view]) => [name, view.current]))
      const byKey = new Map(
        [...found].map(([name, { entries }]) => [name, new Map(entries.map(({ key, value }) => [key, value]))]),
      )
      return rows.map(({ key, group }) => {
        if (group === null) {
          const { status, value } = (lone.get(key) as NonNullable<ReturnType<typeof lone.get>>).current
          return status === 'live' ? numberIn(value) : -1
        }
        return found.get(group)?.status === 'live' ? numberIn(byKey.get(group)?.get(key)) : -1
      })
    }
    setInterval(() => this.look(), everyMs)
  }

  look(): Look {
    const look = { at: Date.now(), shown: this.#shownNow() }
    this.looks.push(look)
    return look
  }
}

/** Counts rows up, so many a second, the hot ones half of the time. Never two writes of one row at once. */
export async function countUp(
  collection: Collection<Todo>,
  rows: readonly Row[],
  { aSecond, forMs, hot }: { readonly aSecond: number; readonly forMs: number; readonly hot: number },
): Promise<readonly Written[]> {
  const [written, numbers, busy]: [Written[], Map<number, number>, Set<number>] = [[], new Map(), new Set()]
  const under: Promise<void>[] = []
  const one = async (index: number) => {
    const { key, group } = rows[index] as Row
    const number = (numbers.get(index) ?? 1) + 1
    numbers.set(index, number)
    busy.add(index)
    const place = group === null ? collection : collection.group(group)
    const result = await place.set(key, { title: String(number), votes: 0 }).catch(() => null)
    busy.delete(index)
    written.push({ row: index, number, ackedAt: result === null ? null : Date.now(), quorum: result?.quorum === true })
  }
  const endsAt = Date.now() + forMs
  for (let count = 0; Date.now() < endsAt; count += 1) {
    const index = Math.floor(Math.random() * (count % 2 === 0 ? hot : rows.length))
    if (!busy.has(index)) under.push(one(index))
    await new Promise((resolve) => setTimeout(resolve, 1_000 / aSecond))
  }
  await Promise.all(under)
  return written
}
