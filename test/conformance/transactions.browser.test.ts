import { describe } from 'vitest'
import { describeTransactions } from './transactions.ts'

describe('the transactions of a browser', () => describeTransactions())
