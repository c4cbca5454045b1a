import { describe } from 'vitest'
import { MemoryNetwork } from '../../src/memory/memory-network.ts'
import { systemClock } from '../../src/system-clock.ts'
import { peerName } from './signaling.ts'
import { describeTransport } from './transport.ts'

describe('the network in memory', () =>
  describeTransport(async (count) => {
    const network = new MemoryNetwork(systemClock)
    return Array.from({ length: count }, (_, index) => ({
      peer: peerName(index + 1),
      transport: network.transport(peerName(index + 1)),
    }))
  }))
