/**
 * A view: the records that one listener is shown, joined from reads and from what owners tell.
 */
import type { HybridTime, NodeId, Partition, StoredKey } from '../../core/ids.ts'
import { emptyRecord, join, type Record, sameSiblings } from '../../core/versioning/record.ts'
import type { KeyedRecord } from '../../core/wire/messages.ts'
import type { FollowStatus } from '../api/named-requests.ts'

/** The subject of a view: keys of one partition. */
export interface Subject {
  readonly partition: Partition
  /** Owners that must tell of changes for the view to be live. */
  readonly r: number
  readonly includes: (key: StoredKey) => boolean
  /** Reads all of it. `telling`: the number of owners that tell of changes. Rejects if nothing can be read. */
  readonly read: (telling: number) => Promise<Read>
}

/** The result of a read of a view. `quorum`: enough nodes have answered. `counted`: those whose answers counted for r. */
interface Read {
  readonly entries: readonly KeyedRecord[]
  readonly quorum: boolean
  readonly counted: ReadonlySet<NodeId>
}

/** Called with the records that differ from what was told before, and with the status. */
export type Listener = (changed: readonly KeyedRecord[], status: FollowStatus) => void

export class View {
  readonly subject: Subject
  #listener: Listener
  #records = new Map<StoredKey, Record>()
  /** Owners that told of changes when the last complete read began, and that the read counted: it has all they had. */
  sources: ReadonlySet<NodeId> = new Set()
  /** Owners that told of changes when the last read began. */
  known: ReadonlySet<NodeId> = new Set()
  isRead = false
  /** Records told since the read under way began. Null if none is. */
  #meanwhile: KeyedRecord[] | null = null
  #status: FollowStatus | null = null

  constructor(subject: Subject, listener: Listener) {
    this.subject = subject
    this.#listener = listener
  }

  /** Shows nothing any more. */
  stop(): void {
    this.#listener = () => {}
  }

  /** Only these owners tell of changes now. One that ceased to may have left something out, until the next read. */
  narrow(telling: ReadonlySet<NodeId>): void {
    const still = (nodes: ReadonlySet<NodeId>) => new Set([...nodes].filter((node) => telling.has(node)))
    this.sources = still(this.sources)
    this.known = still(this.known)
  }

  /**
   * True if these records of an owner have other values of `until` or before than this view has, once it has heard of
   * them: the owner has forgotten a name, and dropped what is shown, or taken in what is not.
   */
  isAtOdds(entries: readonly KeyedRecord[], until: HybridTime): boolean {
    const old = (record: Record): Record => ({
      ...record,
      siblings: record.siblings.filter(({ kind, time }) => kind === 'value' && time <= until),
    })
    return entries.some(({ key, record }) => !sameSiblings(old(record), old(join(record, this.#recordOf(key)))))
  }

  #recordOf(key: StoredKey): Record {
    return this.#records.get(key) ?? emptyRecord
  }

  /** An owner has told of changes. */
  told(entries: readonly KeyedRecord[], status: FollowStatus): void {
    this.#meanwhile?.push(...entries)
    this.#show(entries, status)
  }

  status(status: FollowStatus): void {
    this.#show([], status)
  }

  /** Reads the subject. `telling`: the owners that tell of changes by now. */
  async read(telling: ReadonlySet<NodeId>, statusOf: () => FollowStatus): Promise<void> {
    if (this.#meanwhile !== null) return
    this.#meanwhile = []
    this.known = telling
    try {
      const { entries, quorum, counted } = await this.subject.read(telling.size)
      this.isRead = true
      // `known` has lost those that ceased to tell meanwhile.
      this.sources = new Set([...this.known].filter((node) => quorum && counted.has(node)))
      const all = [...entries, ...this.#meanwhile]
      // After a complete read, an owner may have forgotten the names of what an older state shows here.
      this.#show(quorum ? [...this.#gone(all), ...all] : all, statusOf(), quorum)
    } catch {
      // A read that fails is made again with the next step.
    } finally {
      this.#meanwhile = null
    }
  }

  /** Keys shown here that are not there any more. */
  #gone(entries: readonly KeyedRecord[]): readonly KeyedRecord[] {
    const there = new Set(entries.map(({ key }) => key))
    return [...this.#records.keys()].filter((key) => !there.has(key)).map((key) => ({ key, record: emptyRecord }))
  }

  /** Joins records to those shown, or puts them in their place, and tells the differences. */
  #show(entries: readonly KeyedRecord[], status: FollowStatus, isComplete = false): void {
    const before = this.#records
    const now = new Map(isComplete ? [] : before)
    for (const { key, record } of entries) now.set(key, join(now.get(key) ?? emptyRecord, record))
    this.#records = now
    const changed = [...new Set(entries.map(({ key }) => key))].flatMap((key) => {
      const record = now.get(key) ?? emptyRecord
      return sameSiblings(before.get(key) ?? emptyRecord, record) ? [] : [{ key, record }]
    })
    if (changed.length === 0 && status === this.#status) return
    this.#status = status
    try {
      this.#listener(changed, status)
    } catch (error) {
      // A listener that throws harms no other: its error surfaces as an unhandled rejection.
      void Promise.reject(error)
    }
  }
}
