/**
 * Requests of a node as its trace has told them so far.
 */
import type { Dot } from '../../src/core/versioning/causal-history.ts'
import type { TraceEvent } from '../../src/node/api/trace.ts'
import type { Operation } from './history.ts'
import { dotNamed } from './keys.ts'

export type RequestEvent = Extract<TraceEvent, { type: 'request' }>

type Begun = Extract<RequestEvent, { step: 'begun' }>

export interface Told {
  readonly request: Begun['request']
  readonly key: string
  readonly by: Begun['by']
  /** Its write, once that has a name. */
  dot: Dot | null
  /** The client's operation. Undefined where the request is no client's. */
  operation: Operation | undefined
  /** The owners for whom each node that was asked stands in. */
  readonly standsInFor: Map<string, readonly string[]>
  /** Nodes that have not answered in time. */
  readonly silent: string[]
}

/** Requests of one node, by their ids. */
export class ToldRequests {
  readonly #byId = new Map<number, Told>()

  /** The request of an event, with what the event adds. Undefined for one that began before the node was listened to. */
  after(event: RequestEvent): Told | undefined {
    if (event.step === 'begun') {
      const { request, key, by } = event
      this.#byId.set(event.id, {
        request,
        key,
        by,
        dot: null,
        operation: undefined,
        standsInFor: new Map(),
        silent: [],
      })
    }
    const told = this.#byId.get(event.id)
    if (event.step === 'written' && told !== undefined) told.dot = dotNamed(event.dot)
    if (event.step === 'asked') told?.standsInFor.set(event.node, event.standsInFor)
    if (event.step === 'answered' && event.said === 'silent') told?.silent.push(event.node)
    return told
  }
}
