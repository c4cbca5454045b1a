/**
 * Types of simple-peer, as far as they are used (not in the paper).
 *
 * Its published types would need those of Node. The module is the bundle that simple-peer publishes for browsers.
 */
declare module 'simple-peer/simplepeer.min.js' {
  export default class SimplePeer {
    constructor(options: {
      readonly initiator: boolean
      readonly trickle: boolean
      readonly config: RTCConfiguration
      readonly wrtc: {
        readonly RTCPeerConnection: typeof RTCPeerConnection
        readonly RTCSessionDescription: typeof RTCSessionDescription
        readonly RTCIceCandidate: typeof RTCIceCandidate
      }
    })
    readonly destroyed: boolean
    on(event: 'connect' | 'close', listener: () => void): void
    on(event: 'error', listener: (error: Error) => void): void
    on(event: 'signal', listener: (signal: object) => void): void
    on(event: 'data', listener: (data: Uint8Array) => void): void
    signal(signal: object): void
    /**
     * Calls back once the channel has buffered less than 64 KiB. False or an error means that the frame will not be
     * sent.
     */
    write(frame: Uint8Array, done: (error?: Error | null) => void): boolean
    destroy(): void
  }
}
