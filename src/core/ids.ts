/**
 * Identifiers, each with a brand of its own: the compiler refuses one in place of another.
 *
 * Most are lower-case hex text. They sort the same way in every engine, and print as they are compared.
 */
declare const brand: unique symbol
type Brand<T, B extends string> = T & { readonly [brand]: B }

/** One storage node: 128 random bits as 32 hex digits. Minted with a slot's database, kept as long as that lives. */
export type NodeId = Brand<string, 'NodeId'>
/**
 * A failure domain: nodes that are lost together. By default a browser profile. At most `bounds.deviceBytesMax` bytes.
 */
export type DeviceId = Brand<string, 'DeviceId'>
/** The author of dots: 64 random bits as 16 hex digits. Every boot mints a new one and never uses it again. */
export type ActorId = Brand<string, 'ActorId'>
/** A node as the transport sees it: 64 random bits as 16 hex digits, new at every boot. */
export type PeerId = Brand<string, 'PeerId'>
/** A key as it is stored: collection and key in one text (see `stored-key.ts`). */
export type StoredKey = Brand<string, 'StoredKey'>
/** One of the Q equal arcs of the ring, counted from 0 at token zero. */
export type Partition = Brand<number, 'Partition'>
/** A position on the 128-bit ring as 32 hex digits: text order is ring order. */
export type Token = Brand<string, 'Token'>
/** Hybrid logical time in units of 1/1024 ms since 1970. At one node it never goes back and never repeats. */
export type HybridTime = Brand<number, 'HybridTime'>
/** A hash of a member view: equal views, equal hash. 16 hex digits. */
export type ViewHash = Brand<string, 'ViewHash'>
/** A hash of what a record, a partition or a value holds: 32 hex digits. */
export type Digest = Brand<string, 'Digest'>

/** Text order by UTF-16 code unit: the same in every engine and locale, and the order IndexedDB keeps. */
export function compareText(a: string, b: string): -1 | 0 | 1 {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/**
 * Index of the first text that equals `text` or comes after it. The length of `sorted` if there is none.
 *
 * @example
 * firstFrom(['a', 'c'], 'b') // 1
 */
export function firstFrom(sorted: readonly string[], text: string): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareText(sorted[middle] ?? '', text) < 0) low = middle + 1
    else high = middle
  }
  return low
}
