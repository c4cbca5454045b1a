/**
 * What nodes of a ring ask each other beside gets, puts, gossip and member lists, as their traces tell it.
 */
import type { TabringNode } from '../../src/node/api/tabring-node.ts'
import type { TraceEvent } from '../../src/node/api/trace.ts'

type Exchanged = Extract<TraceEvent, { type: 'message'; step: 'sent' | 'received' }>

/** Requests that move records or compare them, and the replies to these. */
const requests: readonly Exchanged['kind'][] = ['deliver', 'reconcile', 'fetch', 'terms', 'settled']
const replies: readonly Exchanged['kind'][] = ['taken', 'reconciled', 'records', 'terms', 'settled']

/** Whether a message is a request of this node, or the reply to one. */
const isOfOwnRequest = ({ step, part, kind }: Exchanged): boolean =>
  step === 'sent' ? part === 'request' && requests.includes(kind) : part === 'reply' && replies.includes(kind)

export class Traffic {
  /** Records delivered or fetched, to whomever. */
  records = 0
  /** Bytes of requests and of their replies. */
  bytes = 0

  /** Counts what these nodes ask of others from now on. */
  constructor(nodes: readonly TabringNode[]) {
    for (const node of nodes)
      node.trace((event) => {
        if (event.type !== 'message' || event.step === 'unanswered' || !isOfOwnRequest(event)) return
        this.bytes += event.bytes
        this.records += event.records
      })
  }

  /** Begins to count anew. */
  reset(): void {
    this.records = 0
    this.bytes = 0
  }
}
