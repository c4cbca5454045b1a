/**
 * Two names that MessagePack's types mention and this room has no library for. Nothing here uses them.
 */
type BufferSource = ArrayBufferView | ArrayBuffer
type ReadableStream<T = unknown> = AsyncIterable<T>
