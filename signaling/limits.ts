/**
 * Limits of the signaling server: for one visitor, and for all together.
 *
 * The server refuses a visitor that exceeds one, or cuts it off.
 */
export const limits = {
  /**
   * Messages of one visitor, in a second and at once: a tab that meets a full room sends some 6 to each of 63 peers.
   */
  messagesPerSecond: 100,
  messagesBurst: 600,
  /** Sockets in all, and from one address: one household or test machine may have many tabs. */
  socketsMax: 5000,
  socketsPerAddressMax: 256,
  /** The server closes a socket that has joined no room by then. */
  joinTimeoutMs: 5000,
  /** Interval of pings. The server closes a socket that was silent for a whole interval. */
  pingIntervalMs: 25_000,
  /** Bytes waiting for one slow reader. With more the server cuts it off. */
  bufferedBytesMax: 262_144,
} as const
