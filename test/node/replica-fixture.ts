/**
 * One node's store by itself: whom it would reach, and how far its past may be forgotten, is what a test says.
 */
import { partitionOf } from '../../src/core/hash.ts'
import type { DeviceId, HybridTime, StoredKey } from '../../src/core/ids.ts'
import { type Claim, type MemberView, mergeClaims } from '../../src/core/membership/claims.ts'
import { storedKey } from '../../src/core/stored-key.ts'
import { memoryStore } from '../../src/memory/memory-store.ts'
import { Events, noTrouble } from '../../src/node/api/events.ts'
import { Trace } from '../../src/node/api/trace.ts'
import { Routing } from '../../src/node/ownership/routing.ts'
import { HybridClock } from '../../src/node/scheduling/hybrid-clock.ts'
import { FlushingStore } from '../../src/node/storage/flushing-store.ts'
import { Replica } from '../../src/node/storage/replica.ts'
import { metaRow } from '../../src/node/storage/rows.ts'
import { systemClock } from '../../src/system-clock.ts'
import { claimOf as claim, nodeName } from '../members.ts'

export const viewOf = (claims: readonly Claim[]): MemberView => mergeClaims(new Map(), claims)

const limits = { siblingsMax: 3, expiredKeptMs: 1_000, hints: { keysPerTarget: 3, bytes: 1_000 } }

/** Node 1 of a ring of `count`, with nobody in reach. */
export function replicaFixture(count: number, n = 3, store = memoryStore(), devices = count) {
  const wall = { ms: 0 }
  const horizon = { at: 0, floor: 0 }
  const late: StoredKey[] = []
  const session = { boot: 1, count: 1 }
  const member = (index: number): Claim => ({
    ...claim(index),
    device: `device ${devices === count ? index : index % devices}` as DeviceId,
  })
  const others = Array.from({ length: count - 1 }, (_, index) => member(index + 2))
  const routing = new Routing(nodeName(1), viewOf([member(1), ...others]), n)
  const corrupt: string[] = []
  const crowded: StoredKey[] = []
  const progress = {
    horizonOf: () => horizon.at as HybridTime,
    floorOf: () => Math.max(horizon.at, horizon.floor) as HybridTime,
    changed: () => {},
    get stamp() {
      return { ...session }
    },
  }
  const clock = { wall: () => wall.ms }
  const replica = new Replica({
    store: new FlushingStore(store, noTrouble(), new Trace(systemClock)),
    routing,
    clock,
    hybrid: new HybridClock(clock),
    limits,
    progress,
    forgetting: {
      lost: () => {
        horizon.at = 0
        return [{ key: metaRow('lost'), value: Uint8Array.of(1) }]
      },
    },
    late: { tell: (key) => late.push(key) },
  })
  replica.on.corrupt = (what) => corrupt.push(what)
  replica.on.crowded = (key) => crowded.push(key)
  return { wall, horizon, late, session, routing, replica, corrupt, crowded, events: new Events() }
}

export const keyNamed = (key: string): StoredKey => storedKey({ collection: '', group: null, key })

/** A key whose partition node 1 owns, or does not. */
export function keyThat(routing: Routing, owned: 'owned' | 'not owned'): StoredKey {
  for (let index = 0; ; index += 1) {
    const key = keyNamed(`key ${index}`)
    if (routing.owns(partitionOf(key)) === (owned === 'owned')) return key
  }
}
