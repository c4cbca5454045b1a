/**
 * What clients ask for, and the values they write.
 */
import type { GetOptions, PutOptions } from '../../src/node/api/tabring-node.ts'
import { ValueCodec } from '../../src/node/api/value-codec.ts'
import { Chance } from './chance.ts'
import type { Options } from './options.ts'

/** As nodes are opened here. */
export const quorumSizes = { n: 3, r: 2, w: 2 } as const

/** So long is a value that is large. */
const largeLength = 100_000
/** Enough of a value for its name. */
const nameLengthMax = 32

type Asked = Pick<GetOptions, 'r' | 'pr' | 'timeoutMs' | 'strict'>
type Put = Pick<PutOptions, 'w' | 'pw' | 'devices' | 'timeoutMs' | 'strict'>

export class Requests {
  readonly #chance: Chance
  readonly #options: Options

  constructor(options: Options) {
    this.#chance = new Chance(options.seed, 'requests')
    this.#options = options
  }

  /** Whether the next one is about one of many keys, and about which of so many. */
  among(count: number): number | null {
    return this.#chance.happens(this.#options.many) ? this.#chance.between(0, count - 1) : null
  }

  isRepair(): boolean {
    return this.#chance.happens(this.#options.repairs)
  }

  get(): Asked {
    if (this.#chance.happens(this.#options.owners)) return { pr: this.#owners() }
    if (!this.#chance.happens(this.#options.picky)) return {}
    return this.#chance.pick([{ r: 1 }, { r: 3 }, this.#inTime(), { strict: true }, { r: 3, pr: 1, strict: true }])
  }

  put(): Put {
    if (this.#chance.happens(this.#options.owners)) return { pw: this.#owners() }
    if (!this.#chance.happens(this.#options.picky)) return {}
    const sizes = [{ w: 1 }, { w: 3 }, { devices: 2 }, { devices: 3 }, { pw: 1, devices: 2, strict: true }] as const
    return this.#chance.pick([...sizes, this.#inTime(), { strict: true }])
  }

  /** A moment within so many ms, rather sooner than later. */
  soonMs(ms: number): number {
    return this.#chance.fraction() ** 2 * ms
  }

  oneOf<T>(items: readonly T[]): T {
    return this.#chance.pick(items)
  }

  /** Two of three most of the time: then any two requests have an owner in common. */
  #owners(): number {
    return this.#chance.pick([2, 2, 2, 3, 1])
  }

  #inTime(): { readonly timeoutMs: number } {
    return { timeoutMs: this.#chance.between(200, 3_000) }
  }

  /** The value of a write with this name. */
  value(vid: string): string {
    return this.#chance.happens(this.#options.large) ? `${vid} ${'x'.repeat(largeLength)}` : vid
  }
}

/** The name of a write, in its value. */
export const nameIn = (value: string): string => value.slice(0, nameLengthMax).split(' ')[0] ?? ''

/** Bytes before the text, by the first one: MessagePack has texts of four lengths. */
const headerBytes: Readonly<Record<number, number>> = { 217: 2, 218: 3, 219: 5 }

/** The same, in the bytes of the value. Clients write texts; values with a merge type are lists. */
export function nameInBytes(value: Uint8Array): string {
  const [first = 0] = value
  const from = headerBytes[first] ?? 1
  const isText = first in headerBytes || (first >= 0xa0 && first <= 0xbf)
  if (!isText) return nameIn(String(new ValueCodec().decode(value)))
  return nameIn(new TextDecoder().decode(value.subarray(from, from + nameLengthMax)))
}
