/**
 * A boot: one life of a simulated node, which may stand still for a while.
 */
import type { PeerId } from '../../src/core/ids.ts'
import type { StorageNode } from '../../src/node/storage-node.ts'
import type { Gate } from './virtual-clock.ts'

/** One life of a node: from opening its database to the crash. */
export class Boot {
  readonly peer: PeerId
  node: StorageNode | undefined
  /** When its node began to serve. */
  servingSince: number = Number.POSITIVE_INFINITY
  #stoodStillMs = 0
  #frozenAt = 0
  readonly #now: () => number
  /** What the node does when its tab is about to be frozen, and when it goes on. */
  sleep: () => void = () => {}
  wake: () => void = () => {}
  /** What ends with it. */
  readonly endings: (() => void)[] = []
  /** Its database went while it was opened. */
  isLost = false
  #alive = true
  #frozen: (() => void)[] | undefined

  constructor(peer: PeerId, now: () => number) {
    this.peer = peer
    this.#now = now
  }

  /** How long it has been frozen so far, in all. */
  get stoodStillMs(): number {
    return this.#stoodStillMs + (this.isFrozen ? this.#now() - this.#frozenAt : 0)
  }

  get isFrozen(): boolean {
    return this.#frozen !== undefined
  }

  readonly gate: Gate = (task) => {
    if (!this.#alive) return
    if (this.#frozen === undefined) task()
    else this.#frozen.push(task)
  }

  get isAlive(): boolean {
    return this.#alive
  }

  end(): void {
    this.#alive = false
    for (const ending of this.endings.splice(0)) ending()
  }

  freeze(): void {
    if (this.#frozen !== undefined) return
    this.#frozen = []
    this.#frozenAt = this.#now()
  }

  /** Everything that was due while it was frozen happens now, in order. */
  thaw(): void {
    this.#stoodStillMs = this.stoodStillMs
    const due = this.#frozen ?? []
    this.#frozen = undefined
    for (const task of due) this.gate(task)
  }

  /** Browsers tell a tab that it goes on, as a rule before what was due. */
  resume(): void {
    if (this.#frozen === undefined) return
    this.#frozen.unshift(() => this.wake())
    this.thaw()
  }
}
