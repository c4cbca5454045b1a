import { defineConfig } from '@playwright/test'
import type { Engine, Flags } from './world.ts'

export default defineConfig<object, { engine: Engine; flags: Flags }>({
  testDir: '.',
  outputDir: '../../test-results',
  workers: 1,
  timeout: 180_000,
  forbidOnly: true,
  reporter: [['list']],
  projects: [
    {
      name: 'chromium',
      testMatch: ['*.spec.ts'],
      testIgnore: ['mixed*', 'as-users*', 'demo*'],
      use: { engine: 'chromium' },
    },
    {
      name: 'firefox',
      testMatch: ['*.spec.ts'],
      testIgnore: ['mixed*', 'as-users*', 'demo*'],
      grepInvert: /@chromium/,
      use: { engine: 'firefox' },
    },
    { name: 'mixed', testMatch: ['mixed*.spec.ts'] },
    { name: 'as users do', testMatch: ['as-users*.spec.ts'], use: { flags: 'users' } },
    { name: 'demo', testMatch: ['demo*.spec.ts'] },
  ],
})
