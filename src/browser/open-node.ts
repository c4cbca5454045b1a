/**
 * The composition root of a tab (not in the paper).
 *
 * It claims a slot, opens its database, and puts a storage node on IndexedDB, WebRTC and the signaling servers.
 */

import { bytesToHex } from '@noble/hashes/utils.js'
import { bounds } from '../core/bounds.ts'
import { tagOf } from '../core/hash.ts'
import type { DeviceId, PeerId } from '../core/ids.ts'
import { isWellFormed } from '../core/utf8.ts'
import { TabringError } from '../errors.ts'
import { checkSignal } from '../node/api/arguments.ts'
import { type CheckedConfig, checkConfig, checkNames } from '../node/api/config.ts'
import type { AbortSignalLike, TabringNode } from '../node/api/tabring-node.ts'
import { adoptOrphans } from '../node/handoff/adoption.ts'
import { deferred, timedOut, within } from '../node/scheduling/timers.ts'
import { lose, partsOf, StorageNode } from '../node/storage-node.ts'
import { chanceOf, StoreFailure } from '../ports.ts'
import { systemClock } from '../system-clock.ts'
import { cryptoRandom } from './crypto-random.ts'
import {
  isPretended,
  lockSlot,
  orphanedSlots,
  pretendedDevice,
  profileDevice,
  renewDevice,
  type Slot,
  scopeOf,
  takeSlot,
} from './identity.ts'
import { destroyDatabase, isDamage, openIndexedDbStore } from './indexeddb/indexeddb-store.ts'
import { pageLifecycle } from './page-lifecycle.ts'
import { forgetSlot, hasFailedForGood, type Notes, noteGivenUp, noteNode } from './slot-notes.ts'
import { BroadcastRoom } from './webrtc/broadcast-room.ts'
import { WebRtcTransport } from './webrtc/webrtc-transport.ts'
import { WebSocketSignaling } from './websocket-signaling.ts'

/** The options of `openNode`. All but `cluster` have defaults. */
export interface NodeOptions {
  /** The name of the ring: nodes with the same name form one. 1 to 256 bytes of UTF-8. */
  readonly cluster: string
  /**
   * Signaling servers to meet at: `ws:` or `wss:` addresses. Without one, this tab meets only the other tabs of its
   * browser.
   */
  readonly signaling?: string | readonly string[]
  /** Replicas of each key, 1 to 16. A cluster constant: nodes with another n are refused. Default 3. */
  readonly n?: number
  /**
   * Nodes that must answer a get, and store a put, unless the request says otherwise. Default 2, or 1 if n is 1. Choose
   * r + w > n, or reads may miss writes.
   */
  readonly r?: number
  readonly w?: number
  /** Weight, 1/16 to 64: twice the capacity, twice the virtual nodes. Default 1. */
  readonly capacity?: number
  /**
   * Failure domain. Default: this browser profile. A name set here only pretends to be a device, for demos and tests,
   * and is marked so.
   */
  readonly device?: string
  /**
   * STUN and TURN servers, or a function that gives them before each connection: credentials of TURN servers expire. It
   * must answer at once. If it throws, its last answer holds. Default none: no third party is contacted unasked.
   */
  readonly rtc?: RTCConfiguration | (() => RTCConfiguration)
  /** Default wait of a request in ms. Default 5000. */
  readonly timeoutMs?: number
  /**
   * Grace: the time, ms, that a node may be gone before its keys get other replicas. 1 s to 7 days, default ten
   * minutes. Data survives unless all holders vanish within one such grace. Guests (newcomers to a ring of n devices)
   * have a fifth, 75 s at most. A cluster constant: nodes with another grace are refused.
   */
  readonly graceMs?: number
  /**
   * Retention: the time, ms, that the ring waits for absent tabs before it forgets deletes and overwritten writes. A
   * second to a year, default 30 days. No write is ever lost by it. A tab that returns later may bring back a deleted
   * value, and the `late` event tells. Among nodes that meet, the longest retention holds.
   */
  readonly retentionMs?: number
  /** `local` notices a gone tab twice as fast, for rings whose tabs are all on one machine. Default `internet`. */
  readonly network?: 'internet' | 'local'
  /** Aborts the opening, before it begins or when it is done. */
  readonly signal?: AbortSignalLike
}

const known: readonly (keyof NodeOptions)[] = [
  'cluster',
  'signaling',
  'n',
  'r',
  'w',
  'capacity',
  'device',
  'rtc',
  'timeoutMs',
  'graceMs',
  'retentionMs',
  'network',
  'signal',
]

/**
 * Opens this tab's node. Resolves once this tab holds a slot and its database, even offline; `joined` tells when other
 * nodes are met. Rejects with `invalid-option`, `unsupported`, `storage-failed`, `storage-full`, `overloaded` (all
 * slots taken) or `aborted`.
 *
 * @example
 * const node = await openNode({ cluster: 'carts', signaling: 'wss://signal.example' })
 */
export async function openNode(options: NodeOptions): Promise<TabringNode> {
  const config = checkConfig(options)
  const urls = checkBrowserOptions(options)
  checkSupport()
  const rtc = checkRtc(options.rtc)
  const assertWanted = () => {
    if (options.signal?.aborted === true) throw new TabringError('aborted', 'opening was aborted. Nothing was changed.')
  }
  assertWanted()
  try {
    const device =
      options.device === undefined ? await inTime(profileDevice(cryptoRandom)) : pretendedDevice(options.device)
    const scope = scopeOf(config.cluster, options.device ?? '')
    const place = { device, config, rtc, urls }
    const { node, ended } = await openOn(place, (lost) => takeSlot(scope, lost), assertWanted, null)
    void ended.then(
      adoptOrphans(
        systemClock,
        () => chanceOf(cryptoRandom),
        () => orphanedSlots(scope),
        (slot) =>
          handOver(place, slot, node, ended).catch((error: unknown) => {
            partsOf(node).events.trouble.adoptions += 1
            throw error
          }),
      ),
    )
    return node
  } catch (error) {
    throw openingFailed(error)
  }
}

/**
 * Hands over the data of a slot whose tab is gone. It stops if this tab's own node, the adopter, has `ended` before.
 */
async function handOver(place: Where, name: string, adopter: StorageNode, ended: Promise<void>): Promise<void> {
  const take = async (lost: () => void): Promise<Slot> => {
    const slot = await lockSlot(name, lost, null)
    if (slot === null) throw new StoreFailure('failed', 'another tab has taken the slot')
    return slot
  }
  const { node } = await openOn(place, take, () => {}, adopter)
  void ended.then(() => node.close())
  try {
    await partsOf(node).joined.first
    await node.leave()
  } finally {
    // The node has left, or keeps its data for another time.
    await node.close()
  }
}

/** Local storage, looked up at each use: a browser that has switched it off throws when it is named. */
const notes: Notes = {
  getItem: (name) => localStorage.getItem(name),
  setItem: (name, text) => localStorage.setItem(name, text),
  removeItem: (name) => localStorage.removeItem(name),
}

/** The values that all nodes of a tab share. */
interface Where {
  readonly device: DeviceId
  readonly config: CheckedConfig
  readonly rtc: () => RTCConfiguration
  readonly urls: readonly string[]
}

interface OpenedNode {
  readonly node: StorageNode
  /** Resolves when the node has ended and its slot is free. */
  readonly ended: Promise<void>
}

/**
 * Takes a slot and opens its node. If that fails, both are given back. `assertWanted` throws if the caller has given
 * up. `adopter`: the node that opens this one only to have it hand everything over.
 */
async function openOn(
  place: Where,
  take: (lost: () => void) => Promise<Slot>,
  assertWanted: () => void,
  adopter: StorageNode | null = null,
): Promise<OpenedNode> {
  const end: { node?: StorageNode; isLost?: true } = {}
  const lost = (reason: 'lock-lost' | 'evicted') => {
    end.isLost = true
    if (end.node !== undefined) lose(end.node, reason)
  }
  const slot = await take(() => lost('lock-lost'))
  try {
    const opened = await openSlot(place, slot, () => lost('evicted'), adopter)
    end.node = opened.node
    if (end.isLost) throw new StoreFailure('failed', 'the database or its lock was lost while it was opened')
    assertWanted()
    return opened
  } catch (error) {
    await end.node?.close()
    slot.release()
    throw error
  }
}

/**
 * Opens the node of a slot. If its database has failed for good, it is replaced by a new one, with another node. An
 * adopter has no use for a new database.
 */
async function openSlot(place: Where, slot: Slot, lost: () => void, adopter: StorageNode | null): Promise<OpenedNode> {
  try {
    return await openDatabase(place, slot, lost, 'evicted', adopter)
  } catch (error) {
    const isBroken = isDamage(error) && hasFailedForGood(notes, slot.database, systemClock.wall())
    if (!isBroken || adopter !== null) throw error
    await destroyDatabase(slot.database, systemClock)
    return openDatabase(place, slot, lost, 'storage-failed', adopter)
  }
}

/**
 * Opens the database of a slot and its node. `gone`: the fate of the former database, in case the slot has none now.
 */
async function openDatabase(
  { device, config, rtc, urls }: Where,
  slot: Slot,
  lost: () => void,
  gone: 'evicted' | 'storage-failed',
  adopter: StorageNode | null,
): Promise<OpenedNode> {
  const { store: database, existed } = await openIndexedDbStore(slot.database, systemClock, lost)
  const peer = bytesToHex(cryptoRandom.bytes(8)) as PeerId
  const room = tagOf(`tabring room ${config.cluster}`)
  const meeting = {
    servers: new WebSocketSignaling(urls, room, systemClock, cryptoRandom),
    tabs: typeof BroadcastChannel === 'undefined' ? null : new BroadcastRoom(room, systemClock),
  }
  const transport = new WebRtcTransport(peer, meeting, rtc, systemClock, cryptoRandom)
  const lifecycle = pageLifecycle()
  const end = deferred<void>()
  const opened: { node?: StorageNode } = {}
  const ended = () => {
    lifecycle.end()
    slot.release()
    end.resolve()
  }
  const store = {
    transact: database.transact.bind(database),
    read: database.read.bind(database),
    scan: database.scan.bind(database),
    room: database.room.bind(database),
    close: () => {
      const { node } = opened
      const isGivenUp = node !== undefined && partsOf(node).membership.own.storage === 'failed'
      if (isGivenUp) noteGivenUp(notes, slot.database, systemClock.wall())
      return database.close().finally(ended)
    },
    destroy: async () => {
      await database.destroy().finally(ended)
      forgetSlot(notes, slot.database)
    },
  }
  const ports = { clock: systemClock, random: cryptoRandom, store, transport, lifecycle }
  const node = await StorageNode.open(ports, config, device, undefined, adopter).catch(async (error: unknown) => {
    lifecycle.end()
    await database.close()
    throw error
  })
  opened.node = node
  const { events } = partsOf(node)
  events.overhear(({ reason }) => {
    if (reason !== 'copied') return
    // It has told so. The next node in this database has another name, and nothing more to tell.
    forgetSlot(notes, slot.database)
    if (!isPretended(device)) void renewDevice(device, cryptoRandom).catch(() => {})
  })
  const previousId = noteNode(notes, slot.database, node.id)
  // The one before has gone with its database. A crash may have kept the tab from telling so when that was found.
  if (previousId !== null && previousId !== node.id)
    events.emit('data-loss', { reason: existed ? 'evicted' : gone, previousId })
  return { node, ended: end.promise }
}

/** Bounds the wait for a database: one that hangs at opening must not keep the page waiting for ever. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  const end = await within(systemClock, bounds.storageTimeoutMs, work)
  if (end === timedOut) throw new StoreFailure('failed', `it did not answer within ${bounds.storageTimeoutMs} ms`)
  return end
}

function checkBrowserOptions(options: NodeOptions): readonly string[] {
  const refuse = (text: string): never => {
    throw new TabringError('invalid-option', `${text}. Nothing was opened.`)
  }
  checkNames(options, known)
  const { device, signaling = [] } = options
  const deviceBytes =
    typeof device === 'string' && isWellFormed(device) ? new TextEncoder().encode(`pretended:${device}`).length : 0
  if (device !== undefined && (deviceBytes === 0 || device === '' || deviceBytes > bounds.deviceBytesMax)) {
    refuse(`device must be a text of 1 to ${bounds.deviceBytesMax - 'pretended:'.length} bytes`)
  }
  const urls = typeof signaling === 'string' ? [signaling] : signaling
  if (!Array.isArray(urls)) refuse('signaling takes an address or a list of them')
  for (const url of urls) if (!isAddress(url)) refuse(`signaling takes ws: or wss: addresses, not ${String(url)}`)
  checkSignal(options.signal)
  return urls
}

function isAddress(url: unknown): boolean {
  try {
    return typeof url === 'string' && ['ws:', 'wss:'].includes(new URL(url).protocol)
  } catch {
    return false
  }
}

/**
 * Tries the configuration now. Otherwise a bad one would fail only at the first connection, without a reason. Returns
 * the one for the next connection.
 */
function checkRtc(rtc: NodeOptions['rtc'] = {}): () => RTCConfiguration {
  try {
    let last = typeof rtc === 'function' ? rtc() : rtc
    if (typeof last !== 'object' || Array.isArray(last)) throw new TypeError('it is no object')
    new RTCPeerConnection(last).close()
    if (typeof rtc !== 'function') return () => last
    return () => {
      try {
        last = rtc()
      } catch {
        // The credentials of before may hold.
      }
      return last
    }
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    throw new TabringError('invalid-option', `this browser refuses rtc: ${detail}. Nothing was opened.`)
  }
}

/** Checks that this browser has all that a node needs. Each text has a likely reason for its lack. */
function checkSupport(): void {
  const missing = [
    typeof indexedDB === 'undefined' && 'IndexedDB (some private windows switch it off)',
    typeof RTCPeerConnection === 'undefined' && 'WebRTC data channels',
    (typeof navigator === 'undefined' || navigator.locks === undefined) && 'Web Locks, which need HTTPS or localhost',
  ].filter((text) => text !== false)
  if (missing.length === 0) return
  throw new TabringError('unsupported', `this environment lacks ${missing.join(' and ')}. Nothing was opened.`)
}

function openingFailed(error: unknown): TabringError {
  if (error instanceof TabringError) return error
  const code = error instanceof StoreFailure && error.reason === 'full' ? 'storage-full' : 'storage-failed'
  const detail = error instanceof Error ? error.message : String(error)
  return new TabringError(code, `the database could not be opened: ${detail}`, 'nothing', error)
}
