/**
 * A cluster of real nodes in a simulated world: places with disks, on devices, where nodes boot, crash, freeze, leave and join.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import type { DeviceId, PeerId } from '../../src/core/ids.ts'
import { checkConfig } from '../../src/node/arguments.ts'
import { StorageNode } from '../../src/node/storage-node.ts'
import type { Chance } from './chance.ts'
import type { Counters } from './counters.ts'
import type { Options } from './options.ts'
import { SimNetwork } from './sim-network.ts'
import { SimDisk, simStore } from './sim-store.ts'
import type { Gate, VirtualClock } from './virtual-clock.ts'

/** One life of a node: from opening its database to the crash. */
class Boot {
  readonly peer: PeerId
  node: StorageNode | undefined
  #alive = true
  #frozen: (() => void)[] | undefined

  constructor(peer: PeerId) {
    this.peer = peer
  }

  get isFrozen(): boolean {
    return this.#frozen !== undefined
  }

  readonly gate: Gate = (task) => {
    if (!this.#alive) return
    if (this.#frozen === undefined) task()
    else this.#frozen.push(task)
  }

  end(): void {
    this.#alive = false
  }

  freeze(): void {
    this.#frozen ??= []
  }

  /** Everything that was due while it was frozen happens now, in order. */
  thaw(): void {
    const due = this.#frozen ?? []
    this.#frozen = undefined
    for (const task of due) this.gate(task)
  }
}

export interface Place {
  readonly index: number
  readonly device: DeviceId
  readonly disk: SimDisk
  boot: Boot | undefined
  /** It left for good. */
  gone: boolean
  skewMs: number
}

export class World {
  readonly clock: VirtualClock
  readonly chance: Chance
  readonly options: Options
  readonly counters: Counters
  readonly network: SimNetwork
  readonly places: Place[] = []
  /** The only device that ever loses data: with w = 2, one lost device is what is promised to be survived. */
  readonly victim: DeviceId
  calm = false
  readonly trace: (line: string) => void

  constructor(
    clock: VirtualClock,
    chance: Chance,
    options: Options,
    counters: Counters,
    trace: (line: string) => void,
  ) {
    this.clock = clock
    this.chance = chance
    this.options = options
    this.counters = counters
    this.trace = trace
    this.network = new SimNetwork(clock, chance, options, counters, trace)
    for (let index = 0; index < options.nodes; index += 1) this.addPlace()
    this.victim = chance.pick(this.places).device
    this.network.start()
  }

  addPlace(): Place {
    const index = this.places.length
    const device = `device ${index % this.options.devices}` as DeviceId
    const place = { index, device, disk: new SimDisk(), boot: undefined, gone: false, skewMs: 0 }
    this.places.push(place)
    return place
  }

  /** Nodes that serve now. */
  get serving(): readonly { readonly place: Place; readonly node: StorageNode }[] {
    return this.places.flatMap((place) => {
      const node = place.boot?.isFrozen === true || place.gone ? undefined : place.boot?.node
      return node === undefined ? [] : [{ place, node }]
    })
  }

  /** Boots a place; its node serves some virtual moments later. */
  start(place: Place): void {
    if (place.boot !== undefined || place.gone) return
    const { clock, chance, options, counters } = this
    const boot = new Boot(bytesToHex(chance.random.bytes(8)) as PeerId)
    place.boot = boot
    const store = simStore(place.disk, clock, chance, options, counters, boot.gate, () => this.calm)
    const transport = this.network.transport(boot.peer, place.index, boot.gate)
    const lifecycle = { onSuspend: () => {}, onResume: () => {} }
    const ports = {
      clock: clock.seenBy(boot.gate, () => place.skewMs),
      random: chance.random,
      store,
      transport,
      lifecycle,
    }
    this.trace(`boot ${place.index}`)
    StorageNode.open(ports, checkConfig({ cluster: 'simulation' }), place.device).then(
      (node) => {
        boot.node = node
      },
      () => {
        // The disk would not open: a person would reload the tab.
        this.#forget(place, boot)
        clock.after(1000, () => this.start(place))
      },
    )
  }

  #forget(place: Place, boot: Boot): void {
    boot.end()
    this.network.remove(boot.peer)
    if (place.boot === boot) place.boot = undefined
  }

  /** Ends a boot between any two steps. A power cut takes relaxed commits of the victim with it. */
  crash(place: Place): void {
    const { boot } = place
    if (boot === undefined) return
    this.trace(`crash ${place.index}`)
    this.counters.count('fault: crash')
    this.#forget(place, boot)
    if (place.device !== this.victim || !this.chance.happens(this.options.powerCut)) return
    const lost = place.disk.loseSuffix(this.chance.between(1, 20))
    this.counters.count('fault: relaxed commit lost', lost)
  }

  /** Closes a node as a tab does that goes away in order. */
  close(place: Place): void {
    const { boot } = place
    if (boot?.node === undefined) return
    this.counters.count('fault: closed')
    void boot.node.close()
    this.#forget(place, boot)
  }

  /** All nodes of the victim's device lose everything at once. */
  wipeVictim(): void {
    this.counters.count('fault: device wiped')
    for (const place of this.places.filter(({ device, gone }) => device === this.victim && !gone)) {
      if (place.boot !== undefined) this.#forget(place, place.boot)
      place.disk.wipe()
    }
  }

  /** A node that ended by itself is a tab that a person opens again, unless it has left. */
  reopenEnded(): void {
    for (const { place, node } of this.serving) {
      const { state } = node.status()
      // Opened again too where a leave was begun and could not be finished.
      if (state === 'open' && !node.isClosing) continue
      if (state === 'left') place.gone = true
      if (place.boot !== undefined) this.#forget(place, place.boot)
      this.start(place)
    }
  }
}
