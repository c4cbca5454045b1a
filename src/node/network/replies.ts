/**
 * Replies that requests wait for (not in the paper).
 *
 * A reply is accepted only from the node that was asked, over the channel it was asked over: a relay must not speak for
 * others.
 */
import { bounds } from '../../core/bounds.ts'
import type { NodeId, PeerId } from '../../core/ids.ts'
import type { Reply } from '../../core/wire/messages.ts'
import { type Deferred, deferred } from '../scheduling/timers.ts'
import { RequestFailure } from './request-failure.ts'

/** The node that was asked, and the peer whose channel carried the request. */
interface Asked {
  readonly node: NodeId
  readonly peer: PeerId
}

export class Replies {
  readonly #waiting = new Map<number, Asked & { readonly reply: Deferred<Reply> }>()
  #last = 0

  /** Begins to wait for a reply. Throws a `RequestFailure` if too many requests are waiting. */
  begin(node: NodeId, peer: PeerId): { readonly id: number; readonly reply: Promise<Reply> } {
    if (this.#waiting.size >= bounds.requestsMax) throw new RequestFailure('unreachable')
    this.#last += 1
    const reply = deferred<Reply>()
    // The channel may close while the request is being sent, before any caller waits for the reply.
    reply.promise.catch(() => {})
    this.#waiting.set(this.#last, { node, peer, reply })
    return { id: this.#last, reply: reply.promise }
  }

  /** The caller no longer waits for that reply. */
  end(id: number): void {
    this.#waiting.delete(id)
  }

  received(id: number, from: NodeId, over: PeerId, body: Reply): void {
    const waiting = this.#waiting.get(id)
    if (waiting?.node === from && waiting.peer === over) waiting.reply.resolve(body)
  }

  /** Fails the requests whose replies will not come. */
  fail(which: (asked: Asked) => boolean): void {
    for (const each of this.#waiting.values()) if (which(each)) each.reply.reject(new RequestFailure('unreachable'))
  }
}
