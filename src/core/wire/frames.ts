/**
 * Messages cut into frames, and put together again (not in the paper; RFC 8831, section 6.6, advises small messages).
 *
 * A data channel handles large messages badly, so each message travels in frames of at most 16 KiB. The channel is
 * ordered and reliable. So a frame tells only its message, and if more frames follow. Frames of several messages may
 * alternate, which lets gossip overtake bulk.
 */
import { concatBytes } from '@noble/hashes/utils.js'
import { bounds } from '../bounds.ts'
import { ByteReader, ByteWriter } from './bytes.ts'

const headerBytesMax = 16
const flags = { last: 1, first: 2 } as const

/**
 * Yields the frames of message number `id`. The first one tells the whole length, so a receiver can refuse it at once.
 */
export function* framesOf(id: number, message: Uint8Array): Generator<Uint8Array> {
  const room = bounds.frameBytesMax - headerBytesMax
  let at = 0
  do {
    const end = Math.min(message.length, at + room)
    const writer = new ByteWriter()
    writer.integer(id)
    writer.byte((at === 0 ? flags.first : 0) | (end === message.length ? flags.last : 0))
    if (at === 0) writer.integer(message.length)
    writer.raw(message.subarray(at, end))
    yield writer.done()
    at = end
  } while (at < message.length)
}

/** `more`: further frames must follow. `malformed`: the peer breaks the rules, and the channel is of no more use. */
export type Reassembled =
  | { readonly kind: 'more' }
  | { readonly kind: 'message'; readonly message: Uint8Array }
  | { readonly kind: 'malformed' }

interface Partial {
  /** The length that the first frame promised. A promise allocates nothing. */
  readonly length: number
  readonly payloads: Uint8Array[]
  filled: number
}

/** Puts the frames of one channel together, within `bounds.partialsMax` messages and `bounds.partialBytesMax` bytes. */
export class Reassembler {
  readonly #partials = new Map<number, Partial>()
  #promisedBytes = 0

  take(frame: Uint8Array): Reassembled {
    const reader = new ByteReader(frame)
    const id = reader.integer()
    const flag = reader.byte()
    const partial = (flag & flags.first) !== 0 ? this.#begin(id, reader) : this.#partials.get(id)
    if (frame.length > bounds.frameBytesMax || partial === undefined || reader.failed) return { kind: 'malformed' }
    const payload = reader.raw(reader.remaining)
    if (partial.filled + payload.length > partial.length) return { kind: 'malformed' }
    partial.payloads.push(payload)
    partial.filled += payload.length
    if ((flag & flags.last) === 0) return { kind: 'more' }
    this.#partials.delete(id)
    this.#promisedBytes -= partial.length
    if (partial.filled < partial.length) return { kind: 'malformed' }
    return { kind: 'message', message: concatBytes(...partial.payloads) }
  }

  #begin(id: number, reader: ByteReader): Partial | undefined {
    const length = reader.integer(bounds.messageBytesMax)
    const tooMuch = this.#partials.size >= bounds.partialsMax || this.#promisedBytes + length > bounds.partialBytesMax
    if (reader.failed || tooMuch || this.#partials.has(id)) return undefined
    const partial = { length, payloads: [], filled: 0 }
    this.#partials.set(id, partial)
    this.#promisedBytes += length
    return partial
  }
}
