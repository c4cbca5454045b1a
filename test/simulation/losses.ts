/**
 * Losses: what faults take from disks, and what applications hear of it.
 *
 * The fault budget permits these losses. The application on that disk must have been told all the same, unless nobody
 * can tell. Nobody can tell of a database that was set back, by a power cut or to an old snapshot: what it says of
 * itself is older too. The host tells of a database that was wiped, because it remembers whose it was. The node that
 * reads a row tells that it is rotten. The node that takes a late write in tells of that.
 */
import { partitionOf } from '../../src/core/hash.ts'
import type { Partition, StoredKey } from '../../src/core/ids.ts'
import { parseStoredKey } from '../../src/core/stored-key.ts'
import { dotName, names } from '../../src/core/versioning/causal-history.ts'
import type { Sibling } from '../../src/core/versioning/record.ts'
import type { NodeEvents } from '../../src/node/api/tabring-node.ts'
import type { Incoming } from '../../src/node/storage/replica-port.ts'
import { partsOf, type StorageNode } from '../../src/node/storage-node.ts'
import type { Violation } from './checker.ts'
import type { Counters } from './counters.ts'
import type { Operation } from './history.ts'
import { keyNamed } from './keys.ts'
import { nameIn, nameInBytes } from './requests.ts'
import { stored, vidsOn } from './stored.ts'
import type { Place } from './world.ts'

type Reason = NodeEvents['data-loss']['reason']

/** What is told where a disk loses something in this way; null where nobody can tell. */
const toldAs = {
  wiped: 'evicted',
  rotten: 'corrupt',
  'rotten hint': 'corrupt',
  'set back': null,
  'power cut': null,
} as const satisfies Readonly<Record<string, Reason | null>>
export type Cause = keyof typeof toldAs

/** Writes that a fault took from a disk. */
interface Loss {
  readonly place: Place
  readonly cause: Cause
  readonly vids: ReadonlySet<string>
  /** Partitions of which the disk lost something; they may be dropped before anybody reads that. */
  readonly partitions: Set<Partition>
  isTold: boolean
}

/** A late value that a node has taken in. */
interface Late {
  readonly node: StorageNode
  readonly key: string
  readonly vid: string
}

export class Losses {
  readonly #counters: Counters
  readonly #losses: Loss[] = []
  readonly #late: Late[] = []
  /** Late values that were told, by node. */
  readonly #toldLate = new Map<StorageNode, Set<string>>()
  /** What clients have asked for so far. */
  operations: () => readonly Operation[] = () => []

  constructor(counters: Counters) {
    this.#counters = counters
  }

  /** A fault changes a disk. */
  strike(place: Place, cause: Cause, change: () => void): void {
    const writes = this.operations().filter(({ dot }) => dot !== undefined)
    const before = vidsOn(place.disk, writes)
    change()
    const after = vidsOn(place.disk, writes)
    const gone = writes.filter(({ vid = '' }) => before.has(vid) && !after.has(vid))
    // What had rotten was not told of, and is not there any more.
    if (cause !== 'rotten' && cause !== 'rotten hint') this.#unread(place, () => true)
    if (gone.length === 0) return
    const partitions = new Set(gone.map(({ key }) => partitionOf(keyNamed(key))))
    const vids = new Set(gone.map(({ vid = '' }) => vid))
    this.#losses.push({ place, cause, vids, partitions, isTold: false })
    this.#counters.count(`a disk lost writes: ${cause}`)
  }

  /** A node has dropped a partition: nobody will read any more what had rotten of it. */
  dropped(place: Place, partition: Partition): void {
    this.#unread(place, (each) => each === partition)
  }

  #unread(place: Place, isGone: (partition: Partition) => boolean): void {
    for (const loss of this.#losses) {
      if (loss.place !== place) continue
      for (const partition of loss.partitions) if (isGone(partition)) loss.partitions.delete(partition)
    }
  }

  /** The application at a place hears of a loss: of all that went in this way so far. */
  told(place: Place, reason: Reason): void {
    this.#counters.count(`told: ${reason}`)
    for (const loss of this.#losses) if (loss.place === place && toldAs[loss.cause] === reason) loss.isTold = true
  }

  /** A node takes records in: of values so old that it may itself have pruned what overwrote them it has to tell. */
  taking({ disk }: Place, node: StorageNode, incoming: readonly Incoming[]): () => void {
    const horizonOf = (key: StoredKey) => partsOf(node).progress.horizonOf(partitionOf(key))
    const before = incoming.flatMap(({ key, record }) => {
      if (horizonOf(key) === 0) return []
      const { history } = stored(disk, key).record
      const isNews = ({ dot, time }: Sibling) => time <= horizonOf(key) && !names(history, dot)
      return [{ key, news: record.siblings.filter(isNews) }]
    })
    return () => {
      for (const { key, news } of before) {
        const { siblings } = stored(disk, key).record
        const isThere = ({ dot }: Sibling) => siblings.some((each) => dotName(each.dot) === dotName(dot))
        for (const sibling of news) {
          if (sibling.kind !== 'value' || sibling.expiresAt !== null) continue
          if (sibling.time > horizonOf(key) || !isThere(sibling)) continue
          this.#late.push({ node, key: parseStoredKey(key)?.key ?? '', vid: nameInBytes(sibling.value) })
        }
      }
    }
  }

  toldLate(node: StorageNode, values: readonly unknown[]): void {
    const told = this.#toldLate.get(node) ?? new Set()
    this.#toldLate.set(node, told)
    for (const value of values) told.add(nameIn(String(value)))
  }

  /** What applications should have heard and have not. `gone`: acknowledged writes that the owners lack in the end. */
  untold(gone: readonly Operation[]): readonly Violation[] {
    return [...gone.flatMap((write) => this.#untoldLoss(write)), ...this.#unreadRows(), ...this.#untoldLate()]
  }

  #untoldLoss({ key, vid = '' }: Operation): readonly Violation[] {
    const faults = this.#losses.filter(({ vids }) => vids.has(vid))
    const violation = (witness: string): Violation => ({ class: 'UNTOLD_LOSS', key, subject: vid, witness })
    // What one device has acknowledged is as good as any other write, as long as nothing happens to that device.
    if (faults.length === 0) return [violation('gone, and no fault has taken it from a disk')]
    const due = faults.filter(({ cause }) => toldAs[cause] !== null)
    const untold = due.filter(({ isTold }) => !isTold)
    const causes = [...new Set(faults.map(({ cause }) => cause))].sort().join(', ')
    const how = due.length === 0 ? 'nobody can tell' : untold.length === 0 ? 'told' : 'not told'
    this.#counters.count(`acknowledged write gone in the end: ${causes}; ${how}`)
    return untold.map(({ place, cause }) => violation(`${cause} at place ${place.index}, and nobody was told`))
  }

  /** Rows of records that rotted, that were still there in the end, and that the last scrub has read. */
  #unreadRows(): readonly Violation[] {
    return this.#losses.flatMap(({ place, cause, vids, partitions, isTold }) => {
      if (cause !== 'rotten' || place.gone || partitions.size === 0) return []
      this.#counters.count('check: a rotten row is told')
      const witness = `rotten at place ${place.index}, and nobody was told`
      return isTold ? [] : [{ class: 'UNTOLD_LOSS' as const, key: '', subject: [...vids].join(' '), witness }]
    })
  }

  #untoldLate(): readonly Violation[] {
    return this.#late.flatMap(({ node, key, vid }) => {
      this.#counters.count('check: a late write is told')
      if (this.#toldLate.get(node)?.has(vid) === true) return []
      const witness = `came late to node ${node.id}, which told nobody`
      return [{ class: 'UNTOLD_LOSS' as const, key, subject: vid, witness }]
    })
  }
}
