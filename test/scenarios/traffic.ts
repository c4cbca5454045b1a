/**
 * What nodes of a ring on virtual time send each other, gossip and member lists aside: counted where they ask.
 */
import type { NodeId } from '../../src/core/ids.ts'
import { encodeMessage } from '../../src/core/wire/message-codec.ts'
import { partsOf, type StorageNode } from '../../src/node/storage-node.ts'

const view = '0'.repeat(16) as never

export class Traffic {
  /** Records delivered or fetched, to whomever. */
  records = 0
  /** Bytes of requests and of their replies. */
  bytes = 0
  /** Records delivered to one node. */
  readonly deliveredTo = new Map<NodeId, number>()

  constructor(nodes: readonly StorageNode[]) {
    for (const node of nodes) this.watch(node)
  }

  /** Counts what a node asks of others from now on. */
  watch(node: StorageNode): void {
    const { peers } = partsOf(node)
    const request = peers.request.bind(peers)
    peers.request = async (to, body, ...how) => {
      if (body.type === 'members') return request(to, body, ...how)
      this.bytes += encodeMessage({ kind: 'request', id: 1, view, body }).length
      if (body.type === 'deliver') {
        this.records += body.entries.length
        this.deliveredTo.set(to, (this.deliveredTo.get(to) ?? 0) + body.entries.length)
      }
      const reply = await request(to, body, ...how)
      this.bytes += encodeMessage({ kind: 'reply', id: 1, view, body: reply }).length
      if (reply.type === 'records') this.records += reply.entries.length
      return reply
    }
  }

  /** Begins to count anew. */
  reset(): void {
    this.records = 0
    this.bytes = 0
    this.deliveredTo.clear()
  }
}
