/**
 * Keys of IndexedDB as texts that sort as the standard sorts keys (Indexed Database API 3.0, "compare two keys"): numbers before
 * texts before arrays, texts by code unit, arrays element by element. Dates and binary keys are none: nobody here uses them.
 */
export type Key = number | string | readonly Key[]

/** What a key's text begins with, by its kind. Each is greater than the end of an array. */
const [numberMark, textMark, arrayMark] = ['\u0001', '\u0003', '\u0005']
const end = '\u0000'

const view = new DataView(new ArrayBuffer(8))

/** A number as sixteen digits that sort as numbers do: a negative one has all its bits turned over, any other one the first. */
function digitsOf(value: number): string {
  view.setFloat64(0, value)
  const [high, low] = [view.getUint32(0), view.getUint32(4)]
  const isNegative = high >= 2 ** 31
  const words = isNegative ? [~high >>> 0, ~low >>> 0] : [(high | 0x80000000) >>> 0, low]
  return words.map((word) => word.toString(16).padStart(8, '0')).join('')
}

/** The text of a key. Throws a `DataError` for what is none. */
export function sortable(key: unknown): string {
  if (typeof key === 'string')
    return `${textMark}${key.includes(end) ? key.replaceAll(end, `${end}\u0001`) : key}${end}${end}`
  if (typeof key === 'number' && !Number.isNaN(key)) return numberMark + digitsOf(key === 0 ? 0 : key)
  if (Array.isArray(key)) return `${arrayMark}${key.map(sortable).join('')}${end}`
  throw new DOMException('this is no key', 'DataError')
}

/** `IDBKeyRange`, as far as it is used. */
export class FakeKeyRange {
  readonly #lower: string | null
  readonly #upper: string | null
  readonly #lowerOpen: boolean
  readonly #upperOpen: boolean

  constructor(lower: string | null, upper: string | null, lowerOpen = false, upperOpen = false) {
    const isBeforeItself =
      lower !== null && upper !== null && (lower > upper || (lower === upper && (lowerOpen || upperOpen)))
    if (isBeforeItself) throw new DOMException('the lower key is greater than the upper one', 'DataError')
    this.#lower = lower
    this.#upper = upper
    this.#lowerOpen = lowerOpen
    this.#upperOpen = upperOpen
  }

  static bound(lower: unknown, upper: unknown, lowerOpen = false, upperOpen = false): FakeKeyRange {
    return new FakeKeyRange(sortable(lower), sortable(upper), lowerOpen, upperOpen)
  }

  static only(key: unknown): FakeKeyRange {
    return FakeKeyRange.bound(key, key)
  }

  static lowerBound(lower: unknown, isOpen = false): FakeKeyRange {
    return new FakeKeyRange(sortable(lower), null, isOpen)
  }

  static upperBound(upper: unknown, isOpen = false): FakeKeyRange {
    return new FakeKeyRange(null, sortable(upper), false, isOpen)
  }

  /** What a query asks for: a range, all there is, or one key. */
  static of(query: unknown): FakeKeyRange {
    if (query instanceof FakeKeyRange) return query
    return query === undefined || query === null ? new FakeKeyRange(null, null) : FakeKeyRange.bound(query, query)
  }

  /** From which of these texts, which are sorted, up to which, not included, they are within it. */
  within(sorted: readonly string[]): readonly [from: number, to: number] {
    const from = this.#lower === null ? 0 : placeOf(sorted, this.#lower, this.#lowerOpen)
    const to = this.#upper === null ? sorted.length : placeOf(sorted, this.#upper, !this.#upperOpen)
    return [from, Math.max(from, to)]
  }
}

/** How many of these texts come before one; with it, where it is to be passed. */
export function placeOf(sorted: readonly string[], text: string, isPassed = false): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const found = sorted[middle] as string
    if (found < text || (isPassed && found === text)) low = middle + 1
    else high = middle
  }
  return low
}
