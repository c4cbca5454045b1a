/**
 * Time that passes only when everything that can happen at one instant has happened.
 *
 * Events are ordered by time, then by when they were asked for, so one seed gives one order. Each happens in a task of
 * the host's own event loop, and before the next one every promise that became ready runs; the order of those is fixed
 * by the language.
 */
import type { Clock } from '../../src/ports.ts'

interface Event {
  readonly at: number
  readonly turn: number
  readonly task: () => void
  isCancelled: boolean
}

/** Lets a task of one boot happen: at once, later (the tab is frozen), or never (it is gone). */
export type Gate = (task: () => void) => void

/** When virtual time begins, 2026-01-01: any date will do, as long as it is always the same. */
export const epochMs = 1_767_225_600_000

/** Events a turn of the host's loop; it lets promises run between two of its tasks. */
const stepsATurn = 32

/** More events ran than were allowed: something calls for itself again and again. */
export class Stalled extends Error {}

export class VirtualClock {
  readonly #eventsMax: number
  readonly #heap: Event[] = []
  #now = 0
  #turns = 0
  #events = 0

  /** No more than `eventsMax` events may run. */
  constructor(eventsMax: number = Number.POSITIVE_INFINITY) {
    this.#eventsMax = eventsMax
  }

  get now(): number {
    return this.#now
  }

  /** How many events have run. */
  get events(): number {
    return this.#events
  }

  /** Runs `task` once `delayMs` have passed. */
  after(delayMs: number, task: () => void): () => void {
    this.#turns += 1
    const event = { at: this.#now + Math.max(0, delayMs), turn: this.#turns, task, isCancelled: false }
    this.#push(event)
    return () => {
      event.isCancelled = true
    }
  }

  /**
   * The clock as one boot of a node sees it: tasks pass its gate, its wall clock is off by `skewMs`, and its timers
   * fire at whole multiples of `alignMs`, as those of a tab in the background do.
   */
  seenBy(gate: Gate, state: { readonly skewMs: number; readonly alignMs: number }): Clock {
    const aligned = (delayMs: number) => {
      const due = this.#now + Math.max(0, delayMs)
      return state.alignMs === 0 ? delayMs : Math.ceil(due / state.alignMs) * state.alignMs - this.#now
    }
    return {
      now: () => this.#now,
      wall: () => epochMs + this.#now + state.skewMs,
      after: (delayMs, task) => this.after(aligned(delayMs), () => gate(task)),
    }
  }

  /** Lets `ms` pass. Rejects with `Stalled`. */
  async run(ms: number): Promise<void> {
    const end = this.#now + ms
    await hop()
    while ((this.#heap[0]?.at ?? Number.POSITIVE_INFINITY) <= end) await this.#steps(end)
    this.#now = end
  }

  /**
   * The next events, one in each of several tasks of the host: a turn of its loop for every event was a tenth of a run.
   */
  #steps(end: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = () => {
        try {
          this.#step(end)
        } catch (error) {
          reject(error)
        }
      }
      for (let count = 0; count < stepsATurn; count += 1) setImmediate(step)
      setImmediate(resolve)
    })
  }

  #step(end: number): void {
    const [next] = this.#heap
    if (next === undefined || next.at > end) return
    this.#pop()
    this.#now = next.at
    if (next.isCancelled) return
    this.#events += 1
    if (this.#events > this.#eventsMax) throw new Stalled(`${this.#eventsMax} events`)
    next.task()
  }

  #push(event: Event): void {
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const up = (at - 1) >> 1
      if (before(heap[up] as Event, event)) break
      heap[at] = heap[up] as Event
      at = up
    }
    heap[at] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let down = 2 * at + 1
      if (down >= heap.length) break
      if (down + 1 < heap.length && before(heap[down + 1] as Event, heap[down] as Event)) down += 1
      if (before(last, heap[down] as Event)) break
      heap[at] = heap[down] as Event
      at = down
    }
    heap[at] = last
  }
}

/** Lets time pass until the promise has settled. */
export async function ahead<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let isSettled = false
  const settle = () => {
    isSettled = true
  }
  promise.then(settle, settle)
  for (let steps = 0; !isSettled && steps < 1000; steps += 1) await clock.run(20)
  if (!isSettled) throw new Error('a promise did not settle in 20 s of virtual time')
  return promise
}

const before = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.turn < b.turn)

const hop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
