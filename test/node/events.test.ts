import { expect, test } from 'vitest'
import { Events } from '../../src/node/events.ts'

test('the host hears of a loss, and it is told all the same to the first who listens', async () => {
  const events = new Events()
  const heard: string[] = []
  events.overhear(({ reason }) => heard.push(`host: ${reason}`))
  events.emit('data-loss', { reason: 'copied', previousId: 'one' })
  events.emit('storage', { state: 'full' })
  expect(heard).toEqual(['host: copied'])
  events.on('data-loss', ({ reason }) => heard.push(`listener: ${reason}`))
  await Promise.resolve()
  expect(heard).toEqual(['host: copied', 'listener: copied'])
})
