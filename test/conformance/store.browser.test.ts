import { describe } from 'vitest'
import { describeIndexedDbStore } from './indexeddb-store.ts'

describe('the store in IndexedDB', () => describeIndexedDbStore())
