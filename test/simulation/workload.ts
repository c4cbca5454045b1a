/**
 * Clients that read and write through whichever node serves, and a record of what each of them saw.
 */
import { partitionOf } from '../../src/core/hash.ts'
import { covers, dotName } from '../../src/core/versioning/causal-history.ts'
import { storedKey } from '../../src/core/versioning/stored-key.ts'
import { decodeContext } from '../../src/core/wire/record-codec.ts'
import { TabringError } from '../../src/errors.ts'
import type { Context, GetResult, PutResult } from '../../src/node/api.ts'
import type { StorageNode } from '../../src/node/storage-node.ts'
import type { Operation, Violation } from './checker.ts'
import type { Place, World } from './world.ts'

const operationTimeoutMs = 5_000
/** A client that hears nothing for so long gives up: the tab is gone. */
const patienceMs = operationTimeoutMs + 12_000

interface Seen {
  readonly operation: number
  readonly context: Context | null
}

export class Workload {
  readonly operations: Operation[] = []
  readonly untyped: Violation[] = []
  readonly #world: World
  /** What each client last saw of each key. */
  readonly #seen = new Map<string, Seen>()
  readonly #watched = new WeakSet<StorageNode>()
  /** Deletes under way, by node and key: at most one each, so that a tombstone is known by where it was minted. */
  readonly #deleting = new Map<string, Operation>()

  readonly #dots = new Set<string>()
  /** Questions to nodes that do not own the key, by place and key. */
  readonly #sloppy = new Map<string, number>()

  constructor(world: World) {
    this.#world = world
  }

  /** Lets the clients loose until `until` (virtual time). */
  start(until: number): void {
    for (let client = 0; client < this.#world.options.clients; client += 1) this.#next(client, until)
  }

  #next(client: number, until: number): void {
    const { clock, chance, options } = this.#world
    clock.after(chance.exponential(options.thinkMs), () => {
      if (clock.now >= until) return
      void this.#step(client).then(() => this.#next(client, until))
    })
  }

  async #step(client: number): Promise<void> {
    const { chance, options, serving } = this.#world
    if (serving.length === 0) return
    const { place, node } = chance.pick(serving)
    const key = `key ${chance.between(1, options.keys)}`
    const draw = chance.fraction()
    if (draw < 0.4) await this.get(client, place, node, key)
    else if (draw < 0.4 + options.deletes) await this.delete(client, place, node, key)
    else await this.put(client, place, node, key, chance.happens(options.blind))
  }

  async get(client: number, place: Place, node: StorageNode, key: string): Promise<Operation> {
    const operation = this.#begin(client, 'get', key)
    this.#watch(place, node)
    const before = node.routing.hash
    const spot = `${place.index} ${key}`
    const sloppyBefore = this.#sloppy.get(spot) ?? 0
    const result = await this.#finish<GetResult<string>>(operation, place, () => node.get<string>(key))
    if (result === null) return operation
    operation.vids = result.values
    const seen =
      result.context === null
        ? null
        : decodeContext(storedKey({ mode: 'siblings', collection: '', key }), result.context)
    operation.deletesSeen = this.operations
      .filter(({ type, dot, key: name }) => type === 'delete' && name === key && dot !== undefined)
      .filter(({ dot }) => seen !== null && isCovered(seen, dot ?? ''))
      .map(({ vid }) => vid ?? '')
    const isSloppy = (this.#sloppy.get(spot) ?? 0) > sloppyBefore
    operation.strict = result.quorum && !isSloppy && this.#isQuiet(node, before)
    this.#seen.set(`${client} ${key}`, { operation: operation.id, context: result.context })
    return operation
  }

  async put(client: number, place: Place, node: StorageNode, key: string, isBlind: boolean): Promise<Operation> {
    const seen = isBlind ? undefined : this.#seen.get(`${client} ${key}`)
    const operation = this.#begin(client, 'put', key, seen)
    this.#watch(place, node)
    await this.#write(operation, place, node, () => node.put(key, seen?.context ?? null, operation.vid))
    return operation
  }

  async delete(client: number, place: Place, node: StorageNode, key: string): Promise<Operation | undefined> {
    const seen = this.#seen.get(`${client} ${key}`)
    const spot = `${place.index} ${key}`
    if (seen === undefined || seen.context === null || this.#deleting.has(spot)) return undefined
    const operation = this.#begin(client, 'delete', key, seen)
    this.#deleting.set(spot, operation)
    this.#watch(place, node)
    await this.#write(operation, place, node, () => node.delete(key, seen.context))
    this.#deleting.delete(spot)
    return operation
  }

  async #write(operation: Operation, place: Place, node: StorageNode, work: () => Promise<PutResult>): Promise<void> {
    const before = node.routing.hash
    const result = await this.#finish<PutResult>(operation, place, work)
    if (result === null) return
    const { options, counters } = this.#world
    const canLose = options.wipe || options.powerCut > 0
    // One device may be destroyed in this run: what is on it alone is not promised.
    if (canLose && result.devices < 2) operation.status = 'unknown'
    if (result.hinted > 0) counters.count('path: acknowledged with a hint')
    if (!result.quorum) counters.count('path: put below its quorum')
    operation.strict = result.quorum && result.hinted === 0 && this.#isQuiet(node, before)
    this.#seen.set(`${operation.client} ${operation.key}`, { operation: operation.id, context: result.context })
  }

  /** Reads and writes overlap for certain only where all nodes are members in sync on one view, and none lost anything. */
  #isQuiet(node: StorageNode, before: string): boolean {
    const { serving, places, options } = this.#world
    const settled = serving.every(
      (each) => each.node.routing.hash === before && each.node.ownership.syncing.length === 0,
    )
    return (
      settled &&
      node.routing.hash === before &&
      serving.length === places.length &&
      !options.wipe &&
      options.powerCut === 0
    )
  }

  #begin(client: number, type: Operation['type'], key: string, seen?: Seen): Operation {
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
    }
    this.operations.push(operation)
    return operation
  }

  async #finish<T>(operation: Operation, place: Place, work: () => Promise<T>): Promise<T | null> {
    const { clock, trace, counters } = this.#world
    const gaveUp = new Promise<null>((resolve) => clock.after(patienceMs, () => resolve(null)))
    try {
      const result = await Promise.race([work(), gaveUp])
      if (result === null) {
        counters.count('path: client gave up')
        return null
      }
      operation.status = 'ok'
      operation.returned = clock.now
      trace(`${operation.type} ${operation.id} at ${place.index}`)
      return result
    } catch (error) {
      operation.returned = clock.now
      if (error instanceof TabringError) operation.status = error.changed === 'nothing' ? 'fail' : 'unknown'
      else
        this.untyped.push({
          class: 'UNTYPED_ERROR',
          key: operation.key,
          subject: `operation ${operation.id}`,
          witness: String((error as Error).stack),
        })
      return null
    }
  }

  /** Notes which dot each write got, also of those that nobody hears of again. */
  #watch(place: Place, node: StorageNode): void {
    if (this.#watched.has(node)) return
    this.#watched.add(node)
    const ask = node.ask.bind(node)
    node.ask = (to, request) => {
      if (request.type === 'get' && !node.routing.ownersOf(partitionOf(request.key)).includes(to)) {
        const spot = `${place.index} ${request.key.slice(2)}`
        this.#sloppy.set(spot, (this.#sloppy.get(spot) ?? 0) + 1)
      }
      if (request.type === 'put') {
        const [sibling] = request.delta.siblings
        const key = request.key.slice(2)
        const dot = sibling === undefined ? '' : dotName(sibling.dot)
        const vid = sibling?.kind === 'value' ? new TextDecoder().decode(sibling.value.subarray(1)) : undefined
        const operation =
          vid === undefined
            ? this.#deleting.get(`${place.index} ${key}`)
            : this.operations.find((each) => each.vid === vid)
        // A delete that was answered may still be asking others when the next one begins.
        if (operation !== undefined && !this.#dots.has(`${key} ${dot}`)) operation.dot ??= dot
        this.#dots.add(`${key} ${dot}`)
      }
      return ask(to, request)
    }
  }
}

function isCovered(seen: NonNullable<ReturnType<typeof decodeContext>>, name: string): boolean {
  const [actor, counter] = name.split(':')
  return covers(seen.history, { actor: actor as never, counter: Number(counter) })
}
