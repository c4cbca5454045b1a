/**
 * Identity of a tab: one slot of a device (not in the paper).
 *
 * A device is a browser profile, named by random bits in its own small database. Each open tab of a cluster takes one
 * slot of its device under a Web Lock, and with it the slot's database. A duplicated tab finds its slot taken and takes
 * the next one. A reloaded tab waits a moment for the lock that its former page still holds. A tab opened later resumes
 * the first free slot, with its data.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { openDB } from 'idb'
import { bounds } from '../core/bounds.ts'
import type { DeviceId } from '../core/ids.ts'
import { TabringError } from '../errors.ts'
import type { Random } from '../ports.ts'

const deviceBytes = 16

/** The device of this browser profile. */
export const profileDevice = (random: Random): Promise<DeviceId> => deviceOtherThan(null, random)

/**
 * Renames this device. The profile was copied, and the copy is on another disk. All tabs that hear of it get one new
 * name. Open tabs keep the former one until they are opened again.
 */
export async function renewDevice(former: DeviceId, random: Random): Promise<void> {
  await deviceOtherThan(former, random)
}

/** The device that is noted. If none is, or if it is the former one, a new device is noted. */
async function deviceOtherThan(former: DeviceId | null, random: Random): Promise<DeviceId> {
  const database = await openDB('tabring', 1, { upgrade: (fresh) => void fresh.createObjectStore('device') })
  try {
    const transaction = database.transaction('device', 'readwrite', { durability: 'strict' })
    const known: unknown = await transaction.store.get('id')
    const id = typeof known === 'string' && known !== former ? known : bytesToHex(random.bytes(deviceBytes))
    if (id !== known) await transaction.store.put(id, 'id')
    await transaction.done
    return id as DeviceId
  } finally {
    database.close()
  }
}

/** A device that an application sets apart by name. The prefix marks it as pretended: its tabs still share one disk. */
export const pretendedDevice = (name: string): DeviceId => `pretended:${name}` as DeviceId

export const isPretended = (device: DeviceId): boolean => device.startsWith('pretended:')

export interface Slot {
  /** The name of the slot's database. */
  readonly database: string
  /** Gives the slot back. */
  release(): void
}

/**
 * The common part of the names of a device's slots in a cluster. It differs for any two clusters or devices, no matter
 * which characters their names have.
 */
export const scopeOf = (cluster: string, device: string): string =>
  `tabring:${encodeURIComponent(cluster)}:${encodeURIComponent(device)}`

const slotNamed = (scope: string, index: number): string => `${scope}:${index}`

/**
 * Takes the slot that this tab had before a reload, or else the first free one of a scope. `lost` is called if the lock
 * is stolen.
 */
export async function takeSlot(scope: string, lost: () => void): Promise<Slot> {
  const remembered = rememberedSlot(scope)
  const mine =
    remembered === null
      ? null
      : await lockSlot(slotNamed(scope, remembered), lost, AbortSignal.timeout(bounds.slotReloadWaitMs))
  if (mine !== null) return mine
  for (let index = 0; index < bounds.slotsMax; index += 1) {
    const slot = await lockSlot(slotNamed(scope, index), lost, null)
    if (slot === null) continue
    remember(scope, index)
    return slot
  }
  throw new TabringError(
    'overloaded',
    `${bounds.slotsMax} tabs of this device are in this cluster already. Nothing was opened.`,
  )
}

/**
 * The slot this tab had, if it has just been reloaded. A new or duplicated tab has none, even with an inherited entry.
 */
function rememberedSlot(scope: string): number | null {
  const [navigation] = performance.getEntriesByType('navigation')
  const isReload = navigation instanceof PerformanceNavigationTiming && navigation.type === 'reload'
  try {
    const stored = isReload ? sessionStorage.getItem(scope) : null
    return stored === null ? null : Number(stored)
  } catch {
    return null
  }
}

/** Slots of a scope that have a database and no tab. Empty if the browser does not list its databases. */
export async function orphanedSlots(scope: string): Promise<readonly string[]> {
  const databases = (await indexedDB.databases?.()) ?? []
  const { held = [] } = await navigator.locks.query()
  const taken = new Set(held.map(({ name }) => name))
  const names = Array.from({ length: bounds.slotsMax }, (_, index) => slotNamed(scope, index))
  return names.filter((slot) => !taken.has(slot) && databases.some(({ name }) => name === slot))
}

/** Takes a slot if it is free, or becomes free before `wait` ends. Resolves to null if not. */
export function lockSlot(name: string, lost: () => void, wait: AbortSignal | null): Promise<Slot | null> {
  return new Promise((resolve) => {
    let isHeld = false
    const hold = (lock: Lock | null): Promise<void> => {
      if (lock === null) {
        resolve(null)
        return Promise.resolve()
      }
      isHeld = true
      return new Promise((release) => resolve({ database: name, release }))
    }
    const request = wait === null ? { ifAvailable: true } : { signal: wait }
    // Rejects if the wait ends, with nothing resolved so far. Also if another holder steals the lock.
    navigator.locks.request(name, request, hold).catch(() => {
      if (isHeld) lost()
      resolve(null)
    })
  })
}

function remember(scope: string, index: number): void {
  try {
    sessionStorage.setItem(scope, String(index))
  } catch {
    // A browser without session storage: a reloaded tab may take another slot.
  }
}
