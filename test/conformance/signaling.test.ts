import { describe } from 'vitest'
import { MemoryRoom } from '../../src/memory/memory-signaling.ts'
import { describeSignaling } from './signaling.ts'

const room = new MemoryRoom()
describe('signaling in memory', () => describeSignaling(() => room.signaling()))
