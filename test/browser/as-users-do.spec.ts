/**
 * Browsers as users have them: no flags, no permissions. Where there is a network route two tabs meet; where there is
 * none, browsers gather no address, and the tab says so instead of waiting.
 */
import { networkInterfaces } from 'node:os'
import { bridge, routelessChromium } from './routeless.ts'
import { expect, type PageGlobals, type Profile, test } from './world.ts'

const hasNetwork = Object.values(networkInterfaces())
  .flat()
  .some((address) => address !== undefined && !address.internal)

const joinOutcome = (profile: Profile, timeoutMs: number) =>
  profile.page.evaluate((wait) => {
    const { harness } = window as unknown as PageGlobals
    return harness.outcome(() => harness.node?.joined({ timeoutMs: wait }) ?? Promise.resolve())
  }, timeoutMs)

test('two browsers without any flag meet, or say at once that they have no route', async ({ world }) => {
  const pair = [await world.profile('chromium'), await world.profile('chromium')]
  for (const profile of pair) {
    await profile.start()
    await profile.open({ cluster: 'plain', signaling: world.signaling.url })
  }
  const outcomes = await Promise.all(pair.map((profile) => joinOutcome(profile, 60_000)))
  for (const outcome of outcomes) {
    if (hasNetwork) expect(outcome).toHaveProperty('ok')
    else expect(outcome).toMatchObject({ code: 'unsupported', message: expect.stringContaining('no candidates') })
  }
})

test('two tabs without a network route learn within seconds that they cannot connect, and why', async ({ world }) => {
  const wrapper = await routelessChromium()
  if (wrapper === null) return
  const pair = [
    await world.profile('chromium', { executablePath: wrapper }),
    await world.profile('chromium', { executablePath: wrapper }),
  ]
  for (const profile of pair) {
    await profile.start((context) => bridge(context, world))
    await profile.open({ cluster: 'routeless', signaling: world.signaling.url })
  }
  const [first] = pair as [Profile]
  const outcomes = await Promise.all(pair.map((profile) => joinOutcome(profile, 60_000)))
  for (const outcome of outcomes)
    expect(outcome).toMatchObject({ code: 'unsupported', message: expect.stringContaining('no candidates') })
  // A tab without a route is still a node: it keeps what it is given.
  expect(await first.run((node) => node.put('offline', null, 1), null)).toMatchObject({ acks: 1, quorum: false })
})
