/**
 * Record sync: an exchange moves the differing records, a page at a time, both ways (Dynamo, section 4.7).
 *
 * If this node's store is full, `pull` ends, and `push` still runs: records that are given away make room.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { partitionOf } from '../../core/hash.ts'
import type { NodeId, Partition } from '../../core/ids.ts'
import { type Forest, partitionIn } from '../../core/merkle/forest.ts'
import { type Item, isSame } from '../../core/merkle/reconciliation.ts'
import type { KeyedRecord } from '../../core/wire/messages.ts'
import { StoreFailure } from '../../ports.ts'
import type { Peers } from '../network/peers.ts'
import type { Routing } from '../ownership/routing.ts'
import type { Replica } from '../storage/replica.ts'
import type { Coming } from '../storage/replica-port.ts'
import {
  batchesOf,
  deliver,
  eachPage,
  fetchRecords,
  type IsKnown,
  placesOfKnown,
  readRecords,
  sizeOf,
  takeIn,
} from '../transfer/batches.ts'
import { Refusals } from '../transfer/refusals.ts'
import type { Throttle } from '../transfer/throttle.ts'
import type { Transfer } from './exchange-log.ts'

/** The terms on which records move between two nodes in one session. */
export interface Agreed {
  /** The terms for records that come here from the other node. */
  readonly coming: Coming
  readonly isKnown: IsKnown
}

/** `failed` collects the partitions with records that did not move. The transfer counts the records that did. */
export class RecordSync {
  readonly #peers: Peers
  readonly #replica: Replica
  readonly #throttle: Throttle
  readonly #routing: Routing

  constructor(peers: Peers, replica: Replica, throttle: Throttle, routing: Routing) {
    this.#peers = peers
    this.#replica = replica
    this.#throttle = throttle
    this.#routing = routing
  }

  /** Takes in the records that a peer has and this node, an owner of their partitions, lacks. */
  async pull(
    node: NodeId,
    wanted: readonly Item[],
    agreed: Agreed,
    failed: Set<Partition>,
    transfer: Transfer,
  ): Promise<void> {
    const forest = await this.#replica.forest()
    // Another peer may have brought some of the records meanwhile.
    const isMissing = ({ key, version }: Item) => !isSame(forest.version(key), version)
    // A node whose store accepts no records asks for none.
    let isFull = !this.#routing.takesIn(this.#routing.self)
    // A full store here must not stop the push: records that are given away make room.
    const stopWhereFull = (error: unknown): 0 => {
      if (!(error instanceof StoreFailure && error.reason === 'full')) throw error
      isFull = true
      return 0
    }
    // If others own a partition by now, its records would become hints for them here, although the peer has them. Such
    // records would go round the ring.
    const isOwned = ({ key }: Item) => this.#routing.owns(partitionIn(key))
    const stillWanted = (items: readonly Item[]) => {
      for (const { key } of items.filter((item) => !isOwned(item))) failed.add(partitionIn(key))
      return items.filter((item) => isOwned(item) && isMissing(item))
    }
    const pull = async (page: readonly Item[]) => {
      for (let left = stillWanted(page); left.length > 0; ) {
        const keys = left.map(({ key }) => key)
        const considered = isFull ? 0 : await this.#pullSome(node, keys, agreed, transfer).catch(stopWhereFull)
        if (considered === 0) for (const key of keys) failed.add(partitionIn(key))
        left = considered === 0 ? [] : stillWanted(left.slice(considered))
      }
    }
    await eachPage(wanted, this.#throttle, pull, () => this.#throttle.recordsAsked)
  }

  /** Takes in as many records as one reply carries. Returns the number of keys that the reply covers, in order. */
  async #pullSome(node: NodeId, keys: readonly Uint8Array[], { coming }: Agreed, transfer: Transfer): Promise<number> {
    const { entries, received, considered } = await fetchRecords(this.#peers, node, keys)
    const { overwritten } = await this.#takeIn(entries, received, coming)
    if (overwritten.length > 0) await deliver(this.#peers, node, overwritten, 'exchange')
    transfer.moved('taken', entries.length, sizeOf(entries))
    return considered
  }

  #takeIn(entries: readonly KeyedRecord[], received: readonly number[], coming: Coming) {
    return takeIn(this.#replica, entries, received, 'relaxed', this.#throttle, coming, () => 'this node')
  }

  /** Gives a peer the records that it lacks. `isDue`: true if the peer should still get the records of a partition. */
  async push(
    node: NodeId,
    ours: readonly Item[],
    isDue: (partition: Partition) => boolean,
    { coming, isKnown }: Agreed,
    failed: Set<Partition>,
    transfer: Transfer,
  ): Promise<void> {
    const refusals = new Refusals()
    const isRefused = () => refusals.areEnough || !this.#routing.takesIn(node)
    await eachPage(ours, this.#throttle, async (page) => {
      // The peer is sent no records that it would refuse, or would keep as hints for others.
      const due = isRefused() ? [] : page.filter(({ key }) => isDue(partitionIn(key)))
      for (const { key } of page.filter((item) => !due.includes(item))) failed.add(partitionIn(key))
      const records = due.length === 0 ? [] : await readRecords(this.#replica, this.#throttle, due)
      for (const batch of batchesOf(records)) {
        try {
          const { overwritten } = await deliver(this.#peers, node, batch, 'exchange', placesOfKnown(batch, isKnown))
          await this.#takeIn(overwritten, [], coming)
          transfer.moved('given', batch.length, sizeOf(batch))
          refusals.taken()
        } catch (error) {
          // One record that is refused must not delay the others.
          if (!this.#peers.isReachable(node)) throw error
          // This node's own store says nothing about the peer's.
          if (!(error instanceof StoreFailure)) refusals.refused(error)
          for (const { key } of batch) failed.add(partitionOf(key))
        }
      }
    })
  }
}

/** The items of `ours` that the peer still lacks. `there`: the versions that it had, by key, both in hex. */
export function stillOurs(forest: Forest, ours: readonly Item[], there: ReadonlyMap<string, string>): readonly Item[] {
  return ours.filter(({ key }) => {
    const version = forest.version(key)
    return version !== null && there.get(bytesToHex(key)) !== bytesToHex(version)
  })
}
