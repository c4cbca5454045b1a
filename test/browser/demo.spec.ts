/**
 * The demo as a person meets it: `npm start`, one address, five nodes, the countries, a node closed and opened again.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@playwright/test'
import { chromiumArgs, chromiumPermissions, findBrowsers } from './browsers.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const port = 5199

test.use({
  launchOptions: { ...findBrowsers().chromium, args: chromiumArgs },
  permissions: chromiumPermissions,
})

let server: ChildProcess
test.beforeAll(async () => {
  server = spawn('npm', ['start'], {
    cwd: root,
    env: { ...process.env, PORT: String(port) },
    detached: true,
    stdio: 'ignore',
  })
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      ({ ok }) => ok,
      () => false,
    )
  await expect.poll(answers, { timeout: 60_000 }).toBe(true)
})
test.afterAll(() => {
  if (server.pid !== undefined) process.kill(-server.pid)
})

for (const [width, height] of [
  [1280, 900],
  [390, 844],
] as const) {
  test(`five nodes join, the countries load, and nodes close and reopen at ${width} pixels`, async ({ page }) => {
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    await page.setViewportSize({ width, height })
    await page.goto(`http://127.0.0.1:${port}/`)
    await expect(page.locator('#joined')).toHaveText('5 joined', { timeout: 60_000 })
    await page.click('#load')
    await expect(page.locator('#progress-text')).toHaveText('250 countries stored, 250 on at least two nodes', {
      timeout: 60_000,
    })
    await expect(page.locator('#key-count')).toHaveText('250')
    await page.getByRole('button', { name: 'country:ISL' }).click()
    await expect(page.locator('#answer')).toContainText('Lýðveldið Ísland')
    await expect(page.locator('#ring-text')).toContainText('country:ISL belongs to')

    await page.getByRole('button', { name: 'Close node 2' }).click()
    await page.getByRole('button', { name: 'Close node 5' }).click()
    await expect(page.locator('#joined')).toHaveText('3 joined')
    await page.getByRole('button', { name: 'Read all keys' }).click()
    // Of some keys two of three owners are closed: read below the quorum, and there.
    await expect(page.locator('#progress-text')).toHaveText(
      /^250 of 250 keys have a value, \d+ of them from two nodes/,
      {
        timeout: 60_000,
      },
    )
    await page.fill('#key', 'greeting')
    await page.getByRole('button', { name: 'Put', exact: true }).click()
    await expect(page.locator('#answer')).toContainText('Stored on')
    await page.getByRole('button', { name: 'Put blindly' }).click()
    await page.getByRole('button', { name: 'Get', exact: true }).click()
    await expect(page.locator('#answer')).toContainText('2 siblings')

    await page.getByRole('button', { name: 'Reopen node 2' }).click()
    await page.getByRole('button', { name: 'Reopen node 5' }).click()
    await expect(page.locator('#joined')).toHaveText('5 joined', { timeout: 60_000 })
    await page.getByRole('button', { name: 'Delete' }).click()
    await expect(page.locator('#answer')).toContainText('Deleted on')
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth)
    expect(wide).toBe(false)
    const below = await page.evaluate(() => document.documentElement.scrollHeight - document.body.offsetHeight)
    expect(below).toBeLessThanOrEqual(0)
    expect(errors).toEqual([])
  })
}
