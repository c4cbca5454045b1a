/**
 * What the signaling server grants one visitor and all together.
 */
export const limits = {
  /**
   * Messages a second in the long run, and at once: a tab that meets a full room sends some 6 messages to each of 63
   * peers.
   */
  messagesPerSecond: 100,
  messagesBurst: 600,
  /** Sockets in all, and from one address: many tabs of one household or test machine. */
  socketsMax: 5000,
  socketsPerAddressMax: 256,
  /** A socket that has not joined a room by then is closed. */
  joinTimeoutMs: 5000,
  /** Sockets are asked for a sign of life; one silent for a whole round is closed. */
  pingIntervalMs: 25_000,
  /** Bytes that wait for one slow reader before he is given up. */
  bufferedBytesMax: 262_144,
} as const
