/**
 * Trace: the steps of a node, told to inspectors, tests and the simulation (not in the paper).
 *
 * A part tells a step with `trace.tell?.({ ... })`. Without a listener `tell` is undefined, so no event is built.
 * Listeners hear each event at once, in the order of the steps. An event holds names, numbers and texts only, so a log of
 * events is JSON.
 */
import type { StoredKey } from '../../core/ids.ts'
import type { MemberStatus } from '../../core/membership/claims.ts'
import type { SwimMessage } from '../../core/membership/swim-port.ts'
import { keyIn } from '../../core/stored-key.ts'
import type { FailureCode, Message, Reply, Request } from '../../core/wire/messages.ts'
import { type ErrorCode, TabringError } from '../../errors.ts'
import type { Clock, Durability } from '../../ports.ts'

/**
 * The reason why work with a peer, or with the own store, failed: its code, or why there was no answer.
 * @inline
 */
export type TraceFailure = FailureCode | 'unreachable' | 'silent' | 'refused' | 'failed'

/**
 * As whom a node has answered (`nobody`: its copy is not complete, or holds nothing), or why it failed.
 * @inline
 */
export type TraceSaid = 'owner' | 'stand-in' | 'nobody' | TraceFailure

/** A request that this node coordinates. */
export type TraceRequest =
  | {
      readonly step: 'begun'
      readonly request: 'get' | 'put' | 'delete' | 'scan'
      /** Of a scan: the group, or the empty text. */
      readonly key: string
      /**
       * `sibling cap`: this node reads a key of too many siblings, and puts one value in their place. `view`: it reads
       * what a view shows.
       */
      readonly by: 'application' | 'sibling cap' | 'view'
    }
  /** The write has its name: its dot, by which other nodes know it too, and its hybrid time. */
  | { readonly step: 'written'; readonly dot: string; readonly time: number }
  /** `standsInFor`: the owners in whose place a fallback is asked. It keeps a write as a hint for them. */
  | {
      readonly step: 'asked'
      readonly node: string
      readonly role: 'owner' | 'fallback'
      readonly standsInFor: readonly string[]
    }
  /**
   * `answer`: how it counts. `slow`: another node is asked besides, and the answer may still come. An owner out of reach
   * has failed without being asked. `said`: null without a word of the node. `ms`: since it was asked.
   */
  | {
      readonly step: 'answered'
      readonly node: string
      readonly role: 'owner' | 'fallback'
      readonly answer: 'counted' | 'uncounted' | 'slow' | 'failed'
      readonly said: TraceSaid | null
      readonly ms: number
    }
  /** The application has its answer, or an error with that code. Later answers may follow. */
  | {
      readonly step: 'settled'
      readonly outcome: 'quorum' | 'no quorum' | ErrorCode
      readonly ms: number
    }
  /** Read repair: an owner that answered with less has what the get found. */
  | { readonly step: 'repaired'; readonly node: string }

/** A message between this node and a peer. */
export type TraceMessage =
  /**
   * `node`: the other end, null before its hello. `through`: the node that relays the message. The `relay` that carries
   * it is an event of its own. `part` and `id` join a request and its reply, at both ends. `records`: those it carries.
   */
  | {
      readonly step: 'sent' | 'received'
      readonly node: string | null
      readonly through: string | null
      readonly kind:
        | Exclude<Message['kind'], 'request' | 'reply' | 'swim'>
        | Request['type']
        | Reply['type']
        | SwimMessage['type']
      readonly part: 'request' | 'reply' | null
      readonly id: number | null
      readonly bytes: number
      readonly records: number
    }
  /** A request of this node has failed, or was refused. */
  | {
      readonly step: 'unanswered'
      readonly node: string
      readonly kind: Request['type']
      readonly id: number
      readonly why: TraceFailure
    }

/** An exchange that this node has begun with a peer. */
export type TraceExchange =
  /** `partitions`: the number that is to be compared. */
  | { readonly step: 'begun'; readonly why: TraceExchangeReason; readonly partitions: number }
  /**
   * A question of a reconciliation: it compares so many prefixes of the Merkle tries, or fetches so many keys that differ.
   * `level` counts the questions from 1.
   */
  | {
      readonly step: 'descended'
      readonly level: number
      readonly of: 'prefixes' | 'keys'
      readonly count: number
    }
  /** Keys that differ: those of which the peer lacks something, and those of which this node does. */
  | { readonly step: 'compared'; readonly ours: number; readonly theirs: number; readonly bytes: number }
  | { readonly step: 'moved'; readonly way: 'given' | 'taken'; readonly records: number; readonly bytes: number }
  | {
      readonly step: 'ended'
      readonly outcome: 'in step' | TraceFailure
      readonly records: number
      readonly bytes: number
      readonly ms: number
    }

/**
 * The reason of an exchange. `catching up`: this node is not in sync with partitions that it owns, and the peer may have
 * what it lacks. `handing on`: others own what is here by now. `lost rows`: the disk lost some. `repair`: the application
 * asked for it.
 * @inline
 */
export type TraceExchangeReason = 'anti-entropy' | 'catching up' | 'handing on' | 'leaving' | 'lost rows' | 'repair'

/** The own store. */
export type TraceStorage =
  /** A transaction is complete. `rows`: those it wrote. */
  | { readonly step: 'commit'; readonly durability: Durability; readonly rows: number; readonly ms: number }
  | { readonly step: 'failure'; readonly why: 'storage-full' | 'storage-failed' }
  /** A partition was read again. `keys`: those that the disk had altered or lost. */
  | { readonly step: 'scrub'; readonly partition: number; readonly keys: number }
  /** So many changed Merkle tries were stored. */
  | { readonly step: 'checkpoint'; readonly partitions: number }

/**
 * A step of a node.
 * @inline
 */
type Step =
  | ({ readonly type: 'request'; readonly id: number } & TraceRequest)
  | ({ readonly type: 'message' } & TraceMessage)
  /**
   * Writes kept for other nodes. `delivered`: a target has stored them, flushed. `struck off`: they are kept for it no
   * more. `refused`: this node keeps as much for others as it may.
   */
  | {
      readonly type: 'hint'
      readonly step: 'kept' | 'delivered' | 'struck off' | 'refused'
      readonly keys: readonly string[]
      readonly targets: readonly string[]
    }
  | ({ readonly type: 'exchange'; readonly id: number; readonly node: string } & TraceExchange)
  /** A claim about a member has changed. `from` is null for a new one, and equal to `to` if only the rest changed. */
  | {
      readonly type: 'member'
      readonly node: string
      readonly from: MemberStatus | null
      readonly to: MemberStatus
    }
  /** `ended`: others own them by now. `dropped`: the new owners have everything, and the rows here are deleted. */
  | {
      readonly type: 'ownership'
      readonly step: 'owned' | 'in sync' | 'ended' | 'dropped'
      readonly partitions: readonly number[]
    }
  | ({ readonly type: 'storage' } & TraceStorage)

/**
 * A step of a node, as `trace` tells it. `at`: ms of this node's clock, from an arbitrary zero. `id` joins the steps of
 * one request, one message and its reply, or one exchange.
 * @example node.trace((event) => { if (event.type === 'hint') console.log(event.at, event.step, event.keys) })
 */
export type TraceEvent = { readonly at: number } & Step

type Begun = Extract<TraceRequest, { step: 'begun' }>

export class Trace {
  /** Tells each listener. Undefined without one: then `tell?.({ ... })` builds nothing. */
  tell: ((step: Step) => void) | undefined
  readonly #clock: Pick<Clock, 'now'>
  readonly #listeners = new Set<(event: TraceEvent) => void>()
  #lastId = 0

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** This node's clock, ms. */
  get now(): number {
    return this.#clock.now()
  }

  /** A number that joins the steps of one piece of work. */
  nextId(): number {
    this.#lastId += 1
    return this.#lastId
  }

  listen(listener: (event: TraceEvent) => void): () => void {
    if (typeof listener !== 'function')
      throw new TabringError('invalid-option', 'trace takes a function. Nothing was changed.')
    // A wrapper of its own for each call, so that one function may listen twice.
    const entry = (event: TraceEvent) => listener(event)
    this.#listeners.add(entry)
    this.tell = (step) => this.#tell({ at: this.now, ...step })
    return () => {
      this.#listeners.delete(entry)
      if (this.#listeners.size === 0) this.tell = undefined
    }
  }

  /** A listener that throws harms neither the node nor another listener: its error is an unhandled rejection. */
  #tell(event: TraceEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (error) {
        void Promise.reject(error)
      }
    }
  }

  /** Runs a request. Tells its beginning and its end. */
  request<T extends { readonly quorum: boolean }>(
    request: Begun['request'],
    key: string,
    by: Begun['by'],
    run: (id: number) => Promise<T>,
  ): Promise<T> {
    const id = this.nextId()
    this.tell?.({ type: 'request', id, step: 'begun', request, key, by })
    const answer = run(id)
    if (this.tell !== undefined) this.#follow(id, answer)
    return answer
  }

  #follow(id: number, answer: Promise<{ readonly quorum: boolean }>): void {
    const begunAt = this.now
    const settled = (outcome: 'quorum' | 'no quorum' | ErrorCode) =>
      this.tell?.({ type: 'request', id, step: 'settled', outcome, ms: this.now - begunAt })
    answer.then(
      ({ quorum }) => settled(quorum ? 'quorum' : 'no quorum'),
      (error: unknown) => settled(error instanceof TabringError ? error.code : 'storage-failed'),
    )
  }
}

/** A message of which the trace tells. */
export function messageStep(
  step: 'sent' | 'received',
  node: string | null,
  through: string | null,
  message: Message,
  bytes: number,
): Step {
  const told = { type: 'message', step, node, through, bytes } as const
  if (message.kind === 'swim') return { ...told, kind: message.body.type, part: null, id: null, records: 0 }
  if (message.kind !== 'request' && message.kind !== 'reply')
    return { ...told, kind: message.kind, part: null, id: null, records: 0 }
  const { kind: part, id, body } = message
  return { ...told, kind: body.type, part, id, records: 'entries' in body ? body.entries.length : 0 }
}

/** Hints of which the trace tells. */
export function hintStep(
  step: Extract<Step, { type: 'hint' }>['step'],
  targets: readonly string[],
  hints: Iterable<{ readonly key: StoredKey }>,
): Step {
  return { type: 'hint', step, keys: Array.from(hints, ({ key }) => keyIn(key)), targets }
}
