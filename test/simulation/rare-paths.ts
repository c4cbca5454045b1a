/**
 * Paths that are seldom taken and easily got wrong. Each is counted where it is seen to happen, by watching real nodes
 * from outside; a run of a thousand seeds in which one of them never happened has not tested what it claims, and fails.
 */
import { partitionOf } from '../../src/core/hash.ts'
import type { NodeId, Partition, StoredKey } from '../../src/core/ids.ts'
import { nameIn } from '../../src/core/stored-key.ts'
import { type Dot, dotName, names } from '../../src/core/versioning/causal-history.ts'
import type { Record, Unwritten } from '../../src/core/versioning/record.ts'
import type { KeyedRecord } from '../../src/core/wire/messages.ts'
import type { TraceEvent } from '../../src/node/api/trace.ts'
import { hintIn, hintRow, owedRow, recordIn, recordRow } from '../../src/node/storage/rows.ts'
import { partsOf, type StorageNode } from '../../src/node/storage-node.ts'
import { rowName } from '../../src/ports.ts'
import type { Boot } from './boot.ts'
import type { Violation } from './checker.ts'
import { keyNamed } from './keys.ts'
import { losesData } from './options.ts'
import type { Disk } from './sim-store.ts'
import { stored } from './stored.ts'
import { type RequestEvent, type Told, ToldRequests } from './told.ts'
import { Traffic } from './traffic.ts'
import type { Place, World } from './world.ts'

export const rarePaths = [
  'hint delivered after its coordinator died',
  'hint of a former boot delivered',
  'hint changed while it was delivered',
  'hint addressed to new owners',
  'read repair raced a delete',
  'put that timed out at an owner and was kept for it by another, found at both',
  'ownership moved under a write',
  'former owner kept a write as a hint',
  'owner not in sync answered a read',
  'partition dropped after its owners had it',
  'read counted a fallback',
  'coordinator alone kept a write',
  'context used after its coordinator had died',
  'context with dots beyond its vector',
  'three siblings read',
  'delete beside a value it had not seen, in the end',
  'write of unknown outcome there in the end',
  'write below its quorum there in the end',
  'leave begun by one boot and finished by the next',
  'read went on until it saw what its client had',
  'too many siblings resolved by an owner',
  'hint refused by a node that keeps enough',
  'expired value given up',
  'copied profile told apart',
  'key forgotten',
  'late write told',
  'entry of a log settled',
  'boot began with rows in its log',
  'entry of a log lost to a power cut',
  'ring of so many awaited, and met',
  'ring of so many awaited in vain',
  'channel opened by an introduction through the mesh',
  'request answered through another node',
  'message that made no sense ended a channel for good',
  'node of another version refused',
  'slot of a closed tab handed over by another tab',
  'partition of more than 64 keys',
  'reconciliation with a second stage',
] as const

export type RarePath = (typeof rarePaths)[number]

type Answered = Extract<RequestEvent, { step: 'answered' }>

export class Watch {
  readonly violations: Violation[] = []
  /** Hears of every request of a node: it begins, its write has a name, and a node is asked for the key or given it. */
  begun: (told: Told) => void = () => {}
  written: (place: Place, told: Told, time: number) => void = () => {}
  asked: (place: Place, told: Told, asked: Extract<RequestEvent, { step: 'asked' }>) => void = () => {}
  /** Says what an owner writes in the place of too many siblings. */
  resolved: (key: StoredKey, record: Record) => Unwritten = () => ({ kind: 'tombstone' })
  /** Which boot minted a dot of a key. */
  readonly minted = new Map<string, Boot>()
  /** Records that nodes send each other. */
  readonly traffic = new Traffic()
  /** Deletes under way, by key. */
  readonly deleting = new Map<string, number>()
  /** Hears of values that a node has taken in late. */
  late: (values: readonly unknown[]) => void = () => {}
  /** A node serves: it may be given something to show. */
  onServing: (place: Place, node: StorageNode) => void = () => {}
  /** Nodes whose leave a later boot of their place has finished. */
  readonly #finished = new Set<NodeId>()
  readonly #world: World

  constructor(world: World) {
    this.#world = world
    world.onServing = (place, node) => this.#serving(place, node)
  }

  saw(path: RarePath): void {
    this.#world.counters.count(`path: ${path}`)
  }

  /** For the trace: where a key is, by what is on the disks. */
  whereIs(key: StoredKey, dot: Dot): string {
    return this.#world.places
      .map(({ index, device, disk, boot }) => {
        const { record, hint } = stored(disk, key)
        const inRecord = names(record.history, dot) ? ', in its record' : ''
        const inHint = names(hint.history, dot) ? ', in its hint' : ''
        const node = boot?.node
        const owns = node === undefined ? 'gone' : partsOf(node).routing.owns(partitionOf(key)) ? 'owner' : 'no owner'
        return `${index} on ${device}: ${owns}${inRecord}${inHint}`
      })
      .join('; ')
  }

  /** What a disk holds of a key, as a record and as a hint, and for whom. */
  storedAt(disk: Disk, key: StoredKey): ReturnType<typeof stored> {
    return stored(disk, key)
  }

  /** Places that hold a dot of a key, as a record or as a hint, by what is on their disks. */
  holders(key: StoredKey, dot: Dot): readonly Place[] {
    return this.#world.places.filter(({ disk }) => {
      const { record, hint } = stored(disk, key)
      return names(record.history, dot) || names(hint.history, dot)
    })
  }

  #serving(place: Place, node: StorageNode): void {
    this.onServing(place, node)
    const last = [...place.leavers].at(-1)
    if (last !== undefined && last !== node.id && !this.#finished.has(last) && place.disk.rows.size > 0) {
      this.#finished.add(last)
      this.saw('leave begun by one boot and finished by the next')
    }
    const requests = new ToldRequests()
    node.trace((event) => this.#told(place, requests, event))
    this.#watchHints(place, node)
    this.#watchTraffic(place, node)
    node.on('late', ({ key, values }) => {
      this.saw('late write told')
      this.late(values)
      this.#world.losses.toldLate(node, values)
      this.#world.trace(`place ${place.index} tells that ${values} of ${key} came late`)
    })
    const { siblingCap } = partsOf(node)
    const own = siblingCap.resolution.bind(siblingCap)
    siblingCap.resolution = (key, record) => {
      if (nameIn(key).collection !== '') return this.#joined(own(key, record))
      this.saw('too many siblings resolved by an owner')
      return this.resolved(key, record)
    }
  }

  #joined(resolution: Unwritten | null): Unwritten | null {
    this.#world.counters.count(`too many siblings with merge types: ${resolution === null ? 'left alone' : 'joined'}`)
    return resolution
  }

  /** What a node's trace tells. */
  #told(place: Place, requests: ToldRequests, event: TraceEvent): void {
    if (event.type === 'request') this.#request(place, requests.after(event), event)
    if (event.type === 'hint' && event.step === 'refused') this.saw('hint refused by a node that keeps enough')
    if (event.type === 'message' && event.step === 'received' && event.part === 'reply') {
      if (event.through !== null && event.kind !== 'failed') this.saw('request answered through another node')
    }
    // After the first question and a list of what is wanted there is a third message only where a prefix was split.
    if (event.type === 'exchange' && event.step === 'descended' && event.level === 3)
      this.saw('reconciliation with a second stage')
    if (event.type !== 'ownership' || event.step !== 'dropped') return
    for (const partition of event.partitions) {
      this.#world.losses.dropped(place, partition as Partition)
      this.#world.trace(`place ${place.index} dropped partition ${partition}`)
      this.saw('partition dropped after its owners had it')
    }
  }

  #request(place: Place, told: Told | undefined, event: RequestEvent): void {
    if (told === undefined) return
    if (event.step === 'begun') this.begun(told)
    if (event.step === 'written') this.written(place, told, event.time)
    if (event.step === 'asked') this.asked(place, told, event)
    if (event.step === 'repaired' && (this.deleting.get(told.key) ?? 0) > 0) this.saw('read repair raced a delete')
    if (event.step !== 'answered') return
    if (told.dot !== null) this.#answeredWrite(told, told.dot, event)
    else if (event.role === 'fallback' && event.answer === 'counted') this.saw('read counted a fallback')
    else if (event.role === 'owner' && event.said === 'nobody') this.saw('owner not in sync answered a read')
  }

  #answeredWrite({ key, standsInFor, silent }: Told, dot: Dot, { node, role, answer, said }: Answered): void {
    if (answer !== 'counted' && answer !== 'uncounted') return
    if (role === 'owner' && said === 'stand-in') this.saw('former owner kept a write as a hint')
    const stoodInFor = standsInFor.get(node)?.filter((owner) => silent.includes(owner)) ?? []
    if (stoodInFor.length === 0) return
    const holders = this.holders(keyNamed(key), dot)
    if (stoodInFor.some((owner) => holders.some(({ boot }) => boot?.node?.id === owner)))
      this.saw('put that timed out at an owner and was kept for it by another, found at both')
  }

  /** Before hints are struck off, and records taken in, the disks must be looked at: a trace tells what has happened. */
  #watchHints(place: Place, node: StorageNode): void {
    const { replica } = partsOf(node)
    const prefix = rowName(['hint', '', ''])
    const former = new Set([...place.disk.rows.keys()].filter((row) => row.startsWith(prefix)))
    const settleHints = replica.hints.settle.bind(replica.hints)
    replica.hints.settle = async (target, sent) => {
      this.#checkDurable(place, node, target, sent)
      await settleHints(target, sent)
      const names = sent.map(({ key, record }) => `${key.slice(2)} ${record.siblings.map(({ dot }) => dotName(dot))}`)
      this.#world.trace(`place ${place.index} strikes off ${names} for place ${this.#world.placeOf(target)?.index}`)
      for (const { key, record } of sent) {
        const hasDied = record.siblings.some(({ dot }) => this.minted.get(`${key} ${dotName(dot)}`)?.isAlive === false)
        if (hasDied) this.saw('hint delivered after its coordinator died')
        if (former.has(rowName(hintRow(key)))) this.saw('hint of a former boot delivered')
        if (place.disk.rows.has(rowName(owedRow(target, key)))) this.saw('hint changed while it was delivered')
      }
    }
    const take = replica.take.bind(replica)
    replica.take = async (incoming, durability, asked, coming) => {
      const hasTaken = this.#world.losses.taking(place, node, incoming)
      const taken = await take(incoming, durability, asked, coming).finally(hasTaken)
      if (durability === 'strict' && incoming.some(({ hintFor }) => hintFor.length > 0))
        this.saw('hint addressed to new owners')
      return taken
    }
  }

  /** A hint may only be struck off if an owner could not lose it any more: its target, or its keeper. */
  #checkDurable(keeper: Place, node: StorageNode, target: NodeId, sent: readonly KeyedRecord[]): void {
    const { options, counters } = this.#world
    const place = this.#world.placeOf(target)
    // Of two boots under one name either may have taken it; and what a device loses it has lost.
    if (place?.boot?.node === undefined || options.copies > 0 || losesData(options)) return
    for (const { key, record } of sent) {
      const { routing } = partsOf(place.boot.node)
      if (!routing.owns(partitionOf(key)) || !partsOf(node).routing.ownersOf(partitionOf(key)).includes(target))
        continue
      counters.count('check: a hint struck off')
      const [kept, own] = [place, keeper].map(({ disk }) =>
        recordIn(disk.durable(rowName(recordRow(key)))?.value, () => {}),
      ) as [Record, Record]
      // It may have come to own the key only after it had taken the record for others.
      const hint = hintIn(place.disk.durable(rowName(hintRow(key)))?.value, () => {})
      const horizon = partsOf(place.boot.node).progress.horizonOf(partitionOf(key))
      const lost = record.siblings.find(
        ({ dot, time }) => time > horizon && ![kept, own, hint.record].some(({ history }) => names(history, dot)),
      )
      if (lost === undefined) continue
      this.violations.push({
        class: 'ACK_NOT_DURABLE',
        key: key.slice(2),
        subject: dotName(lost.dot),
        witness: `the hint for place ${place.index} was struck off; a power cut there would lose it`,
      })
    }
  }

  /** What a ring that is idle sends: which records, the trace does not tell. */
  #watchTraffic(place: Place, node: StorageNode): void {
    const { peers, routing } = partsOf(node)
    const request = peers.request.bind(peers)
    peers.request = (to, body, lane, timeoutMs) => {
      this.traffic.sent(this.#world.clock.now, place.index, to, body, (partition) => routing.ownersOf(partition))
      return request(to, body, lane, timeoutMs)
    }
  }
}
