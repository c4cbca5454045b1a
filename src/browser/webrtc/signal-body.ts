/**
 * Signal bodies: the messages by which two transports prepare a channel (not in the paper).
 *
 * They travel through signaling servers, the mesh or a broadcast channel. A body has a description or a candidate, with
 * its attempt. Or it asks the other end to begin (`invite`), or announces frames through the broadcast channel
 * (`local`).
 */
export interface SignalBody {
  readonly attempt: string
  readonly signal: Signal
}

export interface Signal {
  readonly type: (typeof signalTypes)[number]
}

const signalTypes = ['offer', 'answer', 'candidate', 'invite', 'local'] as const

export function encodeSignal(attempt: string, signal: object): string {
  return JSON.stringify({ attempt, signal })
}

/** The body, or null if the text is none. WebRTC itself checks the contents of a description or candidate. */
export function decodeSignal(text: string): SignalBody | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return null
    const { attempt, signal } = value as { readonly attempt?: unknown; readonly signal?: unknown }
    if (typeof attempt !== 'string' || attempt.length > 64 || typeof signal !== 'object' || signal === null) return null
    const type = signalTypes.find((known) => 'type' in signal && signal.type === known)
    return type === undefined ? null : { attempt, signal: { ...signal, type } }
  } catch {
    return null
  }
}
