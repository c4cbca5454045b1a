/**
 * Members by number, for tests of what nodes believe of each other.
 */
import type { DeviceId, NodeId, PeerId } from '../src/core/ids.ts'
import type { Claim } from '../src/core/membership/claims.ts'

export const nodeName = (index: number): NodeId => index.toString(16).padStart(32, '0') as NodeId

/** A member on a device of its own. */
export const claimOf = (index: number, status: Claim['status'] = 'alive', incarnation = 1): Claim => ({
  node: nodeName(index),
  peer: index.toString(16).padStart(16, '0') as PeerId,
  device: `device ${index}` as DeviceId,
  capacity16ths: 16,
  guest: false,
  settled: true,
  storage: 'ok',
  speaks: 1,
  incarnation,
  status,
})
