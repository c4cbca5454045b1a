import { describe } from 'vitest'
import { describeRowLog } from './row-log.ts'

describe('the log of rows in IndexedDB', () => describeRowLog())
