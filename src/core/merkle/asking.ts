/**
 * The side of a reconciliation that asks for the differences (Dynamo, section 4.7); `reconciliation.ts` has the
 * protocol.
 *
 * It sends fingerprints, follows the answers down to single items, and proves the result before it believes it.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { hashBytes } from '../hash.ts'
import { ByteReader, ByteWriter } from '../wire/bytes.ts'
import { readCells, writeCells } from '../wire/cells.ts'
import { type ForestView, fingerprintOf, type Prefix } from './forest.ts'
import { frontierBits, planQuestion } from './planner.ts'
import {
  at,
  type Differences,
  depthMax,
  type Item,
  isSame,
  itemsIn,
  listing,
  mostFor,
  partition,
  readItems,
  readWords,
  split,
  splitAll,
  verdicts,
  wholeView,
  windows,
  writeWord,
} from './reconciliation.ts'
import { itemBytes } from './trie.ts'

const nameOf = ({ key, version }: Item): string => bytesToHex(key) + bytesToHex(version)

/** Items of either side that the other lacks. */
function apart(ours: readonly Item[], theirs: readonly Item[]): readonly [readonly Item[], readonly Item[]] {
  if (ours.length === 0 || theirs.length === 0) return [ours, theirs]
  const [mine, other] = [ours.map(nameOf), theirs.map(nameOf)]
  const without = (items: readonly Item[], names: readonly string[], there: ReadonlySet<string>) =>
    items.filter((_, index) => !there.has(names[index] as string))
  return [without(ours, mine, new Set(other)), without(theirs, other, new Set(mine))]
}

/**
 * The asking side. The caller sends the message of `begin`, and passes each answer to `next`, until `differences` can
 * be read.
 */
export class Asking {
  readonly #view: ForestView
  readonly #window: number
  readonly #itemsMax: number
  readonly #cut: (fingerprint: number) => number
  #isProbe = false
  #tooMuch: number | null = null
  /** Own items in cells of which the answering side has sent everything. */
  #taken = 0
  #isEqual = false
  #theirProof: Uint8Array = new Uint8Array(0)
  /** The cells that the next answer is about, and the test for those reported as empty here. */
  #cells: readonly Prefix[] = []
  #isEmpty: (cell: Prefix) => boolean = (cell) => this.#fingerprint(cell) === 0
  readonly #theirs: Item[] = []
  readonly #ours: Item[] = []
  /** Fingerprints in the lists of the answering side so far. */
  #listed = 0
  readonly #wanted: number[] = []
  #stage: 'first' | 'second' | 'items' | 'over' = 'first'

  /**
   * `window`: the part of the hashes to compare, below `windows`. `itemsMax`: the most own items to go through one by
   * one. `cut` weakens fingerprints, to test the consequences.
   */
  constructor(
    view: ForestView,
    window: number,
    itemsMax: number = Number.POSITIVE_INFINITY,
    cut: (fingerprint: number) => number = (word) => word,
  ) {
    this.#view = view
    this.#window = window
    this.#itemsMax = mostFor(view, itemsMax)
    this.#cut = cut
  }

  /** Message 1. A `probe` sends the proof only, and learns only if anything differs. */
  begin(kind: 'probe' | 'whole' = 'whole'): Uint8Array {
    const { size } = this.#view
    this.#isProbe = kind === 'probe'
    const depth = this.#isProbe ? 0 : frontierBits(size)
    this.#cells = split(wholeView, depth)
    const writer = new ByteWriter()
    writer.byte(this.#window + (kind === 'probe' ? windows : 0))
    writer.integer(size)
    writer.raw(this.#view.proof())
    if (kind === 'probe') return writer.done()
    writer.byte(depth)
    for (const cell of this.#cells) writeWord(writer, this.#fingerprint(cell))
    return writer.done()
  }

  /** The next message to send, 'over' at the end, or null if the answer makes no sense. */
  next(message: Uint8Array): Uint8Array | 'over' | null {
    const reader = new ByteReader(message)
    const reply = this.#read(reader)
    return reader.finished() ? reply : null
  }

  #read(reader: ByteReader): Uint8Array | 'over' {
    if (this.#stage === 'first') return this.#first(reader)
    if (this.#stage === 'second') return this.#lists(reader)
    if (this.#stage === 'items') {
      const items = itemsIn(reader.raw(this.#wanted.length * itemBytes))
      this.#theirs.push(...items)
    }
    this.#stage = 'over'
    return 'over'
  }

  /** True if both sides are equal. Valid after the first answer. */
  get isEqual(): boolean {
    return this.#isEqual
  }

  /**
   * The number of items on one side, if they are too many to go through at once. Then the caller compares fewer
   * partitions at a time. Null otherwise.
   */
  get tooMuch(): number | null {
    return this.#tooMuch
  }

  /** The number of prefixes, or at the end of keys, that the last question was about. */
  get asked(): number {
    return this.isFetching ? this.#wanted.length : this.#cells.length
  }

  /** True once the differences are found, and only items of the answering side are still to come. */
  get isFetching(): boolean {
    return this.#stage === 'items'
  }

  /**
   * The differences, if they can be proved. Null if some fingerprints were equal and their items were not. It takes
   * long, so it runs in pieces.
   */
  *differences(): Generator<void, Differences | null> {
    if (this.#isEqual) return { theirs: [], ours: [] }
    const [ours, theirs] = apart(this.#ours, this.#theirs)
    yield
    const patched = this.#view.patched([...ours.map(({ key }) => ({ key, version: null })), ...theirs])
    yield* patched.hashing()
    return isSame(patched.proof(), this.#theirProof) ? { theirs, ours } : null
  }

  #fingerprint(prefix: Prefix): number {
    return this.#cut(this.#view.fingerprint(prefix, this.#window))
  }

  #first(reader: ByteReader): Uint8Array | 'over' {
    const verdict = reader.byte()
    this.#isEqual = verdict === verdicts.equal
    if (verdict === verdicts.tooMuch) this.#tooMuch = reader.integer()
    if (verdict !== verdicts.differing || this.#isProbe) {
      this.#stage = 'over'
      return 'over'
    }
    this.#theirProof = reader.raw(hashBytes)
    const differing = at(this.#cells, readCells(reader, this.#cells.length))
    // The answering side sends all its items of cells that are empty here.
    const [empty, rest] = partition(differing, this.#isEmpty)
    for (const cell of empty) this.#takeItems(cell, readItems(reader))
    if (rest.length === 0) return this.#want()
    const splitBits = reader.byte()
    if (splitBits === 0) {
      this.#readListings(reader, rest)
      return this.#want()
    }
    const depth = (rest[0]?.depth ?? 0) + splitBits
    if (depth > depthMax) reader.fail()
    const gone = new Set(readCells(reader, rest.length))
    for (const cell of at(rest, [...gone])) this.#takeItems(cell, [])
    const kept = rest.filter((_, index) => !gone.has(index))
    if (reader.failed || reader.remaining < 4 * kept.length * 2 ** splitBits) {
      reader.fail()
      return 'over'
    }
    return this.#second(reader, splitAll(kept, splitBits))
  }

  /** Message 3: the cells of the splits that differ, and the way to go on there. */
  #second(reader: ByteReader, cells: readonly Prefix[]): Uint8Array | 'over' {
    const theirs = readWords(reader, cells.length)
    const differing = cells.flatMap((cell, index) => (this.#fingerprint(cell) === theirs[index] ? [] : [index]))
    if (differing.length === 0 || this.#tooMuch !== null) return this.#want()
    const prefixes = at(cells, differing)
    const writer = new ByteWriter()
    writeCells(writer, differing, cells.length)
    const empty = prefixes.flatMap((cell, index) => (this.#view.countOf(cell) === 0 ? [index] : []))
    writeCells(writer, empty, prefixes.length)
    const without = new Set(empty)
    const filled = prefixes.filter((_, index) => !without.has(index))
    const items = filled.reduce((sum, cell) => sum + this.#view.countOf(cell), 0)
    const depth = prefixes[0]?.depth ?? 0
    const plan = planQuestion({ compared: cells.length, differing: filled.length, items })
    const splitBits = Math.min(plan.splitBits, depthMax - depth)
    writer.byte(splitBits)
    const asked = splitAll(filled, splitBits)
    if (splitBits > 0) for (const cell of asked) writeWord(writer, this.#fingerprint(cell))
    const nothing = new Set(at(prefixes, empty))
    this.#cells = [...nothing, ...asked]
    // A request for a list carries no fingerprint. It tells the answering side that the cell is not empty here.
    this.#isEmpty = (cell) => nothing.has(cell) || (splitBits > 0 && this.#fingerprint(cell) === 0)
    this.#stage = 'second'
    return writer.done()
  }

  #lists(reader: ByteReader): Uint8Array | 'over' {
    const differing = at(this.#cells, readCells(reader, this.#cells.length))
    const [empty, rest] = partition(differing, this.#isEmpty)
    for (const cell of empty) this.#takeItems(cell, readItems(reader))
    if (rest.length > 0) this.#readListings(reader, rest)
    return this.#want()
  }

  #readListings(reader: ByteReader, cells: readonly Prefix[]): void {
    const kind = reader.byte()
    for (const cell of cells) {
      if (reader.failed) return
      if (kind === listing.items) this.#takeItems(cell, readItems(reader))
      else this.#takeList(cell, readWords(reader, reader.integer(Math.floor(reader.remaining / 4))))
    }
  }

  /** Takes all items that the answering side has in a cell. */
  #takeItems(cell: Prefix, items: readonly Item[]): void {
    this.#taken += this.#view.countOf(cell)
    if (this.#taken > this.#itemsMax) this.#tooMuch = this.#view.size
    if (this.#tooMuch !== null) return
    const [ours, theirs] = apart(itemsIn(this.#view.itemsOf(cell)), items)
    for (const item of ours) this.#ours.push(item)
    for (const item of theirs) this.#theirs.push(item)
  }

  /** Takes the fingerprints of all items that the answering side has in a cell. */
  #takeList(cell: Prefix, theirs: readonly number[]): void {
    const bytes = this.#view.itemsOf(cell)
    const mine = new Map<number, number[]>()
    for (const [index] of itemsIn(bytes).entries()) {
      const word = this.#cut(fingerprintOf(bytes, index, this.#window))
      mine.set(word, [...(mine.get(word) ?? []), index])
    }
    for (const word of theirs) {
      if (mine.get(word)?.pop() === undefined) this.#wanted.push(this.#listed)
      this.#listed += 1
    }
    for (const index of [...mine.values()].flat()) {
      this.#ours.push(...itemsIn(bytes.subarray(index * itemBytes, (index + 1) * itemBytes)))
    }
  }

  /** Message 5: the list entries that match nothing here. */
  #want(): Uint8Array | 'over' {
    const isOver = this.#wanted.length === 0 || this.#tooMuch !== null
    this.#stage = isOver ? 'over' : 'items'
    if (isOver) return 'over'
    const writer = new ByteWriter()
    writeCells(writer, this.#wanted, this.#listed)
    return writer.done()
  }
}
