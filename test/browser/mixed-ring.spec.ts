/**
 * Chromium and Firefox in one ring.
 */
import { allCountries } from './countries.ts'
import { expect, type Profile, test } from './world.ts'

test('one ring of Chromium and Firefox tabs holds the countries', async ({ world }) => {
  const ring = await world.ring(['chromium', 'firefox', 'chromium', 'firefox'], { cluster: 'mixed' })
  const [chromium, firefox] = ring as [Profile, Profile]
  const half = allCountries.length / 2
  for (const [profile, entries] of [
    [chromium, allCountries.slice(0, half)],
    [firefox, allCountries.slice(half)],
  ] as const) {
    const quorums = await profile.run(async (node, given) => {
      const results = await Promise.all(given.map(([key, value]) => node.put(key, null, value)))
      return results.filter((result) => result.quorum).length
    }, entries)
    expect(quorums).toBe(entries.length)
  }
  for (const profile of ring) {
    const found = await profile.run(
      async (node, keys) => {
        const results = await Promise.all(keys.map((key) => node.get(key)))
        return results.map((result) => result.values)
      },
      allCountries.map(([key]) => key),
    )
    expect(found).toEqual(allCountries.map(([, country]) => [country]))
  }
})
