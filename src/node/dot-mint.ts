/**
 * New dots (design: causal histories). The actor is random, new at every boot and never used again; its counter runs per key.
 * Nothing has to be leased, restored or pruned, so duplicated tabs, wiped disks and restored profiles are all harmless.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { bounds } from '../core/bounds.ts'
import type { ActorId, StoredKey } from '../core/ids.ts'
import type { Dot } from '../core/versioning/causal-history.ts'
import type { Random } from '../ports.ts'

const actorBytes = 8

/** An actor nobody ever was. */
export function mintActor(random: Random): ActorId {
  return bytesToHex(random.bytes(actorBytes)) as ActorId
}

export class DotMint {
  readonly #random: Random
  #actor: ActorId
  #counters = new Map<StoredKey, number>()

  constructor(random: Random, actor: ActorId) {
    this.#random = random
    this.#actor = actor
  }

  /** The dot of one new write of `key`. */
  next(key: StoredKey): Dot {
    if (this.#counters.size >= bounds.actorKeysMax && !this.#counters.has(key)) {
      this.#actor = mintActor(this.#random)
      this.#counters = new Map()
    }
    const counter = (this.#counters.get(key) ?? 0) + 1
    this.#counters.set(key, counter)
    return { actor: this.#actor, counter }
  }
}
