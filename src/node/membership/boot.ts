/**
 * Boot: the memory of a node between its boots: id, incarnation and known members (Dynamo, section 4.8.1).
 *
 * The id is born with the database. A node whose database is gone comes back as another node, so it never claims data
 * it has lost. Every boot raises the incarnation, which overrides all claims made about the node while it was away.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import type { BootNumber, Boots } from '../../core/acceptance/sessions.ts'
import { bounds } from '../../core/bounds.ts'
import type { DeviceId, NodeId, PeerId } from '../../core/ids.ts'
import type { Claim } from '../../core/membership/claims.ts'
import { ByteWriter, decodeWith } from '../../core/wire/bytes.ts'
import { decodeClaims, encodeClaims } from '../../core/wire/membership-codec.ts'
import type { Random, Store } from '../../ports.ts'
import { ownershipRow } from '../ownership/ownership.ts'
import { metaRow } from '../storage/rows.ts'

const nodeBytes = 16
const tagBytes = 4
const identityRow = metaRow('identity')
const membersRow = metaRow('members')

export interface Self {
  readonly own: Claim
  readonly boot: BootNumber
  /** Claims about others from earlier boots: a node that starts alone still knows its ring. */
  readonly known: readonly Claim[]
}

interface Identity {
  readonly node: NodeId
  readonly incarnation: number
  /** By boot number: the tag of that boot. Version 0.1.0 stored none. */
  readonly boots: Boots
}

function identityIn(bytes: Uint8Array | undefined): Identity | null {
  if (bytes === undefined) return null
  return decodeWith(bytes, (reader) => {
    const [node, incarnation] = [reader.hex(2 * nodeBytes) as NodeId, reader.integer()]
    const boots = reader.remaining === 0 ? [] : reader.list(() => [reader.integer(), reader.hex(2 * tagBytes)] as const)
    return { node, incarnation, boots: new Map(boots) }
  })
}

function encodeIdentity({ node, incarnation, boots }: Identity): Uint8Array {
  const writer = new ByteWriter()
  writer.hex(node)
  writer.integer(incarnation)
  writer.list([...boots], ([number, tag]) => {
    writer.integer(number)
    writer.hex(tag)
  })
  return writer.done()
}

/** Loads the node's identity, or mints one for a new database, and begins a new incarnation, strictly durable. */
export async function beginBoot(
  store: Store,
  random: Random,
  peer: PeerId,
  device: DeviceId,
  capacity: number,
): Promise<Self> {
  const fresh = bytesToHex(random.bytes(nodeBytes)) as NodeId
  const tag = bytesToHex(random.bytes(tagBytes))
  return store.transact([identityRow, membersRow], 'strict', ([stored, members]) => {
    const known = members === undefined ? [] : (decodeClaims(members) ?? [])
    const former = identityIn(stored)
    // Leaving is for good. A node that has left may have been interrupted before its database was deleted. It comes
    // back as another node.
    const hasLeft = known.some((claim) => claim.node === former?.node && claim.status === 'left')
    const before = hasLeft ? null : former
    const node = before?.node ?? fresh
    const last = known.find((claim) => claim.node === node)
    // The last incarnation of the former boot, as far as the store has it: a boot raises it while it runs.
    const raised = Math.max(before?.incarnation ?? 0, last?.incarnation ?? 0)
    const incarnation = Math.min(raised + 1, bounds.incarnationMax)
    const boots = new Map([...(before?.boots ?? []), [incarnation, tag] as const].slice(-bounds.bootsKnownMax))
    const own: Claim = {
      node,
      peer,
      device,
      capacity16ths: Math.round(capacity * 16),
      guest: last?.guest ?? true,
      // A database that is not new may hold writes that other nodes lack.
      settled: former !== null,
      storage: 'ok',
      speaks: bounds.speaks,
      incarnation,
      status: 'alive',
    }
    return {
      // A new node has no standing in any partition. The records of the former one are handed to their owners.
      writes: [
        { key: identityRow, value: encodeIdentity({ node, incarnation, boots }) },
        ...(before === null ? [{ key: ownershipRow, value: null }] : []),
      ],
      result: {
        own,
        boot: { number: incarnation, tag, boots },
        known: known.filter((claim) => claim.node !== node),
      },
    }
  })
}

/** Makes the next boot another node. The records in this database are then handed to their owners. */
export async function forgetIdentity(store: Store, node: NodeId): Promise<void> {
  await store.transact([identityRow], 'strict', ([stored]) => ({
    writes: identityIn(stored)?.node === node ? [{ key: identityRow, value: null }] : [],
    result: undefined,
  }))
}

/** Keeps the member list for the next boot. */
export async function rememberMembers(store: Store, claims: readonly Claim[]): Promise<void> {
  await store.transact([], 'relaxed', () => ({
    writes: [{ key: membersRow, value: encodeClaims(claims) }],
    result: undefined,
  }))
}
