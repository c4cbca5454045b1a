/**
 * New dots (design: causal histories). The actor is random, new at every boot and never used again; its counter runs per key.
 * Nothing has to be leased, restored or pruned, so duplicated tabs, wiped disks and restored profiles are all harmless.
 *
 * A gap in an actor's counters makes each later one an entry of its own, in every history of the key. So an actor ends
 * for a key where a counter may be stored nowhere, and where a writer's context has too many beyond a gap: it goes on
 * with a new one.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { bounds } from '../core/bounds.ts'
import type { ActorId, StoredKey } from '../core/ids.ts'
import type { CausalHistory, Dot } from '../core/versioning/causal-history.ts'
import type { Random } from '../ports.ts'

const actorBytes = 8

/** An actor nobody ever was. */
export function mintActor(random: Random): ActorId {
  return bytesToHex(random.bytes(actorBytes)) as ActorId
}

export class DotMint {
  readonly #random: Random
  #actor: ActorId
  /** The last dot of each key. */
  readonly #last = new Map<StoredKey, Dot>()

  constructor(random: Random, actor: ActorId) {
    this.#random = random
    this.#actor = actor
  }

  /** The dot of one new write of `key`, whose writer has seen so much. */
  next(key: StoredKey, seen: CausalHistory): Dot {
    if (this.#last.size >= bounds.actorKeysMax && !this.#last.has(key)) {
      this.#actor = mintActor(this.#random)
      this.#last.clear()
    }
    const { actor, counter } = this.#last.get(key) ?? { actor: this.#actor, counter: 0 }
    const beyond = seen.actors.get(actor)?.beyond.length ?? 0
    const dot = beyond < bounds.dotsBeyondMax ? { actor, counter: counter + 1 } : this.#first()
    this.#last.set(key, dot)
    return dot
  }

  /** Nobody is known to have stored the write of `key` with this dot: if nobody has, its counter stays a gap. */
  failed(key: StoredKey, { actor }: Dot): void {
    if (this.#last.get(key)?.actor === actor) this.#last.set(key, { ...this.#first(), counter: 0 })
  }

  #first(): Dot {
    return { actor: mintActor(this.#random), counter: 1 }
  }
}
