/**
 * The replies that requests wait for. Each is taken from the node that was asked alone, over the channel it was asked
 * over: a node that passes messages on must not speak for others.
 */
import { bounds } from '../../core/bounds.ts'
import type { NodeId, PeerId } from '../../core/ids.ts'
import type { Reply } from '../../core/wire/messages.ts'
import { type Deferred, deferred } from '../scheduling/timers.ts'
import { RequestFailure } from './request-failure.ts'

/** Who was asked, and over the channel to whom. */
interface Asked {
  readonly node: NodeId
  readonly peer: PeerId
}

export class Replies {
  readonly #waiting = new Map<number, Asked & { readonly reply: Deferred<Reply> }>()
  #last = 0

  /** Begins to wait. Throws where too many requests do. */
  begin(node: NodeId, peer: PeerId): { readonly id: number; readonly reply: Promise<Reply> } {
    if (this.#waiting.size >= bounds.requestsMax) throw new RequestFailure('unreachable')
    this.#last += 1
    const reply = deferred<Reply>()
    // The channel may close while the request is still being sent: then nobody waits for the reply yet.
    reply.promise.catch(() => {})
    this.#waiting.set(this.#last, { node, peer, reply })
    return { id: this.#last, reply: reply.promise }
  }

  /** Nobody waits for that one any more. */
  end(id: number): void {
    this.#waiting.delete(id)
  }

  received(id: number, from: NodeId, over: PeerId, body: Reply): void {
    const waiting = this.#waiting.get(id)
    if (waiting?.node === from && waiting.peer === over) waiting.reply.resolve(body)
  }

  /** These will not come. */
  fail(which: (asked: Asked) => boolean): void {
    for (const each of this.#waiting.values()) if (which(each)) each.reply.reject(new RequestFailure('unreachable'))
  }
}
