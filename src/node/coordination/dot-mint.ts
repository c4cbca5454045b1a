/**
 * New dots (design: causal histories). The actor is random, new at every boot and never used again; its counter runs
 * per key. Nothing has to be leased, restored or pruned, so duplicated tabs, wiped disks and restored profiles are
 * all harmless.
 *
 * A gap in an actor's counters makes each later one an entry of its own, in every history of the key. So an actor ends
 * for a key where a counter may be stored nowhere, where a writer's context has too many beyond a gap, and where it was
 * idle for so long that its names may be forgotten: it goes on with a new one.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { bounds } from '../../core/bounds.ts'
import type { ActorId, StoredKey } from '../../core/ids.ts'
import type { CausalHistory, Dot } from '../../core/versioning/causal-history.ts'
import type { Random } from '../../ports.ts'

const actorBytes = 8

/** An actor nobody ever was. */
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
  /** How long names of a write are kept at least, ms. */
  readonly #keptMs: number
  /** The last dot of each key, and when it was minted. */
  readonly #last = new Map<StoredKey, Minted>()

  constructor(random: Random, actor: ActorId, keptMs: number) {
    this.#random = random
    this.#actor = actor
    this.#keptMs = keptMs
  }

  /** The dot of one new write of `key`, at a time of the wall clock, whose writer has seen so much. */
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

  /** Nobody is known to have stored the write of `key` with this dot: if nobody has, its counter stays a gap. */
  failed(key: StoredKey, { actor }: Dot): void {
    const last = this.#last.get(key)
    if (last?.actor === actor) this.#last.set(key, { ...last, ...this.#first(), counter: 0 })
  }

  #first(): Dot {
    return { actor: mintActor(this.#random), counter: 1 }
  }
}
