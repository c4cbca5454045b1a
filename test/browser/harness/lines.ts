/**
 * The WebRTC of a test page that a test has taken in hand: a tab that is known by one certificate, and others that will
 * have nothing to do with whoever has that one.
 */

/** Connections of this page whose other end is known. */
const connections = new Set<RTCPeerConnection>()
const refused = new Set<string>()

type Describe = (this: RTCPeerConnection, description: RTCSessionDescriptionInit) => Promise<void>

const isRefused = (description: { readonly sdp?: string } | null): boolean =>
  [...refused].some((fingerprint) => description?.sdp?.includes(fingerprint) === true)

/** From now on all connections of this page have one certificate. Returns its fingerprint. */
export async function withOneCertificate(): Promise<string> {
  const Real = RTCPeerConnection
  const certificate = await Real.generateCertificate({ name: 'ECDSA', namedCurve: 'P-256' } as EcKeyGenParams)
  window.RTCPeerConnection = class extends Real {
    constructor(configuration?: RTCConfiguration) {
      super({ ...configuration, certificates: [certificate] })
    }
  }
  const probe = new RTCPeerConnection()
  probe.createDataChannel('probe')
  const { sdp } = await probe.createOffer()
  probe.close()
  return /a=fingerprint:\S+ (\S+)/.exec(sdp ?? '')?.[1] ?? ''
}

/** From now on this page knows its connections, and begins none with whoever is refused. */
export function watchConnections(): void {
  const { prototype } = RTCPeerConnection
  const real: Describe = prototype.setRemoteDescription
  const watched: Describe = async function (this: RTCPeerConnection, description) {
    if (isRefused(description)) throw new Error('refused by the test')
    connections.add(this)
    this.addEventListener('connectionstatechange', () => this.connectionState === 'closed' && connections.delete(this))
    await real.call(this, description)
  }
  prototype.setRemoteDescription = watched
}

/** Ends what there is with tabs of these fingerprints, and begins nothing again with any of them. */
export function cutOff(fingerprints: readonly string[]): void {
  for (const fingerprint of fingerprints) refused.add(fingerprint)
  for (const connection of connections) if (isRefused(connection.remoteDescription)) connection.close()
}
