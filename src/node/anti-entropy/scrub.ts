/**
 * Scrub: reads every record again, slowly, one partition at a time (Dynamo, section 4.7).
 *
 * It finds records that the disk has altered or lost, and trie entries without a record: Riak learned that trees drift.
 * Such a record counts as missing from then on, so the next exchange fetches it from another replica.
 */
import { bounds } from '../../core/bounds.ts'
import type { Partition } from '../../core/ids.ts'
import { allPartitions } from '../../core/partitioning/all-partitions.ts'
import type { Clock } from '../../ports.ts'
import type { RepairResult } from '../api/tabring-node.ts'
import type { Peers } from '../network/peers.ts'
import { repeat } from '../scheduling/timers.ts'
import type { Replica } from '../storage/replica.ts'
import type { Exchange } from './exchange.ts'
import type { ExchangeLog } from './exchange-log.ts'

export class Scrub {
  /** Some keys of a partition differed. */
  onFound: (partition: Partition) => void = () => {}
  readonly #replica: Replica
  readonly #log: ExchangeLog
  #next = 0

  constructor(replica: Replica, log: ExchangeLog) {
    this.#replica = replica
    this.#log = log
  }

  /** Scrubs one partition after the other until the returned function is called. */
  start(clock: Clock, chance: () => number): () => void {
    // It begins anywhere: a tab that is open only for minutes must not begin at the same partition each time.
    this.#next = Math.floor(chance() * allPartitions.length)
    return repeat(clock, bounds.scrubIntervalMs, chance, async () => {
      const partition = allPartitions.find((each) => each >= this.#next && this.#replica.holds(each))
      this.#next = partition === undefined ? 0 : partition + 1
      // A store that fails shows at the next get or put.
      const keys = partition === undefined ? 0 : await this.#scrub(partition).catch(() => 0)
      if (partition !== undefined && keys > 0) this.onFound(partition)
    })
  }

  /** Stores tries that are due, regularly, until the returned function is called. */
  keepStored(clock: Clock, chance: () => number): () => void {
    return repeat(clock, bounds.checkpointIntervalMs, chance, () => this.#replica.checkpoint().catch(() => {}))
  }

  /** Scrubs all partitions. Resolves to the number of keys that differed. */
  async all(): Promise<number> {
    let keys = 0
    for (const partition of allPartitions) if (this.#replica.holds(partition)) keys += await this.#scrub(partition)
    return keys
  }

  async #scrub(partition: Partition): Promise<number> {
    const keys = await this.#replica.scrub(partition)
    this.#log.scrubbed(partition, keys)
    return keys
  }
}

/** Scrubs all partitions. Then exchanges with every peer in reach, one after the other: each finds less to do. */
export async function repairAll(scrub: Scrub, peers: Peers, exchange: Exchange): Promise<RepairResult> {
  const result = { peers: 0, failed: 0, keys: 0, bytes: 0, scrubbed: await scrub.all() }
  for (const node of peers.connected) {
    result.peers += 1
    try {
      const { keys, bytes } = await exchange.now(node, 'repair')
      result.keys += keys
      result.bytes += bytes
    } catch {
      result.failed += 1
    }
  }
  return result
}
