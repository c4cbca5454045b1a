/**
 * What an exchange moves: records that differ, a page at a time, both ways.
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

/** On which terms records move between two nodes, in one session. */
export interface Agreed {
  /** How what the other gives comes here. */
  readonly coming: Coming
  readonly isKnown: IsKnown
}

/** What could not be moved is noted in `failed`, by partition; what was, in the transfer. */
export class RecordSync {
  readonly #peers: Peers
  readonly #replica: Replica
  readonly #throttle: Throttle
  /** Whose store takes records in, and who owns them. */
  readonly #routing: Routing

  constructor(peers: Peers, replica: Replica, throttle: Throttle, routing: Routing) {
    this.#peers = peers
    this.#replica = replica
    this.#throttle = throttle
    this.#routing = routing
  }

  /** Takes in what the other has and this node, an owner too, has not. */
  async pull(
    node: NodeId,
    wanted: readonly Item[],
    agreed: Agreed,
    failed: Set<Partition>,
    transfer: Transfer,
  ): Promise<void> {
    const forest = await this.#replica.forest()
    // Somebody else may have brought some of it meanwhile.
    const isMissing = ({ key, version }: Item) => !isSame(forest.version(key), version)
    // Nor is anything asked for that would not be taken in.
    let isFull = !this.#routing.takesIn(this.#routing.self)
    // What there is no room for here must not keep back what the other is to have: giving it away makes room.
    const stopWhereFull = (error: unknown): 0 => {
      if (!(error instanceof StoreFailure && error.reason === 'full')) throw error
      isFull = true
      return 0
    }
    // What others own by now would be kept for them as hints, although its giver has it: that goes round the ring.
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

  /** Takes in as many as come at once; returns of how many of the keys, in order. */
  async #pullSome(node: NodeId, keys: readonly Uint8Array[], { coming }: Agreed, transfer: Transfer): Promise<number> {
    const { entries, received, considered } = await fetchRecords(this.#peers, node, keys)
    const { overwritten } = await this.#takeIn(entries, received, coming)
    if (overwritten.length > 0) await deliver(this.#peers, node, overwritten, 'exchange')
    transfer.moved(entries.length, sizeOf(entries))
    return considered
  }

  #takeIn(entries: readonly KeyedRecord[], received: readonly number[], coming: Coming) {
    return takeIn(this.#replica, entries, received, 'relaxed', this.#throttle, coming, () => 'this node')
  }

  /** Gives the other what it has not, where `isDue` says that it still is to have it. */
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
      // What it would not take in it is not sent, nor what it would keep as hints for others.
      const due = isRefused() ? [] : page.filter(({ key }) => isDue(partitionIn(key)))
      for (const { key } of page.filter((item) => !due.includes(item))) failed.add(partitionIn(key))
      const records = due.length === 0 ? [] : await readRecords(this.#replica, this.#throttle, due)
      for (const batch of batchesOf(records)) {
        try {
          const { overwritten } = await deliver(this.#peers, node, batch, 'exchange', placesOfKnown(batch, isKnown))
          await this.#takeIn(overwritten, [], coming)
          transfer.moved(batch.length, sizeOf(batch))
          refusals.taken()
        } catch (error) {
          // One record that will not go must not keep the others back.
          if (!this.#peers.isReachable(node)) throw error
          refusals.refused(error)
          for (const { key } of batch) failed.add(partitionOf(key))
        }
      }
    })
  }
}

/** Those of `ours` that the other still lacks, once what it had is taken in: some had been replaced there. */
export function stillOurs(forest: Forest, ours: readonly Item[], theirs: readonly Item[]): readonly Item[] {
  if (ours.length === 0 || theirs.length === 0) return ours.filter(({ key }) => forest.version(key) !== null)
  const there = new Map(theirs.map(({ key, version }) => [bytesToHex(key), bytesToHex(version)]))
  return ours.filter(({ key }) => {
    const version = forest.version(key)
    return version !== null && there.get(bytesToHex(key)) !== bytesToHex(version)
  })
}
