/**
 * What nodes claim about a member, and which of two claims holds (Dynamo, section 4.8; the order is SWIM's).
 *
 * Claims are ordered by incarnation first and gravity second, then by their remaining text, so any two differ or are
 * the same claim. Merging keeps the greatest: commutative, associative, idempotent, so gossip needs no order and may
 * repeat. Only the member itself raises its incarnation, which is how it takes back what others claimed of it.
 */
import { compareText, type DeviceId, type NodeId, type PeerId } from '../ids.ts'

/** Graver statuses win over milder ones of the same incarnation. `left` is for good. */
export const memberStatuses = ['alive', 'suspect', 'away', 'dead', 'out', 'left'] as const
export type MemberStatus = (typeof memberStatuses)[number]

/** How a member's store takes what it is given, by its own word. Nobody sends records to one that is not `ok`. */
export const storageStates = ['ok', 'full', 'failed'] as const
export type StorageState = (typeof storageStates)[number]

export interface Claim {
  readonly node: NodeId
  /** How the transport knows this boot of it: whom to be introduced to. */
  readonly peer: PeerId
  readonly device: DeviceId
  /** Weight in placement, in steps of 1/16: whole, so that every node computes the same. */
  readonly capacity16ths: number
  /** It came a short while ago to a ring that does without it, and may soon leave: see `failureDomain`. */
  readonly guest: boolean
  /** Its copy of some partition was once complete, or it took writes alone: what it holds others may lack. */
  readonly settled: boolean
  /** It says so itself, and takes it back itself. */
  readonly storage: StorageState
  /** The newest messages it understands (`bounds.speaks`): tabs with an older build live in the same ring. */
  readonly speaks: number
  readonly incarnation: number
  readonly status: MemberStatus
}

/** What one node believes of all members. */
export type MemberView = ReadonlyMap<NodeId, Claim>

const gravity = (status: MemberStatus): number => memberStatuses.indexOf(status)

/**
 * Order of claims about one member: the greater one holds. A member that has left stays so whatever is claimed later.
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

/** The view with these claims taken in; the same view object when none of them is news. */
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

/**
 * Whether placement counts on a member: it may be asleep or cut off for a while, but it has not left nor been given
 * up.
 */
export function isPlaced(claim: Claim): boolean {
  return claim.status !== 'left' && claim.status !== 'out'
}

const domainOfGuests = 'guests' as DeviceId

/**
 * What placement keeps replicas apart by: the device, and for all guests the same. Most tabs are closed within
 * minutes of their opening, and who has stayed for long stays longer still; a write acknowledged by tabs that all
 * leave within one grace is lost, however many remain. So no partition has more than one replica on guests. (Measured
 * by `npm run bench:membership`, four who stay, two visitors at a time for 2 to 20 minutes, n = 3, w = 2: without
 * this a fifth of all writes was gone after 60 visits.)
 */
export const failureDomain = ({ guest, device }: Claim): DeviceId => (guest ? domainOfGuests : device)

/** Whether members that have stayed are on fewer than `n` devices, so that the ring cannot do without guests. */
export function needsGuests(view: MemberView, n: number): boolean {
  const devices = new Set<DeviceId>()
  for (const claim of view.values()) if (!claim.guest && isPlaced(claim)) devices.add(claim.device)
  return devices.size < n
}

/** The claims of a view in node order, as they are sent. */
export function claimsOf(view: MemberView): readonly Claim[] {
  return [...view.values()].sort((a, b) => compareText(a.node, b.node))
}

/** All that a claim says, as it is hashed; JSON keeps apart what a device's name might otherwise run together. */
export function textOf(claim: Claim): string {
  const { node, peer, device, capacity16ths, guest, settled, storage, speaks, incarnation, status } = claim
  return JSON.stringify([node, peer, device, capacity16ths, guest, settled, storage, speaks, incarnation, status])
}

/**
 * What of a claim placement depends on: whether a member is suspected or asleep makes no difference. Null if it has
 * no place.
 */
export function standingOf(claim: Claim): string | null {
  return isPlaced(claim) ? JSON.stringify([claim.node, failureDomain(claim), claim.capacity16ths]) : null
}
