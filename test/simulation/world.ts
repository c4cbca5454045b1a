/**
 * A cluster of real nodes in a simulated world: places with disks, on devices, where nodes boot, crash, freeze, leave
 * and join.
 */

import { bytesToHex } from '@noble/hashes/utils.js'
import { forgetSlot, type Notes, noteNode } from '../../src/browser/slot-notes.ts'
import { bounds } from '../../src/core/bounds.ts'
import type { DeviceId, NodeId, PeerId } from '../../src/core/ids.ts'
import { checkConfig } from '../../src/node/api/config.ts'
import { lose, partsOf, StorageNode } from '../../src/node/storage-node.ts'
import type { Lifecycle, Random, Row, Store } from '../../src/ports.ts'
import { adoptIn, reclaim } from './adopters.ts'
import { Boot } from './boot.ts'
import { BrowserDisk } from './browser-disk.ts'
import { Chance } from './chance.ts'
import type { Violation } from './checker.ts'
import type { Counters } from './counters.ts'
import { FailingCall } from './failing.ts'
import { Losses } from './losses.ts'
import { losesData, type Options } from './options.ts'
import { sharedPlacements } from './placements.ts'
import { SimNetwork } from './sim-network.ts'
import { type Disk, isData, SimDisk } from './sim-store.ts'
import { type BootPorts, openStore } from './stores.ts'
import type { VirtualClock } from './virtual-clock.ts'

export interface Place {
  readonly index: number
  readonly device: DeviceId
  readonly capacity: number
  readonly disk: Disk
  boot: Boot | undefined
  /** It left for good. */
  gone: boolean
  /** The time at which it was gone for good. Before all time if it is not. */
  goneAt: number
  /** Its nodes that began to leave; an old one may come back with an old disk. */
  readonly leavers: Set<NodeId>
  /** Its tab was closed and does not come back: what it left is for another one of its device to hand over. */
  isOrphaned: boolean
  /** One of them does so now. */
  isLocked: boolean
  /** It is not to be started for now. */
  barred: boolean
  /** How far its wall clock is off. */
  skewMs: number
  /** Its timers fire at multiples of so many ms; 0 for at any time. */
  alignMs: number
  /** When that last changed. */
  throttledAt: number
  /** Its disk takes so many times as long. */
  slowness: number
}

export class World {
  readonly clock: VirtualClock
  readonly chance: Chance
  /** Of who is away from whom. */
  readonly absences: Chance
  /** Of what is slow or late. */
  readonly delays: Chance
  readonly options: Options
  readonly counters: Counters
  readonly network: SimNetwork
  readonly places: Place[] = []
  /**
   * The only device that loses data until all is repaired: with w = 2, one lost device is what is promised to be
   * survived.
   */
  victim: DeviceId
  /** When each device last lost data. */
  readonly #lostAt = new Map<DeviceId, number>()
  /** Which device each node that ever served was on. */
  readonly deviceOf = new Map<NodeId, DeviceId>()
  /** Of the nodes themselves. */
  readonly #random: Random
  readonly #storage: Chance
  calm = false
  /** What nodes told and should not have. */
  readonly violations: Violation[] = []
  /** What faults take from disks, and what is told of it. */
  readonly losses: Losses
  /** Whose database was on each disk, as a browser remembers it beside the database. */
  readonly #notes = notesIn(new Map())
  /** The call to the first place's store that fails, if one does. */
  readonly failing: FailingCall | null
  /** Hears of every node that begins to serve. */
  onServing: (place: Place, node: StorageNode) => void = () => {}
  /** Hears of parts of the network that become one. */
  onMeeting: () => void = () => {}
  readonly trace: (line: string) => void
  readonly #placing = sharedPlacements()

  constructor(clock: VirtualClock, options: Options, counters: Counters, trace: (line: string) => void) {
    this.clock = clock
    this.chance = new Chance(options.seed, 'faults')
    this.absences = new Chance(options.seed, 'apart')
    this.delays = new Chance(options.seed, 'slowness')
    this.#storage = new Chance(options.seed, 'storage')
    this.#random = new Chance(options.seed, 'nodes').random
    this.options = options
    this.counters = counters
    this.trace = trace
    this.losses = new Losses(counters)
    this.failing = options.failing === null ? null : new FailingCall(options.failing, clock, counters)
    this.network = new SimNetwork(clock, new Chance(options.seed, 'network'), options, counters, trace)
    for (let index = 0; index < options.nodes; index += 1) this.addPlace()
    this.victim = this.chance.pick(this.places).device
    this.network.start()
  }

  addPlace(device?: DeviceId): Place {
    const index = this.places.length
    const place = {
      index,
      device: device ?? (`device ${index % this.options.devices}` as DeviceId),
      capacity: this.options.mixed ? this.chance.pick([0.5, 1, 2, 4]) : 1,
      disk: this.options.browserStore ? new BrowserDisk(this.counters) : new SimDisk(),
      boot: undefined,
      gone: false,
      goneAt: Number.NEGATIVE_INFINITY,
      leavers: new Set<NodeId>(),
      isOrphaned: false,
      isLocked: false,
      barred: false,
      skewMs: 0,
      alignMs: 0,
      throttledAt: Number.NEGATIVE_INFINITY,
      slowness: 1,
    }
    this.places.push(place)
    return place
  }

  /** Whether a device may lose what it has told that it stored. */
  get losesData(): boolean {
    return losesData(this.options) || this.options.powerCut > 0
  }

  /** Whether this device may lose data in this act. */
  mayLose(device: DeviceId): boolean {
    const { failing } = this.options
    return this.losesData && device === (failing === null ? this.victim : this.places[0]?.device)
  }

  /** A fault has taken something from a device. */
  lost(device: DeviceId): void {
    this.#lostAt.set(device, this.clock.now)
  }

  lostSince(device: DeviceId, time: number): boolean {
    return (this.#lostAt.get(device) ?? Number.NEGATIVE_INFINITY) >= time
  }

  /** Where a node runs now, if it does. */
  placeOf(id: NodeId): Place | undefined {
    return this.places.find(({ boot }) => boot?.node?.id === id)
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
    if (place.boot !== undefined || place.gone || place.barred || place.isOrphaned) return
    const { clock, options } = this
    const boot = new Boot(this.mintPeer(), () => clock.now)
    place.boot = boot
    const lifecycle = {
      onSleep: (task: () => void) => {
        boot.sleep = task
      },
      onSuspend: () => {},
      onResume: (task: () => void) => {
        boot.wake = task
      },
    }
    const lost = () => {
      boot.isLost = true
      if (boot.node !== undefined) lose(boot.node, 'evicted')
    }
    const ports = this.portsOf(place, boot, boot.peer, lifecycle, lost)
    this.trace(`boot ${place.index}`)
    this.open(ports, place, boot, null).then(
      (node) => {
        if (this.failing?.lostWhileOpening(boot) === true || boot.isLost) {
          void node.close()
          this.#reopen(place, boot)
          return
        }
        boot.node = node
        boot.servingSince = clock.now
        this.deviceOf.set(node.id, place.device)
        const previousId = noteNode(this.#notes, `place ${place.index}`, node.id)
        if (previousId !== null && previousId !== node.id)
          partsOf(node).events.emit('data-loss', { reason: 'evicted', previousId })
        node.on('data-loss', ({ reason, previousId: whose }) => {
          this.losses.told(place, reason)
          // Of a node that was here before: nothing happens to this one.
          if (whose !== node.id) return
          if (reason === 'evicted') this.lost(place.device)
          if (reason === 'copied') {
            forgetSlot(this.#notes, `place ${place.index}`)
            this.#gaveWay(place, boot)
          }
          if (reason === 'evicted' && partsOf(node).membership.hasLeft) this.#hadLeft(place, boot, node)
        })
        if (place.index === 0) this.failing?.listen(boot, node)
        this.onServing(place, node)
        if (options.orphans) adoptIn(this, place, node, boot)
      },
      () => this.#reopen(place, boot),
    )
  }

  mintPeer(): PeerId {
    return bytesToHex(this.#random.bytes(8)) as PeerId
  }

  /** What a node on the disk of a place has of the world, in the tab of a boot. `lost` hears that the disk is empty. */
  portsOf(place: Place, boot: Boot, peer: PeerId, lifecycle: Lifecycle, lost: () => void): BootPorts {
    const { clock, options, counters } = this
    const isSmall = () => options.diskRows > 0 && !this.calm && place.device === this.victim
    const rowsMax = () => (isSmall() ? options.diskRows : Number.POSITIVE_INFINITY)
    const surroundings = {
      ...{ clock, chance: this.#storage, options, counters },
      slowness: () => place.slowness,
      calm: () => this.calm,
    }
    const tell = (violation: Violation) => this.violations.push(violation)
    const store = openStore(place, boot, surroundings, rowsMax, { lost, tell })
    return {
      clock: clock.seenBy(boot.gate, place),
      random: this.#random,
      store,
      transport: this.network.transport(peer, place.index, boot.gate, () => !boot.isFrozen),
      lifecycle,
    }
  }

  /** Opens a node; `adopter` has it hand everything over. */
  open({ store, ...ports }: BootPorts, place: Place, boot: Boot, adopter: StorageNode | null): Promise<StorageNode> {
    const { graceMs, linksMax, stayMs, siblingsMax, hintKeysPerTarget, retentionMs, skewMs } = this.options
    const hints = { keysPerTarget: hintKeysPerTarget, bytes: bounds.hintBytes }
    const hintPartBytes = Math.min(bounds.hintPartBytes, this.network.messageBytesMax / 2)
    // By the clock of any other node a value that is given up has expired too.
    const expiredKeptMs = 2 * skewMs + 1_000
    const limits = { hintPartBytes, linksMax, stayMs, retentionMs, siblingsMax, hints, expiredKeptMs }
    const config = { ...checkConfig({ cluster: 'simulation', capacity: place.capacity, graceMs }), ...limits }
    const opening = (opened: Store) => {
      const noted = this.#noted(place, opened, boot)
      return StorageNode.open({ ...ports, store: noted }, config, place.device, this.#placing, adopter)
    }
    return store instanceof Promise ? store.then(opening) : opening(store)
  }

  /** The store of a boot, a call to which may fail. What deletes it itself has lost nothing. */
  #noted(place: Place, store: Store, boot: Boot): Store {
    const wipe = () => this.losses.strike(place, 'wiped', () => place.disk.wipe())
    const used = place.index === 0 ? (this.failing?.wrap(store, wipe, boot) ?? store) : store
    return {
      transact: (keys, durability, decide) => used.transact(keys, durability, decide),
      read: (keys) => used.read(keys),
      scan: (range) => used.scan(range),
      room: () => used.room(),
      close: () => used.close(),
      destroy: () => {
        forgetSlot(this.#notes, `place ${place.index}`)
        return used.destroy()
      },
    }
  }

  /** The disk would not open, or its node has ended by itself: a person would reload the tab. */
  #reopen(place: Place, boot: Boot): void {
    this.#forget(place, boot)
    this.clock.after(1000, () => this.start(place))
  }

  /** Another node lives under its name. */
  #gaveWay(place: Place, boot: Boot): void {
    this.counters.count('path: copied profile told apart')
    if (this.options.copies === 0) this.#wrongEvent(place, 'nobody had copied it')
    this.#reopen(place, boot)
  }

  /** It had begun to leave in an earlier boot, of which nothing was stored, and hears so of others. */
  #hadLeft(place: Place, boot: Boot, node: StorageNode): void {
    if (!place.leavers.has(node.id) && this.options.copies === 0)
      this.#wrongEvent(place, 'told that it had left, which it never began')
    this.#reopen(place, boot)
  }

  #wrongEvent(place: Place, witness: string): void {
    this.violations.push({ class: 'WRONG_EVENT', key: '', subject: `place ${place.index}`, witness })
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
    const commits = this.chance.between(1, 20)
    this.losses.strike(place, 'power cut', () => {
      const lost = place.disk.loseSuffix(commits)
      if (lost > 0) this.lost(place.device)
      this.counters.count('fault: relaxed commit lost', lost)
    })
  }

  /** Closes a node as a tab does that goes away in order. */
  close(place: Place): void {
    const { boot } = place
    if (boot?.node === undefined) return
    this.counters.count('fault: closed')
    void boot.node.close()
    this.#forget(place, boot)
  }

  /** Another tab has taken the lock of a node, which ends, and goes on with its disk. */
  loseLock(place: Place): void {
    const { boot } = place
    if (boot?.node === undefined) return
    this.counters.count('fault: lock lost')
    lose(boot.node, 'lock-lost')
    this.#forget(place, boot)
    this.start(place)
  }

  /** All nodes of the victim's device lose everything at once, or all that came after a snapshot. */
  rollBackVictim(snapshot: ReadonlyMap<Place, ReadonlyMap<string, Row>>): void {
    for (const place of this.#ofVictim) {
      this.lost(place.device)
      if (place.boot !== undefined) this.#forget(place, place.boot)
      const rows = snapshot.get(place)
      const cause = rows === undefined ? 'wiped' : 'set back'
      this.losses.strike(place, cause, () => place.disk.restore(rows ?? new Map()))
    }
  }

  /** Browsers take the data of the victim's nodes away under them. */
  evictVictim(): void {
    for (const place of this.#ofVictim) {
      const { device, disk } = place
      this.lost(device)
      if (disk instanceof BrowserDisk) this.losses.strike(place, 'wiped', () => disk.evict())
    }
  }

  /** The victim's disk turns over one bit of a record, a hint or a stored trie. */
  rot(): void {
    if (this.#ofVictim.length === 0) return
    const spot = this.chance.pick(this.#ofVictim)
    const { device, disk } = spot
    // Of tries too; what else a node keeps of itself is not guarded by a hash.
    const isSealed = ({ key }: Row) => isData(key) || (key[0] === 'tree' && this.delays.happens(0.3))
    const rows = [...disk.rows].filter(([, row]) => isSealed(row))
    const where = this.chance.fraction()
    const [place, row] = rows[Math.floor(this.chance.fraction() * rows.length)] ?? []
    if (place === undefined || row === undefined) return
    this.counters.count('fault: a bit turned over on disk')
    this.lost(device)
    const value = row.value.slice()
    const at = Math.floor(where * value.length)
    value[at] = (value[at] ?? 0) ^ 4
    const cause = row.key[0] === 'hint' ? 'rotten hint' : 'rotten'
    this.losses.strike(spot, cause, () => {
      if (disk instanceof BrowserDisk && this.delays.happens(0.3)) disk.loseFile(place)
      else disk.replace(place, { key: row.key, value })
    })
  }

  snapshotVictim(): ReadonlyMap<Place, ReadonlyMap<string, Row>> {
    return new Map(this.#ofVictim.map((place) => [place, place.disk.snapshot()]))
  }

  get #ofVictim(): readonly Place[] {
    return this.places.filter(({ device, gone }) => device === this.victim && !gone)
  }

  /** The node of a place has left, and comes back no more. */
  left(place: Place): void {
    place.gone = true
    place.goneAt = this.clock.now
  }

  /** A node that is to serve has ended, or is about to. */
  get hasEnded(): boolean {
    return this.serving.some(({ node }) => isEnded(node))
  }

  /** A node that ended by itself is a tab that a person opens again, unless it has left. */
  reopenEnded(): void {
    reclaim(this)
    for (const { place, node } of this.serving) {
      const { state } = node.status()
      // Opened again too where a leave was begun and could not be finished.
      if (!isEnded(node)) continue
      if (state === 'left') this.left(place)
      if (place.boot !== undefined) this.#forget(place, place.boot)
      this.start(place)
    }
  }
}

const isEnded = (node: StorageNode): boolean => node.status().state !== 'open' || partsOf(node).lifetime.isClosing

/** What a browser keeps beside its databases. */
const notesIn = (texts: Map<string, string>): Notes => ({
  getItem: (name) => texts.get(name) ?? null,
  setItem: (name, text) => texts.set(name, text),
  removeItem: (name) => texts.delete(name),
})
