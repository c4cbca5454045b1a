/**
 * Claims about members, and the order that decides between two of them (Dynamo, section 4.8; the order is SWIM's).
 *
 * Claims are ordered by incarnation, then gravity, then their remaining fields, so two that are equal in this order are
 * the same claim. Merging keeps the greatest: commutative, associative, idempotent. So gossip needs no order and may
 * repeat. Only the member itself raises its incarnation, which is how it takes back what others claimed.
 */
import { compareText, type DeviceId, type NodeId, type PeerId } from '../ids.ts'

/** Statuses in order of gravity. At one incarnation the graver one wins. `left` is final. */
export const memberStatuses = ['alive', 'suspect', 'away', 'dead', 'out', 'left'] as const
export type MemberStatus = (typeof memberStatuses)[number]

/** The state of a member's store, by its own word. Other nodes send records only to a member that is `ok`. */
export const storageStates = ['ok', 'full', 'failed'] as const
export type StorageState = (typeof storageStates)[number]

export interface Claim {
  readonly node: NodeId
  /** The transport's name of this boot: an introduction is addressed to it. */
  readonly peer: PeerId
  readonly device: DeviceId
  /** Weight in placement, in steps of 1/16. It is a whole number, so that every node computes the same. */
  readonly capacity16ths: number
  /** The member came recently to a ring that can do without it, and may soon leave; see `failureDomain`. */
  readonly guest: boolean
  /** True once its copy of some partition was complete, or once it took writes alone: others may lack what it holds. */
  readonly settled: boolean
  /** The member alone sets this, and takes it back. */
  readonly storage: StorageState
  /** The newest messages it understands (`bounds.speaks`): tabs with an older build live in the same ring. */
  readonly speaks: number
  readonly incarnation: number
  readonly status: MemberStatus
}

/** The beliefs of one node about all members. */
export type MemberView = ReadonlyMap<NodeId, Claim>

const gravity = (status: MemberStatus): number => memberStatuses.indexOf(status)

/**
 * Order of claims about one member: the greater one holds. A member that has left stays so, against all later claims.
 */
export function compareClaims(a: Claim, b: Claim): number {
  const leftFirst = Number(a.status === 'left') - Number(b.status === 'left')
  return (
    leftFirst ||
    a.incarnation - b.incarnation ||
    gravity(a.status) - gravity(b.status) ||
    compareText(a.device, b.device) ||
    a.capacity16ths - b.capacity16ths ||
    Number(b.guest) - Number(a.guest) ||
    Number(a.settled) - Number(b.settled) ||
    storageStates.indexOf(a.storage) - storageStates.indexOf(b.storage) ||
    a.speaks - b.speaks ||
    compareText(a.peer, b.peer)
  )
}

/** The view with these claims merged in. The same object if none of them is news. */
export function mergeClaims(view: MemberView, claims: Iterable<Claim>): MemberView {
  let merged: Map<NodeId, Claim> | undefined
  for (const claim of claims) {
    const held = (merged ?? view).get(claim.node)
    if (held !== undefined && compareClaims(claim, held) <= 0) continue
    merged ??= new Map(view)
    merged.set(claim.node, claim)
  }
  return merged ?? view
}

/** True if placement counts on a member. It may be asleep or cut off, but it has neither left nor been given up. */
export function isPlaced(claim: Claim): boolean {
  return claim.status !== 'left' && claim.status !== 'out'
}

const domainOfGuests = 'guests' as DeviceId

/**
 * The domain by which placement keeps replicas apart: the device, and one common domain for all guests.
 *
 * Most tabs close within minutes, and a tab that has stayed for long stays longer still. A write is lost if all tabs
 * that acknowledged it leave within one grace, however many others remain. So no partition has more than one replica on
 * guests.
 *
 * Measured by `npm run bench:membership` with n = 3 and w = 2. Four members stayed, and two visitors at a time came for
 * 2 to 20 minutes. Without this rule a fifth of all writes was gone after 60 visits.
 */
export const failureDomain = ({ guest, device }: Claim): DeviceId => (guest ? domainOfGuests : device)

/** True if the members that have stayed are on fewer than `n` devices: the ring then needs its guests. */
export function needsGuests(view: MemberView, n: number): boolean {
  const devices = new Set<DeviceId>()
  for (const claim of view.values()) if (!claim.guest && isPlaced(claim)) devices.add(claim.device)
  return devices.size < n
}

/** The claims of a view in node order, as they are sent. */
export function claimsOf(view: MemberView): readonly Claim[] {
  return [...view.values()].sort((a, b) => compareText(a.node, b.node))
}

/**
 * All fields of a claim as text, for hashing. JSON separates fields that a device's name might otherwise run together.
 */
export function textOf(claim: Claim): string {
  const { node, peer, device, capacity16ths, guest, settled, storage, speaks, incarnation, status } = claim
  return JSON.stringify([node, peer, device, capacity16ths, guest, settled, storage, speaks, incarnation, status])
}

/**
 * The part of a claim that placement depends on, or null for a member without a place. Suspicion and sleep do not
 * change it.
 */
export function standingOf(claim: Claim): string | null {
  return isPlaced(claim) ? JSON.stringify([claim.node, failureDomain(claim), claim.capacity16ths]) : null
}
