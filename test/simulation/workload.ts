/**
 * Clients that read and write through whichever node serves, and a record of what each of them saw.
 */
import { partitionOf } from '../../src/core/hash.ts'
import type { NodeId, StoredKey } from '../../src/core/ids.ts'
import { parseStoredKey } from '../../src/core/stored-key.ts'
import { dotName } from '../../src/core/versioning/causal-history.ts'
import { noReach } from '../../src/core/versioning/context.ts'
import { isLive, type Record, type Unwritten } from '../../src/core/versioning/record.ts'
import { decodeContext } from '../../src/core/wire/record-codec.ts'
import { TabringError } from '../../src/errors.ts'
import type { Context, GetResult, PutResult } from '../../src/node/api/tabring-node.ts'
import { ValueCodec } from '../../src/node/api/value-codec.ts'
import { partsOf, type StorageNode } from '../../src/node/storage-node.ts'
import type { Boot } from './boot.ts'
import { Chance } from './chance.ts'
import type { Violation } from './checker.ts'
import { Claims } from './claims.ts'
import type { Operation } from './history.ts'
import { keyNamed, manyNames } from './keys.ts'
import { Promised } from './promised.ts'
import type { Watch } from './rare-paths.ts'
import { nameIn, nameInBytes, quorumSizes, Requests } from './requests.ts'
import type { RequestEvent, Told } from './told.ts'
import { epochMs } from './virtual-clock.ts'
import type { Place, World } from './world.ts'

type Asked = Extract<RequestEvent, { step: 'asked' }>

const operationTimeoutMs = 5_000
/**
 * What an answer may take beyond its time: a part of it, and a moment for what is under way. A new tab meets the ring
 * first.
 */
const overtime = { share: 0.1, ms: 300, meetingMs: 2_500 } as const
/** Timers of a tab that was throttled so long ago fire when they should. */
const throttledMs = 70_000
/** A client that hears nothing for so long gives up: the tab is gone. */
const patienceMs = operationTimeoutMs + 12_000
/** Asks owners in the first seconds after nodes have met. */
const rushClient = 97
const rushMs = 3_000
/** What owners do by themselves is counted as the work of this client. */
const ownersClient = 98
/** Asks whether nodes serve. */
export const testClient = 99

interface Seen {
  readonly operation: number
  readonly context: Context | null
  /** The boot that answered. */
  readonly boot: Boot | undefined
}

/** What a get's asking several nodes came to. */
interface Spot {
  readonly place: Place
  readonly node: StorageNode
}

export class Workload {
  readonly operations: Operation[] = []
  readonly untyped: Violation[] = []
  readonly watch: Watch
  /** Steps that were taken: what a shortened run may leave out. */
  readonly steps: number[] = []
  readonly #world: World
  readonly #chance: Chance
  readonly #expiry: Chance
  readonly #requests: Requests
  readonly #promised: Promised
  readonly claims = new Claims(this.operations)
  readonly #skipped: ReadonlySet<number>
  #step = 0
  /** What each client last saw of each key. */
  readonly #seen = new Map<string, Seen>()
  /** Deletes under way, by boot and key: at most one each. */
  readonly #deleting = new Set<string>()
  /** What a node is asked for now, and what an owner writes in the place of too many siblings. */
  #calling: Operation | undefined
  #resolving: Operation | undefined
  /** Values that were taken in although it may have been forgotten that they were overwritten, and told. */
  readonly late = new Set<string>()
  /** Questions to nodes that do not own the key, by place and key. */
  readonly #sloppy = new Map<string, number>()

  /** `skipped`: steps not to take, to find out what a violation needs. */
  constructor(world: World, watch: Watch, skipped: ReadonlySet<number>) {
    this.#world = world
    this.#chance = new Chance(world.options.seed, 'workload')
    // A stream of its own would give every seed another run; this one is drawn from by few options before.
    this.#expiry = new Chance(world.options.seed, 'profile')
    this.#skipped = skipped
    this.#requests = new Requests(world.options)
    this.#promised = new Promised(world, watch)
    this.watch = watch
    world.onMeeting = () => this.#rush()
    world.losses.operations = () => this.operations
    watch.begun = (told) => {
      const under = told.by === 'application' ? this.#calling : this.#resolving
      // Keys with merge types are written by others than clients.
      if (under?.key === told.key) told.operation = under
    }
    watch.written = (place, told, time) => this.#written(place, told, time)
    watch.asked = (place, told, asked) => this.#asked(place, told, asked)
    watch.late = (values) => {
      for (const value of values) this.late.add(nameIn(String(value)))
    }
    watch.resolved = (key, record) => this.#resolved(key, record)
  }

  /** What was written is asked for in the first seconds in which nodes see each other again. */
  #rush(): void {
    const { clock } = this.#world
    const keys = [...new Set(this.operations.flatMap(({ type, key }) => (type === 'get' ? [] : [key])))]
    for (const key of keys) {
      clock.after(this.#requests.soonMs(rushMs), () => {
        const { serving } = this.#world
        const spot = serving.length === 0 ? undefined : this.#requests.oneOf(serving)
        if (spot !== undefined) void this.get(rushClient, spot, key)
      })
    }
  }

  /** Lets the clients loose until `until` (virtual time). */
  start(until: number): void {
    for (let client = 0; client < this.#world.options.clients; client += 1) this.#next(client, until)
  }

  #next(client: number, until: number): void {
    const { clock, options } = this.#world
    clock.after(this.#chance.exponential(options.thinkMs), () => {
      if (clock.now >= until) return
      void this.#act(client).then(() => this.#next(client, until))
    })
  }

  async #act(client: number): Promise<void> {
    const { options, serving } = this.#world
    const chance = this.#chance
    const step = this.#step
    this.#step += 1
    const [where, which, what, how] = [chance.fraction(), chance.fraction(), chance.fraction(), chance.fraction()]
    const spot = serving[Math.floor(where * serving.length)]
    if (spot === undefined || this.#skipped.has(step)) return
    this.steps.push(step)
    const one = this.#requests.among(manyNames.length)
    const key = (one === null ? undefined : manyNames[one]) ?? `key ${1 + Math.floor(which * options.keys)}`
    if (this.#requests.isRepair()) await this.#repair(spot)
    else if (this.#expiry.happens(options.quiet)) await this.#actQuietly(client, spot, `quiet ${key}`)
    else if (what < 0.4) await this.get(client, spot, key, how < options.sessions)
    else if (what < 0.4 + options.deletes) await this.delete(client, spot, key)
    else await this.put(client, spot, key, how < options.blind)
  }

  /** What is written once is older than every horizon in the end. */
  async #actQuietly(client: number, spot: Spot, key: string): Promise<void> {
    const isWritten = this.operations.some(({ type, key: name }) => type === 'put' && name === key)
    if (isWritten) await this.get(client, spot, key)
    else await this.put(client, spot, key, true)
  }

  async get(client: number, { place, node }: Spot, key: string, isBound = false): Promise<Operation> {
    const { watch } = this
    const bound = isBound ? this.#seen.get(`${client} ${key}`) : undefined
    const operation = this.#begin(client, 'get', key)
    const asks = client === testClient ? {} : client === rushClient ? { pr: 2 } : this.#requests.get()
    const askable = (asks.pr ?? 0) > 0 ? this.#promised.askable(key, place) : null
    const spot = `${place.index} ${key}`
    const sloppyBefore = this.#sloppy.get(spot) ?? 0
    const options = { ...asks, ...(bound === undefined || bound.context === null ? {} : { atLeast: bound.context }) }
    const result = await this.#finish<GetResult<string>>(operation, place, asks.timeoutMs, () =>
      node.get<string>(key, options),
    )
    if (result === null) return operation
    operation.vids = result.values.map(nameIn)
    Object.assign(operation, { quorum: result.quorum, nodes: asks.r ?? quorumSizes.r, pr: asks.pr ?? 0 })
    if (askable !== null) operation.reached = this.#promised.reached(place, askable)
    const seen = result.context === null ? null : decodeContext(keyNamed(key), result.context)
    operation.deletesSeen = this.claims.in(operation, seen ?? noReach, operation.returned)
    operation.deletesNamed = this.claims.named(operation, seen ?? noReach)
    const asked = (this.#sloppy.get(spot) ?? 0) - sloppyBefore
    if (bound !== undefined && result.quorum) {
      operation.atLeast = bound.operation
      if (asked > partsOf(node).routing.n) watch.saw('read went on until it saw what its client had')
    }
    if (result.values.length > 2) watch.saw('three siblings read')
    if (seen !== null && [...seen.history.actors.values()].some(({ beyond }) => beyond.length > 0))
      watch.saw('context with dots beyond its vector')
    this.#saw(operation, place, result.context)
    return operation
  }

  async put(client: number, { place, node }: Spot, key: string, isBlind: boolean): Promise<Operation> {
    const seen = isBlind ? undefined : this.#seen.get(`${client} ${key}`)
    const { expiring } = this.#world.options
    const livesMs = this.#expiry.happens(expiring) ? this.#expiry.between(500, 20_000) : null
    const operation = this.#begin(client, 'put', key, seen, livesMs)
    const { expiresAt, vid = '' } = operation
    const asks = client === testClient ? {} : this.#requests.put()
    Object.assign(operation, { nodes: asks.w ?? quorumSizes.w, pw: asks.pw ?? 0 })
    const options = { ...asks, ...(expiresAt === undefined ? {} : { expiresAt: new Date(epochMs + expiresAt) }) }
    const value = this.#requests.value(vid)
    if (seen?.context !== null && seen?.boot?.isAlive === false)
      this.watch.saw('context used after its coordinator had died')
    await this.#write(operation, place, node, asks.timeoutMs, () =>
      node.put(key, seen?.context ?? null, value, options),
    )
    return operation
  }

  async delete(client: number, { place, node }: Spot, key: string): Promise<void> {
    const seen = this.#seen.get(`${client} ${key}`)
    const spot = `${place.boot?.peer} ${key}`
    if (seen === undefined || seen.context === null || this.#deleting.has(spot)) return
    const operation = this.#begin(client, 'delete', key, seen)
    const { deleting } = this.watch
    const asks = this.#requests.put()
    Object.assign(operation, { nodes: asks.w ?? quorumSizes.w, pw: asks.pw ?? 0 })
    this.#deleting.add(spot)
    deleting.set(key, (deleting.get(key) ?? 0) + 1)
    // Its client may give up long before a tab that stood still comes to it.
    const work = () =>
      node.delete(key, seen.context, asks).finally(() => {
        this.#deleting.delete(spot)
      })
    await this.#write(operation, place, node, asks.timeoutMs, work)
    deleting.set(key, (deleting.get(key) ?? 1) - 1)
  }

  async #write(
    operation: Operation,
    place: Place,
    node: StorageNode,
    timeoutMs: number | undefined,
    work: () => Promise<PutResult>,
  ): Promise<void> {
    const partition = partitionOf(keyNamed(operation.key))
    const owners = partsOf(node).routing.ownersOf(partition)
    const result = await this.#finish<PutResult>(operation, place, timeoutMs, work)
    if (result === null) return
    const { counters } = this.#world
    operation.quorum = result.quorum
    const broken = this.#promised.acknowledged(operation, result)
    if (broken !== null) this.untyped.push(broken)
    if (result.hinted > 0) counters.count('acknowledged with a hint')
    if (!result.quorum) counters.count('put below its quorum')
    if (result.acks === 1 && result.hinted === 1) this.watch.saw('coordinator alone kept a write')
    if (String(owners) !== String(partsOf(node).routing.ownersOf(partition)))
      this.watch.saw('ownership moved under a write')
    this.#saw(operation, place, result.context)
  }

  #saw(operation: Operation, place: Place, context: Context | null): void {
    this.#seen.set(`${operation.client} ${operation.key}`, { operation: operation.id, context, boot: place.boot })
  }

  /**
   * A request begins; the returned function says whether it is over too late, by the time in which its tab was running.
   */
  #timing(place: Place, timeoutMs: number): () => string | null {
    const { clock, counters } = this.#world
    const { boot } = place
    const [invoked, stoodStillMs] = [clock.now, boot?.stoodStillMs ?? 0]
    const isNew = boot !== undefined && invoked - boot.servingSince < overtime.meetingMs
    const allowedMs = timeoutMs * (1 + overtime.share) + overtime.ms + (isNew ? overtime.meetingMs : 0)
    return () => {
      const isThrottled = place.alignMs > 0 || clock.now - place.throttledAt < throttledMs
      if (boot?.isAlive !== true || boot.isFrozen || boot.node?.status().state !== 'open' || isThrottled) return null
      const tookMs = clock.now - invoked - (boot.stoodStillMs - stoodStillMs)
      counters.count('check: the time of an answer')
      return tookMs <= allowedMs ? null : `${Math.round(tookMs)} ms at place ${place.index}, of ${timeoutMs}`
    }
  }

  async #repair({ place, node }: Spot): Promise<void> {
    const { clock, counters, trace } = this.#world
    trace(`repair at ${place.index}`)
    counters.count('client asked for a repair')
    const gaveUp = new Promise<void>((resolve) => clock.after(patienceMs, resolve))
    const failed = (error: unknown) => {
      if (!(error instanceof TabringError)) this.#untyped('', 'repair', error)
    }
    await Promise.race([node.repair().then(() => {}, failed), gaveUp])
  }

  #untyped(key: string, subject: string, error: unknown): void {
    this.untyped.push({ class: 'UNTYPED_ERROR', key, subject, witness: String((error as Error).stack) })
  }

  #begin(client: number, type: Operation['type'], key: string, seen?: Seen, livesMs: number | null = null): Operation {
    const id = this.operations.length
    const write =
      type === 'get' ? {} : { vid: `${type === 'put' ? 'v' : 'd'}${id}`, contextFrom: seen?.operation ?? null }
    const { now } = this.#world.clock
    const operation: Operation = {
      id,
      client,
      type,
      key,
      invoked: now,
      returned: Infinity,
      status: 'unknown',
      ...write,
      ...(livesMs === null ? {} : { expiresAt: Math.floor(now + livesMs) }),
    }
    this.operations.push(operation)
    return operation
  }

  async #finish<T>(
    operation: Operation,
    place: Place,
    timeoutMs: number | undefined,
    work: () => Promise<T>,
  ): Promise<T | null> {
    const isLate = this.#timing(place, timeoutMs ?? operationTimeoutMs)
    const { clock, trace, counters } = this.#world
    const gaveUp = new Promise<null>((resolve) => clock.after(patienceMs, () => resolve(null)))
    try {
      this.#calling = operation
      const answer = work()
      this.#calling = undefined
      const result = await Promise.race([answer, gaveUp])
      const lateness = isLate()
      if (lateness !== null)
        this.untyped.push({
          class: 'LATE_ANSWER',
          key: operation.key,
          subject: `${operation.type} ${operation.id}`,
          witness: lateness,
        })
      if (result === null) {
        counters.count('client gave up')
        return null
      }
      operation.status = 'ok'
      operation.returned = clock.now
      trace(`${operation.type} ${operation.id} at ${place.index}`)
      return result
    } catch (error) {
      operation.returned = clock.now
      if (!(error instanceof TabringError)) this.#untyped(operation.key, `operation ${operation.id}`, error)
      // A get that was to be strict has been answered: with that.
      else if (operation.type === 'get' && error.code === 'quorum-unreachable') operation.status = 'unknown'
      else operation.status = error.changed === 'nothing' ? 'fail' : 'unknown'
      return null
    }
  }

  /** An owner resolves siblings as a client would: it has read them all, and writes what it can be told by. */
  #resolved(stored: StoredKey, { history, siblings }: Record): Unwritten {
    const key = parseStoredKey(stored)?.key ?? ''
    const { now } = this.#world.clock
    const reading = this.#begin(ownersClient, 'get', key)
    const vids = siblings.flatMap((sibling) => (isLive(sibling, epochMs + now) ? [nameInBytes(sibling.value)] : []))
    Object.assign(reading, {
      status: 'ok',
      returned: now,
      vids,
      deletesSeen: this.claims.in(reading, { ...noReach, history }, now),
    })
    const writing = this.#begin(ownersClient, 'put', key, { operation: reading.id, context: null, boot: undefined })
    this.#resolving = writing
    return { kind: 'value', value: new ValueCodec().encode(writing.vid), expiresAt: null }
  }

  /** A write has its name: also of those that nobody hears of again. */
  #written(place: Place, told: Told, time: number): void {
    if (told.dot === null) return
    const dot = dotName(told.dot)
    if (told.operation !== undefined) Object.assign(told.operation, { dot, time })
    if (place.boot !== undefined) this.watch.minted.set(`${keyNamed(told.key)} ${dot}`, place.boot)
  }

  #asked(place: Place, { request, key, dot, operation }: Told, { node, role, standsInFor }: Asked): void {
    const spot = `${place.index} ${key}`
    if (dot === null) {
      if (role === 'fallback') this.#sloppy.set(spot, (this.#sloppy.get(spot) ?? 0) + 1)
      return
    }
    // Other writes than those of clients have the name of their key.
    const what = request === 'delete' ? 'a delete' : (operation?.vid ?? nameIn(key))
    const to = this.#world.placeOf(node as NodeId)?.index
    this.#world.trace(`place ${place.index} gives ${what} of ${key} to place ${to}, for ${standsInFor.length} others`)
  }
}
