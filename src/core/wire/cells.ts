/**
 * Subsets of a row of cells on the wire (not in the paper): all cells, a bitmap, or the gaps between the chosen ones.
 *
 * The writer takes the shortest form.
 */
import { type ByteReader, ByteWriter } from './bytes.ts'

const tags = { all: 0, gaps: 1, bitmap: 2 } as const

/** Writes the chosen ones of `size` cells. `chosen` is ascending. */
export function writeCells(writer: ByteWriter, chosen: readonly number[], size: number): void {
  if (chosen.length === size) {
    writer.byte(tags.all)
    return
  }
  const gaps = new ByteWriter()
  let last = -1
  gaps.list(chosen, (cell) => {
    gaps.integer(cell - last - 1)
    last = cell
  })
  const bytes = gaps.done()
  const bitmapBytes = Math.ceil(size / 8)
  if (bytes.length <= bitmapBytes) {
    writer.byte(tags.gaps)
    writer.raw(bytes)
    return
  }
  const bitmap = new Uint8Array(bitmapBytes)
  for (const cell of chosen) bitmap[cell >> 3] = (bitmap[cell >> 3] ?? 0) | (1 << (cell & 7))
  writer.byte(tags.bitmap)
  writer.raw(bitmap)
}

/** Reads a subset of `size` cells, as `writeCells` wrote it. */
export function readCells(reader: ByteReader, size: number): readonly number[] {
  const tag = reader.byte()
  if (tag === tags.all) return reader.failed ? [] : Array.from({ length: size }, (_, cell) => cell)
  if (tag === tags.gaps) {
    let last = -1
    return reader.list(() => {
      last += 1 + reader.integer(size)
      if (last >= size) reader.fail()
      return last
    }, size)
  }
  const bitmap = reader.raw(Math.ceil(size / 8))
  if (tag !== tags.bitmap || bitmap.length * 8 < size) {
    reader.fail()
    return []
  }
  const chosen: number[] = []
  for (let cell = 0; cell < size; cell += 1) if (((bitmap[cell >> 3] ?? 0) >> (cell & 7)) & 1) chosen.push(cell)
  return chosen
}
