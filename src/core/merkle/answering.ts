/**
 * The side of a reconciliation that answers (Dynamo, section 4.7); `reconciliation.ts` has the protocol.
 *
 * It compares the fingerprints it is sent with its own. Of each prefix that differs it sends the items, a list of
 * fingerprints, or a split.
 */
import { hashBytes } from '../hash.ts'
import { ByteReader, ByteWriter } from '../wire/bytes.ts'
import { readCells, writeCells } from '../wire/cells.ts'
import { type ForestView, fingerprintOf, type Prefix } from './forest.ts'
import { type Comparison, isDense, planAnswer } from './planner.ts'
import {
  at,
  depthMax,
  frontierBitsMax,
  isSame,
  itemsIn,
  listing,
  mostFor,
  partition,
  readWords,
  split,
  splitAll,
  verdicts,
  wholeView,
  windows,
  writeWord,
} from './reconciliation.ts'
import { itemBytes } from './trie.ts'

/** The answering side. It answers every message, in order. A message that makes no sense gets null. */
export class Answering {
  readonly #view: ForestView
  readonly #cut: (fingerprint: number) => number
  readonly #itemsMax: number
  #window = 0
  #stage: 'first' | 'second' | 'items' = 'first'
  /** The cells that the next message is about. */
  #cells: readonly Prefix[] = []
  /** Items whose fingerprints were listed so far, 32 bytes each. */
  readonly #listed: Uint8Array[] = []

  /** `itemsMax`: the most items in one message. `cut` weakens fingerprints, for tests. */
  constructor(
    view: ForestView,
    itemsMax: number = Number.POSITIVE_INFINITY,
    cut: (fingerprint: number) => number = (word) => word,
  ) {
    this.#view = view
    this.#itemsMax = mostFor(view, itemsMax)
    this.#cut = cut
  }

  answer(message: Uint8Array): Uint8Array | null {
    const reader = new ByteReader(message)
    const reply = this.#read(reader)
    return reader.finished() ? reply : null
  }

  #read(reader: ByteReader): Uint8Array {
    if (this.#stage === 'first') return this.#first(reader)
    if (this.#stage === 'second') return this.#second(reader)
    const items = this.#listed.flatMap(itemsIn)
    const writer = new ByteWriter()
    for (const { key, version } of at(items, readCells(reader, items.length))) {
      writer.raw(key)
      writer.raw(version)
    }
    return writer.done()
  }

  #fingerprint(prefix: Prefix): number {
    return this.#cut(this.#view.fingerprint(prefix, this.#window))
  }

  #first(reader: ByteReader): Uint8Array {
    const kind = reader.byte()
    if (kind >= 2 * windows) reader.fail()
    this.#window = kind % windows
    reader.integer()
    const writer = new ByteWriter()
    const proof = this.#view.proof()
    const isEqual = isSame(proof, reader.raw(hashBytes))
    writer.byte(isEqual ? verdicts.equal : verdicts.differing)
    if (kind >= windows) return writer.done()
    const depth = reader.byte()
    if (depth > frontierBitsMax || reader.remaining !== 4 * 2 ** depth) {
      reader.fail()
      return writer.done()
    }
    const cells = split(wholeView, depth)
    const theirs = readWords(reader, cells.length)
    if (isEqual) return writer.done()
    if (this.#isTooMuch(cells, theirs)) {
      const refusal = new ByteWriter()
      refusal.byte(verdicts.tooMuch)
      refusal.integer(this.#view.size)
      return refusal.done()
    }
    writer.raw(proof)
    const { rest, comparison } = this.#compare(writer, cells, theirs)
    if (rest.length === 0) this.#stage = 'items'
    else if (isDense(comparison)) this.#list(writer, rest, comparison, 'with plan')
    else this.#splitOrList(writer, rest, comparison)
    return writer.done()
  }

  /** True if the first answer would list more items than one message may. */
  #isTooMuch(cells: readonly Prefix[], theirs: readonly number[]): boolean {
    if (this.#view.size <= this.#itemsMax) return false
    const { empty, comparison } = this.#differing(cells, theirs)
    return this.#countIn(empty) + (isDense(comparison) ? comparison.items : 0) > this.#itemsMax
  }

  #countIn(cells: readonly Prefix[]): number {
    return cells.reduce((sum, cell) => sum + this.#view.countOf(cell), 0)
  }

  /** The differing cells: their indices, those that are empty on the asking side, and the rest. */
  #differing(cells: readonly Prefix[], theirs: readonly number[]) {
    const indices = cells.flatMap((cell, index) => (this.#fingerprint(cell) === theirs[index] ? [] : [index]))
    const [emptyAt, restAt] = partition(indices, (index) => theirs[index] === 0)
    const [empty, rest] = [at(cells, emptyAt), at(cells, restAt)]
    const comparison = { compared: cells.length, differing: rest.length, items: this.#countIn(rest) }
    return { indices, empty, rest, comparison }
  }

  /** Writes which cells differ, and the items of those that are empty on the asking side. Returns the rest. */
  #compare(
    writer: ByteWriter,
    cells: readonly Prefix[],
    theirs: readonly number[],
  ): { readonly rest: readonly Prefix[]; readonly comparison: Comparison } {
    const { indices, empty, rest, comparison } = this.#differing(cells, theirs)
    writeCells(writer, indices, cells.length)
    for (const cell of empty) this.#writeItems(writer, cell)
    return { rest, comparison }
  }

  #splitOrList(writer: ByteWriter, rest: readonly Prefix[], comparison: Comparison): void {
    const depth = rest[0]?.depth ?? 0
    const splitBits = Math.min(planAnswer(comparison).splitBits, depthMax - depth)
    if (splitBits === 0) {
      this.#list(writer, rest, comparison, 'with plan')
      return
    }
    writer.byte(splitBits)
    const gone = rest.flatMap((cell, index) => (this.#view.countOf(cell) === 0 ? [index] : []))
    writeCells(writer, gone, rest.length)
    const without = new Set(gone)
    const kept = rest.filter((_, index) => !without.has(index))
    this.#cells = splitAll(kept, splitBits)
    for (const cell of this.#cells) writeWord(writer, this.#fingerprint(cell))
    this.#stage = 'second'
  }

  #second(reader: ByteReader): Uint8Array {
    const writer = new ByteWriter()
    const prefixes = at(this.#cells, readCells(reader, this.#cells.length))
    const empty = readCells(reader, prefixes.length)
    const without = new Set(empty)
    const filled = prefixes.filter((_, index) => !without.has(index))
    const splitBits = reader.byte()
    const count = splitBits === 0 ? 0 : filled.length * 2 ** splitBits
    if (reader.remaining !== 4 * count || (prefixes[0]?.depth ?? 0) + splitBits > depthMax) {
      reader.fail()
      return writer.done()
    }
    const asked = splitAll(filled, splitBits)
    // The asking side wants a list without sending a fingerprint: its cell is not empty and differs. So any other
    // non-zero word stands for it.
    const theirs =
      splitBits === 0 ? asked.map((cell) => (this.#fingerprint(cell) === 1 ? 2 : 1)) : readWords(reader, count)
    const cells = [...at(prefixes, empty), ...asked]
    const { rest, comparison } = this.#compare(writer, cells, [...empty.map(() => 0), ...theirs])
    if (rest.length > 0) this.#list(writer, rest, comparison, 'alone')
    this.#stage = 'items'
    return writer.done()
  }

  #list(writer: ByteWriter, cells: readonly Prefix[], comparison: Comparison, how: 'with plan' | 'alone'): void {
    this.#stage = 'items'
    if (how === 'with plan') writer.byte(0)
    const kind = isDense(comparison) ? listing.items : listing.fingerprints
    writer.byte(kind)
    for (const cell of cells) {
      if (kind === listing.items) {
        this.#writeItems(writer, cell)
        continue
      }
      const items = this.#view.itemsOf(cell)
      this.#listed.push(items)
      writer.integer(items.length / itemBytes)
      for (let index = 0; index < items.length / itemBytes; index += 1)
        writeWord(writer, this.#cut(fingerprintOf(items, index, this.#window)))
    }
  }

  #writeItems(writer: ByteWriter, cell: Prefix): void {
    const items = this.#view.itemsOf(cell)
    writer.integer(items.length / itemBytes)
    writer.raw(items)
  }
}
