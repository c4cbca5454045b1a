import { defineConfig } from '@playwright/test'
import type { Engine, Flags } from '../test/browser/world.ts'

export default defineConfig<object, { engine: Engine; flags: Flags }>({
  testDir: '.',
  testMatch: ['*.bench.ts'],
  outputDir: '../test-results',
  workers: 1,
  timeout: 900_000,
  reporter: [['list']],
  use: { engine: 'chromium' },
})
