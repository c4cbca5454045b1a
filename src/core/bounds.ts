/**
 * Every limit, interval and size in one place, with its unit and its reason.
 *
 * Nothing in tabring grows, waits or retries without one of these. Those marked "cluster constant" are part of what nodes
 * compare when they meet: two builds that differ in one of them do not form a ring. Times end in `Ms`, sizes in `Bytes`.
 */
export const bounds = {
  /** Cluster constant. Raised whenever old and new nodes would misunderstand each other. */
  protocolVersion: 4,
  /** Cluster constant. Q equal partitions: a power of two, so that a partition is a prefix of the key's hash. */
  partitions: 1024,
  /** log2 of `partitions`. */
  partitionBits: 10,
  /** Cluster constant. Virtual nodes per unit of capacity: beyond 64 the balance hardly improves, the walk only gets longer. */
  tokensPerNode: 64,
  /** A node takes at most this many times its share of replicas (consistent hashing with bounded loads). */
  loadFactor: 1.1,
  /** A node's weight. Below a sixteenth it would own fewer than 4 tokens; above 64 the ring gets long to walk. */
  capacityMin: 0.0625,
  capacityMax: 64,

  /** UTF-8 bytes of a user's key. IndexedDB and the wire carry keys often: they are names, not data. */
  keyBytesMax: 1024,
  /** UTF-8 bytes of a collection's name. */
  collectionBytesMax: 128,
  /** Encoded bytes of one value: the Dynamo paper's "usually less than 1 MB" (section 2.1). */
  valueBytesMax: 1_048_576,
  /** How deep arrays and maps may nest in a value; deeper is refused before anything recurses into it. */
  valueDepthMax: 64,
  /** UTF-8 bytes of a device's name. */
  deviceBytesMax: 128,
  clusterBytesMax: 256,

  /** The greatest hybrid time a decoder accepts, so that later ones can still be told: 2^52, in the year 2109. */
  hybridTimeMax: 4_503_599_627_370_496,
  /** The greatest incarnation a decoder accepts: one a second for 30,000 years. */
  incarnationMax: 1_099_511_627_776,
  /** Keys one boot counts writes of under one actor; then it takes a new actor, so that memory stays bounded (about 20 MB). */
  actorKeysMax: 100_000,
  /**
   * Dots of one actor that a context holds beyond a gap, a byte or two each: with more of them the next write gets a
   * new actor, some 20.
   */
  dotsBeyondMax: 32,
  /** Members in one view: far more than a full mesh carries, small enough to gossip whole. */
  membersMax: 1024,
  /** How far ahead of our own wall clock a stranger's hybrid time may pull ours, ms: a wrong clock must not poison the order for ever. */
  hybridTimeAheadMs: 86_400_000,

  /** n at most: a key on more nodes than that is a broadcast. */
  nMax: 16,

  /** Bytes of one data channel frame: the size every engine and SCTP stack takes (256 KiB had to be reverted in js-libp2p). */
  frameBytesMax: 16_384,
  /** Siblings of one record, beyond which an owner resolves them. Riak warns at 25 and stops at 100. */
  siblingsMax: 64,
  /** An expired value is kept for so long, ms: a clock that is a day ahead takes it from nobody. One further ahead takes it from its own disk. */
  expiredKeptMs: 86_400_000,
  /** Late writes of which a boot remembers that it has told them. */
  lateToldMax: 10_000,
  /** Nodes of which an owner keeps, by partition, what it has received: owners of some views; an entry more is some 30 bytes. */
  receivedNodesMax: 16,
  /** Boots of a database whose tags it keeps, 9 bytes each. An entry about an older boot is not believed: its values are told as late. */
  bootsKnownMax: 256,
  /** Keys that an owner resolves at once. */
  crowdedAtOnce: 4,
  /** When one that could not be resolved is tried again, ms, at the next write after that. */
  reliefRetryMs: 10_000,
  /** Bytes of one reassembled message: a record of `siblingsMax` siblings of the largest size, and some more. */
  messageBytesMax: 83_886_080,
  /** Bytes and count of messages of one peer that are only partly here. */
  partialBytesMax: 100_663_296,
  partialsMax: 64,
  /** Bytes and messages that wait for one channel before a request is refused as overloaded: a message of the largest size, and some more. */
  sendQueueBytesMax: 100_663_296,
  sendQueueMessagesMax: 4096,

  /** A channel that has not opened by then is given up: simple-peer itself would wait for ever. */
  connectTimeoutMs: 15_000,
  /** Candidates of one peer that came before their offer. */
  earlySignalsMax: 32,
  /** An offer that nobody has answered is made again each time so much has passed: it may have been lost, or the other tab has much to do. */
  offerAgainMs: 5_000,
  /** A description waits so long for addresses of this end, or until it has them all. */
  gatherMs: 50,
  /** An attempt that has gathered no address of this browser by then never will: it has no network route. */
  gatherTimeoutMs: 5_000,
  /** Nothing but a hello is accepted before the handshake is done, and it has this long. */
  handshakeTimeoutMs: 5_000,
  /** Pause before a lost or failed peer is tried again: doubled from the first to the last, with jitter. Chromium counts a
   *  dead connection for some 30 s against its 500, so the pace matters more than the speed. */
  reconnectFirstMs: 1_000,
  reconnectLastMs: 30_000,
  /** The same for the signaling socket. */
  signalingRetryFirstMs: 500,
  signalingRetryLastMs: 30_000,
  /** A socket that has not opened by then counts as failed. */
  signalingOpenTimeoutMs: 5_000,
  /** Links one tab keeps at most: Chromium allows 500 connections in a process and closed ones linger. So many members form a full mesh. */
  linksMax: 48,
  /** Links of these that are left to newcomers: whoever has more parts with the idlest. */
  linksSpare: 2,
  /** Bytes a node passes on for others at a time; more are refused, since its own come first. */
  relayBytesMax: 8_388_608,
  /** Members asked to pass one request on, one after the other. */
  relaysTried: 3,
  /** A node that could not be reached through others is tried again after that. */
  relayRetryMs: 5_000,
  /** The other end of a channel that is given up has so long to close it, ms: many round trips. */
  partingMs: 2_000,
  /** Messages through others in so many ms that make a channel of its own worth opening. */
  relayedToLink: 8,
  relayedToLinkMs: 10_000,
  /** Tabs of one browser have answered each other by then. */
  tabsAnswerMs: 200,
  /** Frames that one tab has posted to another and that are not confirmed: half a megabyte. */
  framesUnderWayMax: 32,
  /** Two tabs that talk through a broadcast channel try WebRTC again so often. */
  localRetryMs: 10_000,
  /** Attempts without an answer after which a tab is taken to be gone from its browser's room. */
  goneAfterFailures: 2,
  /** Whoever waits for the other end to begin asks it to after that. */
  inviteMs: 1_000,
  /** How often a node looks whether its channels are those it should have. */
  linkReviewMs: 5_000,
  /** Members that stay with the signaling servers for newcomers; one of the others looks in about so often, and stays so long. */
  listeners: 3,
  serverVisitMs: 30_000,
  serverStayMs: 10_000,
  /** A tab leaves the servers only when it has been in the mesh for a while: those who open together meet there. */
  serverLeaveMs: 5_000,
  /** Peers that a newcomer is introduced to by a server; they introduce it to the others. */
  firstContacts: 4,
  /** Peers one tab knows of at a time, linked or about to be. */
  peersMax: 128,

  /** A request unanswered for so long makes its peer unreachable for new ones until it is heard again. */
  requestTimeoutMs: 2_000,
  /**
   * How long a coordinator waits for a node before it asks another one besides, ms. Least: a page with some work to do
   * is no slow one. Most: then nobody would be asked anything new of it either (`requestTimeoutMs`).
   */
  patienceMsMin: 250,
  patienceMsMax: 2_000,
  /** Answer times kept of each node, so that the slowest hundredth is one of them; and nodes they are kept of. */
  answerTimesKept: 100,
  answerTimesNodesMax: 256,
  /**
   * The last part of a put's time: in it the coordinator stores what no other node has taken. A second of five, for
   * slow disks.
   */
  keepShare: 0.2,
  /** What a user's request may take unless he says otherwise. */
  operationTimeoutMs: 5_000,
  operationTimeoutMsMax: 600_000,
  /** How long a request of a new tab waits for the first meeting with the ring. */
  firstJoinTimeoutMs: 2_000,
  /** Losses kept for the first who listens. */
  untoldEventsMax: 100,
  /** Requests under way at one node at once; more are refused as overloaded. */
  requestsMax: 4096,
  operationsMax: 1024,

  /** The newest messages this build understands; each member carries its own, and is sent no newer ones. */
  speaks: 1,
  speaksMax: 65_535,
  /**
   * SWIM with Lifeguard (Das, Gupta, Motivala 2002; Dadgar, Phillips, Currey 2018), for tabs across the internet: one neighbour
   * is probed every interval, so each member is probed about as often, however many there are. Twice memberlist's figures for
   * one data center, because a hidden tab's timers fire once a second. `presets` has those for tabs on one machine.
   */
  probeIntervalMs: 2_000,
  probeTimeoutMs: 1_000,
  /** Members asked to probe for us before we suspect (memberlist: 3). */
  indirectProbes: 3,
  /**
   * A suspect has `suspicionFactor x max(1, log10 members) x probeIntervalMs` to refute once `suspicionFactor - 2` others suspect
   * it too, and `suspicionMaxFactor` times that while nobody else does (Lifeguard, section 4.2).
   */
  suspicionFactor: 5,
  suspicionMaxFactor: 6,
  /** Local health runs from 0 to one less than this; intervals and timeouts are multiplied by one more than it (Lifeguard, 4.1). */
  healthLevels: 8,
  /** A timer that fires later than this judges nobody the first time: what is queued is heard first. */
  lateTimerMs: 250,
  /** The second time it may be as late as a hidden tab's timers are at worst; later, the tab stood still again. */
  lateAgainMs: 1_500,
  /** Pause in which queued messages are heard: more than one turn of the event loop. */
  drainMs: 50,
  /** Each piece of news is passed on `newsFactor x ceil(log10(members + 1))` times by each who learns it (SWIM, section 4.1). */
  newsFactor: 4,
  /** Pieces of news in one message: about 1,200 bytes. */
  newsPerMessageMax: 16,
  /** What goes with it: a word about the receiver, one about a suspect, two that put old beliefs right. */
  remindersMax: 4,
  /** News goes to so many others, so often, whether a probe is due or not. Nothing is sent where there is no news. */
  gossipIntervalMs: 500,
  gossipFanOut: 3,
  /** A whole member list is exchanged with a random peer so often; above 32 members as many times less as keeps the bytes flat. */
  pushPullIntervalMs: 30_000,
  /** Members that hear at once that a tab goes to sleep: it has time for a frame each. */
  farewells: 5,
  /** How long a member may be away or dead before it is out of placement, unless the application says otherwise; and at least. */
  graceMs: 600_000,
  graceMsMin: 1_000,
  graceMsMax: 604_800_000,
  /** A member is a guest until it has stayed for so many graces, and so long at least. */
  guestStayGraces: 2,
  guestStayMs: 1_200_000,
  /** A guest has this part of the grace, and so long at most: a tab that is put aside for a minute keeps its place. */
  guestGraceShare: 0.2,
  guestGraceMsMax: 75_000,
  /** A tab that is reloaded is back after so long: with a slow network and much to open. */
  reloadMs: 10_000,
  /** For whom a ring waits before it forgets deletes, unless the application says otherwise, ms: a month. A second at least, a year at most. */
  retentionMs: 2_592_000_000,
  retentionMsMin: 1_000,
  retentionMsMax: 31_536_000_000,
  /** A node looks so often in one retention how much may be forgotten, and at least once an hour. */
  forgettingSteps: 32,
  forgettingStepMsMax: 3_600_000,
  /** What was received of others is saved so long after, ms, once for many: what is not saved costs events. */
  progressSavedMs: 5_000,
  /** Members that are out or have left are remembered so long, so that old lists do not bring them back; fewer of them where there are many. */
  formerMemberMs: 2_592_000_000,
  /** Another boot that claims to be this node is alive when it has answered refutations so often, for so long, ms: old news is over by then. */
  namesakeAnswers: 3,
  namesakeMs: 10_000,
  /** One that was silent for so long begins anew: whoever lives answers within seconds, ms. */
  namesakePauseMs: 30_000,
  /** Boots that this is counted of. */
  namesakesMax: 16,
  /** A tab whose clocks show that it stood still for longer has been asleep: others have written around it. A page that is only busy is not. */
  asleepMs: 10_000,
  /** How often a tab looks at its clocks. */
  sleepCheckMs: 1_000,
  /** Changes of the member list within so long are stored at once. */
  rememberMs: 1_000,
  /** A suspect that was heard from so recently is still asked: somebody else's line to it is bad. */
  freshMs: 2_000,
  /** Fallbacks a get consults beyond the n owners. A put goes on down the whole list. */
  readFallbacksPerOwner: 2,

  /** Exchange with the next peer in a quiet ring, and the pause that gathers a burst of membership changes into one exchange. */
  exchangeIntervalMs: 30_000,
  exchangeSettleMs: 50,
  /** So long after a change of the member view nodes that place keys otherwise are likely to agree soon, and what they exchange is not worth it: it is tried again each `viewRetryMs`. */
  viewSettleMs: 5_000,
  viewRetryMs: 500,
  /** A member that comes back from elsewhere is waited for so long although there is no way to it yet, ms: introductions take seconds. */
  newcomerWaitMs: 10_000,
  /** An exchange that has not ended well is taken to go on for so long. */
  exchangeUnderWayMs: 30_000,
  /** Records and bytes of one batch of a handoff or exchange. */
  batchRecordsMax: 128,
  batchBytesMax: 524_288,
  /** Records of a batch while there are gets or puts, and for so long after the last one: what stands before them in the store. As few as go to the log (`logRowsMin`), where they take a quarter of the time. */
  busyBatchRecords: 32,
  busyForMs: 1_000,
  /** Records that are read together where nobody knows yet how large they are. */
  unseenBatchRecords: 16,
  /** What is moved waits so long at most for a moment without one. */
  quietTimeoutMs: 100,
  /** What part of the time the store may be at work on what is moved while there are gets or puts. */
  busyShare: 0.1,
  /** A rest is not longer, and one that came too late is caught up on so far, ms; hidden tabs have one timer a second. */
  restMsMax: 500,
  restAheadMs: 50,
  /** Batches of one exchange under way at once: one on the wire, one at the disk, one to spare. */
  batchesAtOnce: 3,
  /** Work that is done in pieces rests after so long, for one task of the host: then none is felt, also if it begins with the last piece. */
  taskMs: 10,
  /** Partitions of others that are dropped in one transaction: at 100,000 keys that is some 800 records. */
  droppedAtOnce: 8,
  /** How large records are is expected from the last ones: so many weigh as much as all before them. */
  sizesRemembered: 4,
  /** Items that one answer of a reconciliation lists at most: what a page can take in without a pause that is felt. */
  reconcileItemsMax: 8_192,
  /** How long the answering side of a reconciliation keeps its snapshot for the next question. */
  reconcileIdleMs: 30_000,
  /** Pause between two partitions that are scrubbed: all 1024 in a day. */
  scrubIntervalMs: 84_000,
  /**
   * Storing tries: how often it is looked whether that is due, and how many commits make it so. They are read when a node opens:
   * some 20 ms.
   */
  checkpointIntervalMs: 10_000,
  checkpointCommitsMin: 2_000,
  /** Tries stored, and commits cleared from the journal, in one transaction. */
  checkpointRows: 64,
  /** Commits remembered by key, beyond which those that nothing can overtake any more are forgotten. */
  commitOrdersMax: 10_000,
  /** Hints: keys kept for one node and bytes in all, and what part of the browser's quota they may take (Scylla: a tenth of the disk). */
  hintKeysPerTarget: 100_000,
  hintBytes: 268_435_456,
  hintQuotaShare: 0.1,
  /** How often a node looks how much room its disk has, and claims less capacity where it has none. */
  roomIntervalMs: 60_000,
  /** A node that was full claims twice as much after so long, and again, if so much of its quota would stay free by that. */
  fullForMs: 600_000,
  roomShare: 0.2,
  /** Where nobody knows how much room there is, it waits twice as long each time it was full again, up to so long. */
  fullForMsMax: 86_400_000,
  /** A hint whose values take more travels in parts of so many bytes: each passes a relay, and arrives in the time of a request on a slow line. */
  hintPartBytes: 4_194_304,
  /** A look at a full disk writes so many bytes, and takes them away again: a few records of the usual size. */
  roomProbeBytes: 32_768,
  /**
   * A store that failed so often on end has failed for the ring after so long, ms, and is given up after so long: by then its connection
   * was opened again several times, and whatever hung has run out of time.
   */
  storageFailuresMin: 3,
  storageFailedMs: 10_000,
  storageGivenUpMs: 60_000,
  /** What failed with a peer is tried again after so long, ms; the pause doubles with each failure, up to the last. */
  retryFirstMs: 2_000,
  retryLastMs: 120_000,
  /** Batches on end that a peer may refuse before it is spared the others: its store takes nothing in. */
  refusalsMax: 3,
  /** How often a node looks whether there are hints that nothing announced the owner of. */
  handoffIntervalMs: 10_000,

  /** Slots of one device in one cluster: each open tab takes one. */
  slotsMax: 64,
  /** A slot that has no tab for about so long is handed over by another tab of the device. */
  adoptAfterMs: 60_000,
  /**
   * One that cannot be handed over is tried again after that, ms, then twice as long each time, up to an hour: members
   * come and go.
   */
  adoptRetryMsMax: 3_600_000,
  /** A reloaded tab waits so long for the lock its former self still holds. */
  slotReloadWaitMs: 2_000,
  /** A storage promise that hangs longer has failed (WebKit is known for promises that never settle). */
  storageTimeoutMs: 10_000,
  /** About so many bytes are written by one transaction: more would be hashed and encoded without a pause. */
  commitBytes: 2_097_152,
  /** And about so many rows. */
  commitRows: 256,
  /** In the middle of it the page has its turn after so many rows: deciding on 256, or putting them in their places, takes some 60 ms on a machine that has much else to do. */
  commitTaskRows: 64,
  /** Fewer rows than these, or larger ones, go to their places at once; more go to the log, which takes so many bytes at most. */
  logRowsMin: 32,
  logRowBytes: 1_024,
  logBytesMax: 8_388_608,
  logEntriesMax: 1_024,
  /** Of one entry: Chromium keeps what takes more than 64 KiB in files, Firefox more than a MiB. */
  logEntryBytes: 32_768,
  /** A row that takes more may be in such a file: with what belongs to it, 64 KiB. */
  rowFileBytes: 61_440,
  /**
   * When little was logged or read for so long, entries are settled, so many rows in a transaction, for which a get or put may have to
   * wait, some 6 ms; so many transactions one after the other; and so much of the time is spent on it.
   */
  logSettleMs: 1_000,
  logSettleRows: 32,
  logSettlePieces: 4,
  logSettleShare: 0.1,
  /** Entries of the log that are read together. */
  logEntriesRead: 32,
  /** Times a lost database connection is opened again for one transaction. */
  storageReopensMax: 3,

  /** Characters of one signaling message: an SDP with candidates is 2 to 6 KiB. */
  signalingMessageCharsMax: 16_384,
  signalingPeersPerRoomMax: 64,
} as const
