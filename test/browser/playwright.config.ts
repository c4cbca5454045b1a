import { defineConfig } from '@playwright/test'
import type { Engine, Flags } from './world.ts'

/** Tests that take minutes: `npm run test:long` runs those alone, `npm test` all others. */
const isLong = process.env['TABRING_LONG'] === '1'

/** What has a project of its own. */
const apart = ['mixed*', 'as-users*', 'demo*', 'packed*']

export default defineConfig<object, { engine: Engine; flags: Flags }>({
  testDir: '.',
  outputDir: '../../test-results',
  workers: 1,
  timeout: 180_000,
  forbidOnly: true,
  ...(isLong ? { grep: /@long/ } : {}),
  reporter: [['list']],
  projects: [
    {
      name: 'chromium',
      testMatch: ['*.spec.ts'],
      testIgnore: apart,
      ...(isLong ? {} : { grepInvert: /@long/ }),
      use: { engine: 'chromium' },
    },
    {
      name: 'firefox',
      testMatch: ['*.spec.ts'],
      testIgnore: apart,
      grepInvert: /@chromium/,
      use: { engine: 'firefox' },
    },
    { name: 'mixed', testMatch: ['mixed*.spec.ts'] },
    { name: 'as users do', testMatch: ['as-users*.spec.ts'], use: { flags: 'users' } },
    { name: 'demo', testMatch: ['demo*.spec.ts'] },
    { name: 'packed', testMatch: ['packed*.spec.ts'] },
  ],
})
