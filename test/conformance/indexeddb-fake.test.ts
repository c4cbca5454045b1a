/**
 * The fake IndexedDB that the simulation runs the browser's store on: what holds in browsers must hold there.
 */
import { describe } from 'vitest'
import { installOnRealTime } from '../indexeddb/real-time.ts'
import { describeIndexedDbStore } from './indexeddb-store.ts'
import { describeRowLog } from './row-log.ts'
import { describeTransactions } from './transactions.ts'

installOnRealTime()
describe('the transactions of the fake', () => describeTransactions())
describe('the store in the fake', () => describeIndexedDbStore())
describe('the log of rows in the fake', () => describeRowLog())
