/**
 * Sessions: what one node has received of another, told without any clock (not in the paper).
 *
 * A node numbers its sessions by boot and count. It stamps each sibling of a row with the session in which that came.
 * An owner keeps a *received vector*, with one session per node. All that the node had stored before that session is
 * joined into the owner's rows. An entry may be dropped at any time; that costs events, never data.
 *
 * The database numbers boots, so a copied or restored database may use a number again. Each boot therefore has a tag. A
 * node believes an entry about itself only if the tag belongs to one of its own boots.
 */
import type { NodeId } from '../ids.ts'

/** The session in which a row got a sibling: the boot of its database, and the count within that boot. */
export interface Stamp {
  readonly boot: number
  readonly count: number
}

/** A session as other nodes know it. `tag`: 8 hex digits, random for each boot. */
export interface Session extends Stamp {
  readonly tag: string
}

export type ReceivedVector = ReadonlyMap<NodeId, Session>

export const nothingReceived: ReceivedVector = new Map()

/** The boots of one database: their tags by number. */
export type Boots = ReadonlyMap<number, string>

/** The number and tag of a boot, and the known boots of its database. */
export interface BootNumber {
  readonly number: number
  readonly tag: string
  readonly boots: Boots
}

const compareStamps = (a: Stamp, b: Stamp): number => a.boot - b.boot || a.count - b.count

/**
 * True if a sibling with this stamp was stored before `session`, which an owner says it has received. `boots` are the boots
 * of this database.
 */
export function isReceived(session: Session | undefined, stamp: Stamp | undefined, boots: Boots): boolean {
  if (session === undefined || stamp === undefined) return false
  return boots.get(session.boot) === session.tag && compareStamps(stamp, session) < 0
}

/** The vector with one more entry, placed last. Beyond `max` entries the first ones are dropped. */
export function withReceived(vector: ReceivedVector, node: NodeId, session: Session, max: number): ReceivedVector {
  const known = vector.get(node)
  if (known !== undefined && compareStamps(known, session) >= 0) return vector
  const entries = [...vector].filter(([other]) => other !== node)
  return new Map([...entries, [node, session] as const].slice(-max))
}
