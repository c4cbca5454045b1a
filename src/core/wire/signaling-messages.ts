/**
 * Signaling messages: join, introduce and leave, as JSON text between a tab and the signaling server (not in the
 * paper).
 *
 * The server learns a room's tag, the random names of peers, and the bodies it passes on by address. Bodies carry
 * WebRTC descriptions and candidates in clear text. It never sees a key, a value or a cluster's name.
 */
import { bounds } from '../bounds.ts'
import type { PeerId } from '../ids.ts'

/** A message from a tab to the server. */
export type ToSignaling =
  | { readonly type: 'join'; readonly room: string; readonly peer: PeerId }
  | { readonly type: 'send'; readonly to: PeerId; readonly body: string }
  | { readonly type: 'leave' }

/** The reasons for which a server turns a tab away. */
export const refusalCodes = ['room-full', 'rate-limited', 'malformed'] as const
export type RefusalCode = (typeof refusalCodes)[number]

/** Refusals after which a tab may try again later. */
export const passingRefusals: readonly RefusalCode[] = ['room-full', 'rate-limited']

/** A message from the server to a tab. */
export type FromSignaling =
  /** The tab is in the room. `peers` were there before it. */
  | { readonly type: 'joined'; readonly peers: readonly PeerId[] }
  | { readonly type: 'arrived'; readonly peer: PeerId }
  | { readonly type: 'gone'; readonly peer: PeerId }
  | { readonly type: 'message'; readonly from: PeerId; readonly body: string }
  | { readonly type: 'refused'; readonly code: RefusalCode }

const isPeer = (value: unknown): value is PeerId => typeof value === 'string' && /^[0-9a-f]{16}$/.test(value)
const isRoom = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{32}$/.test(value)

function parseObject(text: string): { readonly [name: string]: unknown } | null {
  if (text.length > bounds.signalingMessageCharsMax) return null
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as { [name: string]: unknown }) : null
  } catch {
    return null
  }
}

/** The message of a tab, or null if the text is malformed. */
export function decodeToSignaling(text: string): ToSignaling | null {
  const value = parseObject(text)
  if (value === null) return null
  const { type, room, peer, to, body } = value as {
    readonly [name in 'type' | 'room' | 'peer' | 'to' | 'body']?: unknown
  }
  if (type === 'join' && isRoom(room) && isPeer(peer)) return { type, room, peer }
  if (type === 'send' && isPeer(to) && typeof body === 'string') return { type, to, body }
  return type === 'leave' ? { type } : null
}

/** The message of the server, or null if the text is malformed. */
export function decodeFromSignaling(text: string): FromSignaling | null {
  const value = parseObject(text)
  if (value === null) return null
  const { type, peers, peer, from, body, code } = value as {
    readonly [name in 'type' | 'peers' | 'peer' | 'from' | 'body' | 'code']?: unknown
  }
  if (
    type === 'joined' &&
    Array.isArray(peers) &&
    peers.length <= bounds.signalingPeersPerRoomMax &&
    peers.every(isPeer)
  ) {
    return { type, peers }
  }
  if ((type === 'arrived' || type === 'gone') && isPeer(peer)) return { type, peer }
  if (type === 'message' && isPeer(from) && typeof body === 'string') return { type, from, body }
  const refusal = refusalCodes.find((known) => known === code)
  return type === 'refused' && refusal !== undefined ? { type, code: refusal } : null
}
