/**
 * What two transports tell each other through signaling, through the mesh or through a broadcast channel: a
 * description or a candidate, and which attempt it belongs to; that the other end should begin; that frames go
 * through the broadcast channel.
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

/** The body, or null if the text is none. What WebRTC makes of its contents is WebRTC's to check. */
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
