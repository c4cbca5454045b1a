/**
 * Read repair (Dynamo, section 5): the coordinator of a read sends its result to owners that answered with less.
 *
 * The repair runs after the reader has its answer. It reaches only owners that are strictly behind. A fallback filled
 * by reads would hand all of it back later.
 */

import type { Answer } from '../../core/acceptance/answers.ts'
import type { NodeId, StoredKey } from '../../core/ids.ts'
import { join, type Record, sameSiblings } from '../../core/versioning/record.ts'
import { bytesOf, deliver } from '../transfer/batches.ts'
import type { Coordinator } from './coordinator.ts'

/** Brings those `owners` up to date that answered with less than `found`. `id`: of the get. Never rejects. */
export async function repairStale(
  { routing, peers, replica, events, trace }: Coordinator,
  key: StoredKey,
  owners: readonly NodeId[],
  answers: ReadonlyMap<NodeId, Pick<Answer, 'record'>>,
  found: Record,
  id: number,
): Promise<void> {
  const isStale = (record: Record) => !sameSiblings(join(record, found), record)
  const stale = owners.filter((owner) => {
    const answer = answers.get(owner)
    return answer !== undefined && isStale(answer.record)
  })
  for (const owner of stale) {
    const entry = { key, record: found, hintFor: [] }
    try {
      if (owner === routing.self)
        await replica.take([entry], 'relaxed', 'this node', { ...replica.written, origin: 'read' })
      else await deliver(peers, owner, [entry], 'read')
      trace.tell?.({ type: 'request', id, step: 'repaired', node: owner })
      events.emit('repair', { peer: owner, keys: 1, bytes: bytesOf(entry), reason: 'read' })
    } catch {
      // The owner went away again. The next read or exchange repairs it.
      events.trouble.repairs += 1
    }
  }
}
