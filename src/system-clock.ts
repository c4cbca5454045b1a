/**
 * The host's own clocks and timers: the same in browsers and elsewhere.
 */
import type { Clock } from './ports.ts'

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs)
    return () => clearTimeout(timer)
  },
}
