import { describe } from 'vitest'
import { openIndexedDbStore } from '../../src/browser/indexeddb-store.ts'
import { systemClock } from '../../src/system-clock.ts'
import { describeStore } from './store.ts'

describe('the store in IndexedDB', () =>
  describeStore(async (name) => (await openIndexedDbStore(name, systemClock, () => {})).store))
