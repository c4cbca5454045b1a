/**
 * Dots for new writes (Dynamo, section 4.4: the entries of a version vector).
 *
 * The actor is random, new at every boot and never used again; its counter runs per key. Nothing has to be leased,
 * restored or pruned. So duplicated tabs, wiped disks and restored profiles are all harmless. After a gap in an actor's
 * counters, each later counter is an entry of its own in every history of the key. So a key gets a new actor in three
 * cases. A counter may be stored nowhere. The writer's context has too many counters beyond a gap. Or the actor was
 * idle for so long that its names may be forgotten. Beyond `bounds.actorKeysMax` keys, all get a new one.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { bounds } from '../../core/bounds.ts'
import type { ActorId, StoredKey } from '../../core/ids.ts'
import type { CausalHistory, Dot } from '../../core/versioning/causal-history.ts'
import type { Random } from '../../ports.ts'

const actorBytes = 8

/** An actor that no boot has used. */
export function mintActor(random: Random): ActorId {
  return bytesToHex(random.bytes(actorBytes)) as ActorId
}

interface Minted extends Dot {
  /** By the wall clock, ms. */
  readonly atMs: number
}

export class DotMint {
  readonly #random: Random
  #actor: ActorId
  /** The time for which names of a write are kept at least, ms. */
  readonly #keptMs: number
  /** By key: the last dot, and the time it was minted. */
  readonly #last = new Map<StoredKey, Minted>()

  constructor(random: Random, actor: ActorId, keptMs: number) {
    this.#random = random
    this.#actor = actor
    this.#keptMs = keptMs
  }

  /** The dot of a new write of `key`. `seen`: the history its writer has seen. `wallMs`: the wall clock. */
  next(key: StoredKey, seen: CausalHistory, wallMs: number): Dot {
    if (this.#last.size >= bounds.actorKeysMax && !this.#last.has(key)) {
      this.#actor = mintActor(this.#random)
      this.#last.clear()
    }
    const { actor, counter, atMs } = this.#last.get(key) ?? { actor: this.#actor, counter: 0, atMs: wallMs }
    const beyond = seen.actors.get(actor)?.beyond.length ?? 0
    const goesOn = beyond < bounds.dotsBeyondMax && wallMs - atMs < this.#keptMs
    const dot = goesOn ? { actor, counter: counter + 1 } : this.#first()
    this.#last.set(key, { ...dot, atMs: wallMs })
    return dot
  }

  /** No node has confirmed the write of `key` with this dot. If none has stored it, the counter stays a gap. */
  failed(key: StoredKey, { actor }: Dot): void {
    const last = this.#last.get(key)
    if (last?.actor === actor) this.#last.set(key, { ...last, ...this.#first(), counter: 0 })
  }

  #first(): Dot {
    return { actor: mintActor(this.#random), counter: 1 }
  }
}
