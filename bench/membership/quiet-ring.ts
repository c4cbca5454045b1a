/**
 * Rings of 10 to 500 members, of real nodes with a store in memory: what a quiet one says, how fast a newcomer is known, how many
 * links there are, and whether gets and puts work, wherever they begin.
 *
 * A ring begins as one that was there before: every node knows the others from its former boot, and all come back at once.
 */

import type { DeviceId, PeerId } from '../../src/core/ids.ts'
import { memoryStore } from '../../src/memory/memory-store.ts'
import { checkConfig } from '../../src/node/api/config.ts'
import { beginBoot, rememberMembers } from '../../src/node/membership/boot.ts'
import { partsOf, StorageNode } from '../../src/node/storage-node.ts'
import type { Ports, Store } from '../../src/ports.ts'
import { sharedPlacements } from '../../test/simulation/placements.ts'
import { VirtualClock } from '../../test/simulation/virtual-clock.ts'
import { MeshNetwork } from './mesh-network.ts'
import { uniform } from './uniform.ts'

export interface QuietFigures {
  readonly members: number
  /** Per node and second, in a quiet ring. */
  readonly messages: number
  readonly bytes: number
  /** From a newcomer's start until 99 in 100 members know it, and the most that is allowed. */
  readonly joinMs: number
  readonly joinMaxMs: number
  readonly linksMost: number
  /** Keys put at one node and read at another, and of how many both had their quorum and the value was there. */
  readonly tried: number
  readonly kept: number
}

/** All come back within this time. */
const openingMs = 2_000
const settleMs = 180_000
const quietMs = 60_000
const keysTried = 300
const keysAtOnce = 10
const config = checkConfig({ cluster: 'quiet' })

class QuietRing {
  readonly #clock = new VirtualClock()
  readonly #chance = uniform(7)
  readonly #network: MeshNetwork
  readonly #placing = sharedPlacements()
  readonly nodes: StorageNode[] = []

  constructor() {
    this.#network = new MeshNetwork(this.#seen(), this.#chance)
  }

  #seen() {
    return this.#clock.seenBy((task) => task(), { skewMs: 0, alignMs: 0 })
  }

  readonly #random = { bytes: (length: number) => Uint8Array.from({ length }, () => Math.floor(this.#chance() * 256)) }

  #peer(): PeerId {
    return Array.from({ length: 16 }, () => Math.floor(this.#chance() * 16).toString(16)).join('') as PeerId
  }

  /** Stores of `count` nodes that were a ring before. */
  async storesOf(count: number): Promise<readonly Store[]> {
    const stores = Array.from({ length: count }, () => memoryStore())
    const boots = stores.map((store, index) =>
      beginBoot(store, this.#random, this.#peer(), `device ${index}` as DeviceId, config.capacity),
    )
    const claims = (await Promise.all(boots)).map(({ own }) => own)
    for (const store of stores) await rememberMembers(store, claims)
    return stores
  }

  async open(store: Store): Promise<StorageNode> {
    const ports: Ports = {
      clock: this.#seen(),
      random: this.#random,
      store,
      transport: this.#network.transport(this.#peer()),
      lifecycle: { onSleep: () => {}, onSuspend: () => {}, onResume: () => {} },
    }
    const node = await StorageNode.open(ports, config, `device ${this.nodes.length}` as DeviceId, this.#placing)
    this.nodes.push(node)
    return node
  }

  run(ms: number): Promise<void> {
    return this.#clock.run(ms)
  }

  get sent() {
    return this.#network.sent
  }

  get linksMost(): number {
    return this.#network.linksMost
  }

  get now(): number {
    return this.#clock.now
  }

  #pick(): StorageNode {
    return this.nodes[Math.floor(this.#chance() * this.nodes.length)] as StorageNode
  }

  /** Puts each key somewhere and reads it somewhere else; of how many both had their quorum, and the value was there. */
  async kept(keys: readonly string[]): Promise<number> {
    let kept = 0
    const work = async (key: string) => {
      const put = await this.#pick().put(key, null, key)
      const got = await this.#pick().get<string>(key)
      if (put.quorum && got.quorum && got.values.join() === key) kept += 1
    }
    for (const key of keys) work(key).catch(() => {})
    await this.run(2_000)
    return kept
  }
}

/** Lets a ring of `count` members come back and measures it. */
export async function measureQuiet(count: number): Promise<QuietFigures> {
  const ring = new QuietRing()
  const startedAtMs = performance.now()
  const tell = (what: string) => {
    const tookS = Math.round((performance.now() - startedAtMs) / 1000)
    console.error(`${count} members: ${what} after ${Math.round(ring.now / 1000)} s of virtual time, ${tookS} s`)
  }
  for (const [index, store] of (await ring.storesOf(count - 1)).entries()) {
    await ring.open(store)
    await ring.run(openingMs / count)
    if (index % 100 === 99) tell(`${index + 1} are open`)
  }
  for (let ms = 0; ms < settleMs; ms += settleMs / 3) {
    await ring.run(settleMs / 3)
    tell(`${ring.sent.messages} messages`)
  }
  const before = ring.sent
  await ring.run(quietMs)
  const after = ring.sent
  tell('measured in quiet')
  const perNodeSecond = 1 / (count - 1) / (quietMs / 1000)
  const others = [...ring.nodes]
  const startedAt = ring.now
  const newcomer = await ring.open(memoryStore())
  const knows = () => others.filter((other) => partsOf(other).membership.view.has(newcomer.id)).length
  while (knows() < Math.ceil(0.99 * others.length) && ring.now < startedAt + 60_000) await ring.run(50)
  const joinMs = ring.now - startedAt
  await ring.run(20_000)
  tell('a newcomer is known')
  let kept = 0
  for (let first = 0; first < keysTried; first += keysAtOnce)
    kept += await ring.kept(Array.from({ length: keysAtOnce }, (_, index) => `key ${first + index}`))
  return {
    members: count,
    messages: (after.messages - before.messages) * perNodeSecond,
    bytes: (after.bytes - before.bytes) * perNodeSecond,
    joinMs,
    joinMaxMs: 1000 * (3 + 2 * Math.log2(count)),
    linksMost: ring.linksMost,
    tried: keysTried,
    kept,
  }
}
