/**
 * Sessions: what a node has received of another, told without any clock (design: forgetting).
 *
 * A node numbers its sessions by boot and count, and stamps each row with the session in which a value last came to
 * it. An owner keeps a *received vector*: by node, a session before which all that the node had stored has been
 * joined into the owner's rows. Entries may be left out at any time; that costs events, never data.
 *
 * Boots are numbered by the database, so a copied or restored database may use a number again. Each boot therefore
 * has a tag of its own, and a node believes an entry about itself only where the tag is that of one of its own boots.
 */
import type { NodeId } from '../ids.ts'

/** When a row last got a value: the boot of its database, and the session of that boot. */
export interface Stamp {
  readonly boot: number
  readonly count: number
}

/** A session as others know it. `tag`: 8 hex digits, random for each boot. */
export interface Session extends Stamp {
  readonly tag: string
}

export type ReceivedVector = ReadonlyMap<NodeId, Session>

export const nothingReceived: ReceivedVector = new Map()

/** The boots of one database, by number, with their tags. */
export type Boots = ReadonlyMap<number, string>

/** What numbers a boot among those of its database, and the tags of those before it that are known. */
export interface BootNumber {
  readonly number: number
  readonly tag: string
  readonly boots: Boots
}

const compareStamps = (a: Stamp, b: Stamp): number => a.boot - b.boot || a.count - b.count

/**
 * Whether a row with this stamp is among all that this database had stored before a session which somebody says it
 * has received.
 */
export function isReceived(session: Session | undefined, stamp: Stamp | null, boots: Boots): boolean {
  if (session === undefined || stamp === null) return false
  return boots.get(session.boot) === session.tag && compareStamps(stamp, session) < 0
}

/** The vector with one more entry, the latest last. Beyond `max` entries the earliest go. */
export function withReceived(vector: ReceivedVector, node: NodeId, session: Session, max: number): ReceivedVector {
  const known = vector.get(node)
  if (known !== undefined && compareStamps(known, session) >= 0) return vector
  const entries = [...vector].filter(([other]) => other !== node)
  return new Map([...entries, [node, session] as const].slice(-max))
}
