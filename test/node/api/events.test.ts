import { expect, test } from 'vitest'
import { Events } from '../../../src/node/api/events.ts'

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

test('late values are told to the first who listens, also where they came before anybody could', async () => {
  const events = new Events()
  const heard: string[] = []
  events.emit('late', { collection: '', group: null, key: 'k', values: ['back'] })
  events.on('late', ({ key }) => heard.push(key))
  await Promise.resolve()
  expect(heard).toEqual(['k'])
})
