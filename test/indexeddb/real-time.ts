/**
 * The fake in tests that run on real time: one tab, one disk, nothing that fails.
 */
import { FakeDisk } from './disk.ts'
import { installFake } from './factory.ts'
import { smooth, type Tab } from './tab.ts'

export function installOnRealTime(): void {
  const disk = new FakeDisk()
  let tasks = 0
  let isCounted = false
  const tab: Tab = {
    post: (delayMs, task) => void (delayMs > 0 ? setTimeout(task, delayMs) : setImmediate(task)),
    isAlive: true,
    task: () => {
      if (!isCounted) {
        isCounted = true
        tasks += 1
        setImmediate(() => {
          isCounted = false
        })
      }
      return tasks
    },
    courseOf: () => smooth,
    opening: () => ({ delayMs: 0, refusal: null }),
  }
  installFake((name) => ({ tab, disk, database: name }))
}
