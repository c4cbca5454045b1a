/**
 * Timers: waits with a time limit, repetition, and gathering of calls (not in the paper).
 *
 * A repeated task never overlaps itself.
 */
import type { Clock } from '../../ports.ts'

export const timedOut: unique symbol = Symbol('timed out')

/** The promise's result, or `timedOut` after `ms`. The promise itself goes on; its later failure is ignored. */
export function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T | typeof timedOut> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve(timedOut))
    promise.then(resolve, reject).finally(cancel)
  })
}

/** Resolves after so many ms. */
export const pause = (clock: Pick<Clock, 'after'>, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.after(ms, resolve))

/** A promise with its two ends, to be settled from outside. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/**
 * Runs a task again and again, `everyMs` after its last end, until the returned function is called. Each pause varies
 * by a quarter.
 */
export function repeat(clock: Clock, everyMs: number, chance: () => number, task: () => Promise<void>): () => void {
  let stopped = false
  let cancel = () => {}
  const arm = () => {
    if (stopped) return
    cancel = clock.after(everyMs * (0.75 + chance() / 2), () => {
      task().finally(arm)
    })
  }
  arm()
  return () => {
    stopped = true
    cancel()
  }
}

/**
 * Gathers many calls of the returned function into one run of `task`, `delayMs` after the first. A later call starts
 * the next run.
 */
export function debounced(clock: Clock, delayMs: number, task: () => void): () => void {
  let isDue = false
  return () => {
    if (isDue) return
    isDue = true
    clock.after(delayMs, () => {
      isDue = false
      task()
    })
  }
}
