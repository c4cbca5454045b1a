/**
 * A tab that is frozen for a while in a ring of four, and what it answers when it goes on.
 */
import { BareChromium } from './bare-chromium.ts'
import { expect, type Profile, type World } from './world.ts'

const joinTimeoutMs = 60_000

export interface Awakening {
  /** How the others call it, at the end of its sleep. */
  readonly asleep: string | undefined
  /** From the moment it went on until it had caught up. */
  readonly ms: number
  readonly reads: number
  readonly quorums: number
  /** Reads that had their quorum and missed a write. */
  readonly stale: number
}

/** Freezes a tab for `ms`, while 60 keys change. */
export async function sleepFor(world: World, ms: number): Promise<Awakening> {
  const cluster = 'frozen'
  const [a] = (await world.ring(['chromium', 'chromium', 'chromium'], { cluster })) as [Profile]
  const status = (name: string) =>
    a.run((node, other) => node.members().find((member) => member.id === other)?.status, name)
  const browser = await BareChromium.start()
  try {
    const sleeper = await browser.open(world.pageUrl)
    const options = JSON.stringify({ cluster, signaling: world.signaling.url })
    const id = await sleeper.evaluate<string>(`harness.open(${options})`)
    await sleeper.evaluate(`harness.node.joined({ members: 4, timeoutMs: ${joinTimeoutMs} })`)
    const keys = Array.from({ length: 60 }, (_, index) => `key ${index}`)
    await a.run(async (node, names) => Promise.all(names.map((name) => node.put(name, null, 'old'))), keys)
    // A tab in front is not frozen.
    await browser.open('about:blank')
    await sleeper.freeze()
    const frozenAt = Date.now()
    await expect.poll(() => status(id)).toBe('away')
    const written = await a.run(
      async (node, names) =>
        Promise.all(names.map(async (name) => (await node.put(name, (await node.get(name)).context, 'new')).quorum)),
      keys,
    )
    expect(written).toEqual(keys.map(() => true))
    await expect.poll(() => Date.now() - frozenAt, { timeout: ms + 5_000 }).toBeGreaterThanOrEqual(ms)
    const asleep = await status(id)
    await sleeper.resume()
    const read = await sleeper.evaluate<{ stale: number; ms: number; quorums: number }>(`(async () => {
      const startedAt = performance.now()
      const results = await Promise.all(${JSON.stringify(keys)}.map((name) => harness.node.get(name)))
      await harness.node.joined({ members: 4 })
      return {
        stale: results.filter(({ quorum, values }) => quorum && values.join() !== 'new').length,
        ms: performance.now() - startedAt,
        quorums: results.filter(({ quorum }) => quorum).length,
      }
    })()`)
    await expect.poll(() => status(id)).toBe('alive')
    return { ...read, asleep, reads: keys.length }
  } finally {
    await browser.stop()
  }
}
