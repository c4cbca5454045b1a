/**
 * Every limit, interval and size in one place, with its unit and its reason.
 *
 * Every queue, wait and retry of tabring is bounded here. A *cluster constant* is among the values that two nodes
 * compare when they meet. Two builds that differ in one of them do not form a ring. Times end in `Ms`, sizes in
 * `Bytes`.
 */
export const bounds = {
  /** Cluster constant. Raised with every change that old and new nodes would understand differently. */
  protocolVersion: 6,
  /** Cluster constant. Q equal partitions: a power of two, so that a partition is a prefix of the key's hash. */
  partitions: 1024,
  /** log2 of `partitions`. */
  partitionBits: 10,
  /** Cluster constant. Virtual nodes per unit of capacity. Above 64 the walk grows, and the balance hardly improves. */
  tokensPerNode: 64,
  /** A node takes at most this many times its share of replicas (consistent hashing with bounded loads). */
  loadFactor: 1.1,
  /** A node's weight. Below 1/16 it would own fewer than 4 tokens; above 64 the ring gets long to walk. */
  capacityMin: 0.0625,
  capacityMax: 64,

  /** UTF-8 bytes of an application's key. IndexedDB and the wire carry keys often: they are names, not data. */
  keyBytesMax: 1024,
  /** UTF-8 bytes of a collection's name. */
  collectionBytesMax: 128,
  /** UTF-8 bytes of a group's name: it may be an address. */
  groupBytesMax: 256,
  /** Encoded bytes of one value: the Dynamo paper's "usually less than 1 MB" (section 2.1). */
  valueBytesMax: 1_048_576,
  /** Levels of arrays and maps in a value. The node refuses a deeper value before any code recurses into it. */
  valueDepthMax: 64,
  /** UTF-8 bytes of a device's name. */
  deviceBytesMax: 128,
  clusterBytesMax: 256,

  /** The greatest hybrid time a decoder accepts: 2^52, in the year 2109. Later times must still fit a number. */
  hybridTimeMax: 4_503_599_627_370_496,
  /** The greatest incarnation a decoder accepts: one a second for 30,000 years. */
  incarnationMax: 1_099_511_627_776,
  /** Keys whose writes one boot counts under one actor. Then it takes a new actor: memory stays below about 20 MB. */
  actorKeysMax: 100_000,
  /** Dots of one actor beyond a gap in a context. With more, the next write gets a new actor, of some 20 bytes. */
  dotsBeyondMax: 32,
  /** Members in one view: far more than a full mesh carries, and few enough to gossip whole. */
  membersMax: 1024,
  /** A peer's hybrid time may pull ours this far ahead of our wall clock: one wrong clock must not spoil the order. */
  hybridTimeAheadMs: 86_400_000,

  /** The largest n: a key on more nodes than that is a broadcast. */
  nMax: 16,

  /** One data channel frame: every engine and SCTP stack takes it (js-libp2p had to revert 256 KiB). */
  frameBytesMax: 16_384,
  /** Siblings of one record, beyond which an owner resolves them. Riak warns at 25 and stops at 100. */
  siblingsMax: 64,
  /**
   * A node keeps an expired value this long: a clock one day ahead deletes no live value. A clock further ahead gives
   * up the value on its own disk only.
   */
  expiredKeptMs: 86_400_000,
  /** A node tells a follower of changes for so long after it was asked to. Some renewals may be lost. */
  followMs: 30_000,
  followRenewMs: 8_000,
  /**
   * Share of the retention after which a view takes a value for one whose overwriting owners may have forgotten. They
   * keep its name for one retention by their own clocks, which may be ahead.
   */
  followForgottenShare: 0.5,
  /** Views that are opened together are asked for together. */
  followAskMs: 20,
  /** Browsers fire a timer of more than 2^31 ms at once. */
  timerMsMax: 2_000_000_000,
  /** Views read at once after owners have moved: each read is a get. */
  viewsReadAtOnce: 32,
  /** A follower takes what it is told in this time, or is told again after a pause. */
  followTimeoutMs: 5_000,
  followRetryMs: 1_000,
  /** The name of a presence, UTF-8. */
  topicBytesMax: 256,
  /** An ephemeral message: a cursor, a selection, a name. It goes to every member. */
  ephemeralBytesMax: 4_096,
  /** Rows that a scan reads together, to learn their names. */
  listingRows: 256,
  /** Partitions whose names a node keeps in memory. One with 10,000 keys takes about 1 MB. */
  listingsMax: 16,
  /** Late writes that one boot remembers having told. */
  lateToldMax: 10_000,
  /** Nodes in the received vector of a partition, some 30 bytes each: the owners of a few views. */
  receivedNodesMax: 16,
  /**
   * Boots of a database whose tags it keeps, 9 bytes each. An entry about an older boot counts as unknown, so the
   * values it would cover are told as late.
   */
  bootsKnownMax: 256,
  /** Crowded keys that one owner resolves at a time. */
  crowdedAtOnce: 4,
  /** A key that could not be resolved is tried again at the first write after this pause. */
  reliefRetryMs: 10_000,
  /** One reassembled message: a record of `siblingsMax` siblings of the largest size, and some more. */
  messageBytesMax: 83_886_080,
  /** Bytes and number of the messages of one peer of which only some frames are here. */
  partialBytesMax: 100_663_296,
  partialsMax: 64,
  /** Bytes and messages waiting for one channel; beyond them a request is overloaded. One largest message fits. */
  sendQueueBytesMax: 100_663_296,
  sendQueueMessagesMax: 4096,

  /** A channel that has not opened by then is given up: simple-peer itself would wait for ever. */
  connectTimeoutMs: 15_000,
  /** Candidates of one peer that arrived before their offer. */
  earlySignalsMax: 32,
  /** An unanswered offer is made again at this interval: the offer may be lost, or the other tab busy. */
  offerAgainMs: 5_000,
  /** A description waits this long for addresses of this end, or until it has them all. */
  gatherMs: 50,
  /** An attempt without an address of this browser by then has no network route, and will get none. */
  gatherTimeoutMs: 5_000,
  /** Time for the handshake. A node accepts nothing but a hello before it is done. */
  handshakeTimeoutMs: 5_000,
  /**
   * Pauses before a lost or failed peer is tried again: doubled from first to last, with jitter. A slow pace matters:
   * Chromium counts a dead connection for some 30 s against its 500.
   */
  reconnectFirstMs: 1_000,
  reconnectLastMs: 30_000,
  /** The same for the signaling socket. */
  signalingRetryFirstMs: 500,
  signalingRetryLastMs: 30_000,
  /** A socket that has not opened by then counts as failed. */
  signalingOpenTimeoutMs: 5_000,
  /** Links of one tab; rings up to it are full meshes. Chromium allows 500 connections, and closed ones linger. */
  linksMax: 48,
  /** Links kept free for newcomers. A node with fewer free ones parts with its idlest peers. */
  linksSpare: 2,
  /** Bytes a node relays for others at a time. It refuses more, since its own traffic comes first. */
  relayBytesMax: 8_388_608,
  /** Members that are asked in turn to relay one request. */
  relaysTried: 3,
  /** A node that no relay could reach is tried again after this pause. */
  relayRetryMs: 5_000,
  /** The other end of a channel that is given up has this long to close it: many round trips. */
  partingMs: 2_000,
  /** So many relayed messages within this time make a channel of their own worth opening. */
  relayedToLink: 8,
  relayedToLinkMs: 10_000,
  /** A channel that was given up is not opened again for traffic in this time: opening one takes a hundred messages. */
  linkRestMs: 60_000,
  /** Tabs of one browser have answered each other by then. */
  tabsAnswerMs: 200,
  /** Frames that one tab has posted to another and that are not confirmed: half a megabyte. */
  framesUnderWayMax: 32,
  /** Pause before two tabs that talk through a broadcast channel try WebRTC again. */
  localRetryMs: 10_000,
  /** Attempts that time out before a tab counts as gone from its browser's room. */
  goneAfterFailures: 2,
  /** A tab that waits for the other end to begin sends an invitation after this pause. */
  inviteMs: 1_000,
  /** Interval at which a node compares its channels with those it should have. */
  linkReviewMs: 5_000,
  /** Members that stay at the servers for newcomers. About one of the others visits each `serverVisitMs`. */
  listeners: 3,
  serverVisitMs: 30_000,
  serverStayMs: 10_000,
  /** A tab leaves the servers only after this time in the mesh: tabs that open together meet there. */
  serverLeaveMs: 5_000,
  /** Peers a server introduces a newcomer to. Those introduce it to the others. */
  firstContacts: 4,
  /** Peers one tab knows of at a time, linked or about to be. */
  peersMax: 128,

  /** A request unanswered for this long makes its peer unreachable for new ones until it is heard again. */
  requestTimeoutMs: 2_000,
  /**
   * A coordinator's wait for one node before it asks another as well. At least: a busy page is not a slow node. At
   * most: then the peer gets no new request either (`requestTimeoutMs`).
   */
  patienceMsMin: 250,
  patienceMsMax: 2_000,
  /** Answer times kept of each node, enough for a slowest hundredth; and the nodes they are kept of. */
  answerTimesKept: 100,
  answerTimesNodesMax: 256,
  /** Last part of a put's time, for the coordinator to store what no other node took: 1 s of 5, for slow disks. */
  keepShare: 0.2,
  /** Time for an application's request: the default and the most. */
  operationTimeoutMs: 5_000,
  operationTimeoutMsMax: 600_000,
  /** Time that a new tab's requests wait for the first meeting with the ring. */
  firstJoinTimeoutMs: 2_000,
  /** Events kept for the first listener: losses, late values, the last state of each signaling server. */
  untoldEventsMax: 100,
  /** Requests under way at one node, of its peers and of its application; more are refused. */
  requestsMax: 4096,
  operationsMax: 1024,

  /** The newest messages this build understands. A member tells its own number and is sent no newer messages. */
  speaks: 1,
  speaksMax: 65_535,
  /**
   * SWIM with Lifeguard (Das, Gupta, Motivala 2002; Dadgar, Phillips, Currey 2018), for tabs across the internet. A
   * node probes one neighbour each interval, so each member is probed about that often in any ring. Twice memberlist's
   * figures for one data center: a hidden tab's timers fire once a second. `presets` has those for tabs on one machine.
   */
  probeIntervalMs: 2_000,
  probeTimeoutMs: 1_000,
  /** Members asked to probe for us before we suspect (memberlist: 3). */
  indirectProbes: 3,
  /**
   * A suspect has `suspicionFactor x max(1, log10 members) x probeIntervalMs` to refute, once `suspicionFactor - 2`
   * others suspect it too. With no such others it has `suspicionMaxFactor` times that (Lifeguard, section 4.2).
   */
  suspicionFactor: 5,
  suspicionMaxFactor: 6,
  /** Levels of local health, from 0. Intervals and timeouts are multiplied by level + 1 (Lifeguard, 4.1). */
  healthLevels: 8,
  /** A timer that fires later than this judges no member the first time: the node first hears queued messages. */
  lateTimerMs: 250,
  /** Lateness allowed the second time: the worst of a hidden tab. If later, the tab stood still again. */
  lateAgainMs: 1_500,
  /** Pause in which queued messages are heard: more than one turn of the event loop. */
  drainMs: 50,
  /** A member passes each piece of news on `newsFactor x ceil(log10(members + 1))` times (SWIM, section 4.1). */
  newsFactor: 4,
  /** Pieces of news in one message: about 1,200 bytes. */
  newsPerMessageMax: 16,
  /** Reminders beside the news: one about the receiver, one about a suspect, two that correct old beliefs. */
  remindersMax: 4,
  /** Interval of news rounds, and receivers of one. A round does not wait for a probe. Without news none is sent. */
  gossipIntervalMs: 500,
  gossipFanOut: 3,
  /** Interval of push-pull with a random peer. Above 32 members it grows, so that the bytes stay flat. */
  pushPullIntervalMs: 30_000,
  /** Members that are told at once that a tab goes to sleep: it has time for a frame each. */
  farewells: 5,
  /** Time a member may be away or dead before placement goes on without it: default, least and most. */
  graceMs: 600_000,
  graceMsMin: 1_000,
  graceMsMax: 604_800_000,
  /** A member is a guest until it has stayed for so many graces, and for this long at least. */
  guestStayGraces: 2,
  guestStayMs: 1_200_000,
  /** A guest has this part of the grace, up to `guestGraceMsMax`: a tab put aside for a minute keeps its place. */
  guestGraceShare: 0.2,
  guestGraceMsMax: 75_000,
  /** A reloaded tab is back by then, with a slow network and much to open. */
  reloadMs: 10_000,
  /** Time a ring waits for absent nodes before it forgets deletes: default, least and most. */
  retentionMs: 2_592_000_000,
  retentionMsMin: 1_000,
  retentionMsMax: 31_536_000_000,
  /** A node reviews the horizon this often in one retention, and at least once an hour. */
  forgettingSteps: 32,
  forgettingStepMsMax: 3_600_000,
  /** Received vectors are saved this long after a change, many changes at once. An unsaved one costs events. */
  progressSavedMs: 5_000,
  /** Time that members out or left are remembered: old lists must not bring them back. Large views forget sooner. */
  formerMemberMs: 2_592_000_000,
  /** Another boot of this node is alive after so many answers to refutations, over this time. Old news ends sooner. */
  namesakeAnswers: 3,
  namesakeMs: 10_000,
  /** A boot that was silent for this long is counted anew: a live one answers within seconds. */
  namesakePauseMs: 30_000,
  /** Boots whose answers are counted. */
  namesakesMax: 16,
  /**
   * A tab that stood still for longer, by its clocks, has slept: others wrote meanwhile. A busy page stays below it.
   */
  asleepMs: 10_000,
  /** Interval at which a tab compares its clocks. */
  sleepCheckMs: 1_000,
  /** Changes of the member list are stored together after this pause. */
  rememberMs: 1_000,
  /** A suspect heard from this recently is still asked: the accuser may have the bad line. */
  freshMs: 2_000,
  /** Fallbacks that a get consults beyond the n owners. A put goes on down the whole list. */
  readFallbacksPerOwner: 2,

  /** Exchange with the next peer in a quiet ring; and the pause that gathers membership changes into one. */
  exchangeIntervalMs: 30_000,
  exchangeSettleMs: 50,
  /**
   * After a change of the member view, nodes that place keys differently will soon agree. For `viewSettleMs` an
   * exchange with such a peer is put off by `viewRetryMs` each time.
   */
  viewSettleMs: 5_000,
  viewRetryMs: 500,
  /** Wait for a returning member that has no channel yet: introductions take seconds. */
  newcomerWaitMs: 10_000,
  /** Records and bytes of one batch of a handoff or exchange. */
  batchRecordsMax: 128,
  batchBytesMax: 524_288,
  /**
   * Records of a batch during gets and puts, and for `busyForMs` after the last: the store serves a batch before them.
   * As few as go to the log (`logRowsMin`), where they take a quarter of the time.
   */
  busyBatchRecords: 32,
  busyForMs: 1_000,
  /** Records that are read together while their sizes are unknown. */
  unseenBatchRecords: 16,
  /** A transfer waits at most this long for a moment without gets or puts. */
  quietTimeoutMs: 100,
  /** Part of the time the store may spend on transfers during gets and puts. */
  busyShare: 0.1,
  /** The longest rest between transfers, and the credit of a late one: hidden tabs have one timer a second. */
  restMsMax: 500,
  restAheadMs: 50,
  /** Batches of one exchange under way at once: one on the wire, one at the disk, one to spare. */
  batchesAtOnce: 3,
  /** Sliced work rests after this long in one task of the host. The page feels none, even if a last slice overruns. */
  taskMs: 10,
  /** Partitions of others dropped in one transaction: some 800 records, at 100,000 keys. */
  droppedAtOnce: 8,
  /** Records whose sizes weigh as much, in the expected size, as all before them. */
  sizesRemembered: 4,
  /** Items in one answer of a reconciliation: a page can take them in without a pause that is felt. */
  reconcileItemsMax: 8_192,
  /** Time the answering side of a reconciliation keeps its snapshot for the next question. */
  reconcileIdleMs: 30_000,
  /** Pause between two partitions that are scrubbed: all 1024 in a day. */
  scrubIntervalMs: 84_000,
  /** Checkpoints of tries: the interval of looks, and the commits that make one due, read at start in some 20 ms. */
  checkpointIntervalMs: 10_000,
  checkpointCommitsMin: 2_000,
  /** Tries stored, and commits cleared from the journal, in one transaction. */
  checkpointRows: 64,
  /** Commits remembered by key. Beyond them, those that no pending commit can overtake are forgotten. */
  commitOrdersMax: 10_000,
  /** Hints: keys for one node, bytes in all, and part of the browser's quota (Scylla: a tenth of the disk). */
  hintKeysPerTarget: 100_000,
  hintBytes: 268_435_456,
  hintQuotaShare: 0.1,
  /** Interval at which a node compares its disk's free room with the capacity it claims. */
  roomIntervalMs: 60_000,
  /** A full node doubles its claim after this pause, and again, while this part of the quota would stay free. */
  fullForMs: 600_000,
  roomShare: 0.2,
  /** A node that is full again after it claimed more waits twice as long the next time, up to this. */
  fullForMsMax: 86_400_000,
  /** A larger hint travels in parts of this size: each passes a relay, and arrives in time on a slow line. */
  hintPartBytes: 4_194_304,
  /** A look at a full disk writes so many bytes and deletes them: a few records of the usual size. */
  roomProbeBytes: 32_768,
  /**
   * A store with so many failures in a row tells the ring `failed` after the first time, and is given up after the
   * second. By then its connection was reopened several times, and hanging calls have timed out.
   */
  storageFailuresMin: 3,
  storageFailedMs: 10_000,
  storageGivenUpMs: 60_000,
  /** Pauses after a failure with a peer: doubled with each failure, from the first to the last. */
  retryFirstMs: 2_000,
  retryLastMs: 120_000,
  /** Batches in a row that a peer may refuse before it is spared the others: its store takes nothing in. */
  refusalsMax: 3,
  /** Interval of looks for hints whose owners came back unannounced. */
  handoffIntervalMs: 10_000,

  /** Slots of one device in one cluster: each open tab takes one. */
  slotsMax: 64,
  /** Another tab of the device hands over a slot that has had no tab for about this long. */
  adoptAfterMs: 60_000,
  /** The longest pause before a failed handover of a slot is repeated. It doubles from `adoptAfterMs`. */
  adoptRetryMsMax: 3_600_000,
  /** A reloaded tab waits this long for the lock its former self still holds. */
  slotReloadWaitMs: 2_000,
  /** A storage promise that hangs longer has failed (WebKit is known for promises that never settle). */
  storageTimeoutMs: 10_000,
  /** Bytes that one transaction writes, roughly: more would be hashed and encoded without a pause. */
  commitBytes: 2_097_152,
  /** Rows that one transaction writes, roughly. */
  commitRows: 256,
  /** Rows before a transaction lets the page run: 256 take some 60 ms on a busy machine. */
  commitTaskRows: 64,
  /** A write of fewer rows, or of larger ones, goes to the tables at once; others to the log, of this size at most. */
  logRowsMin: 32,
  logRowBytes: 1_024,
  logBytesMax: 8_388_608,
  logEntriesMax: 1_024,
  /** One entry of the log. Chromium keeps values above 64 KiB in files, Firefox above 1 MiB. */
  logEntryBytes: 32_768,
  /** A larger row may be in such a file: with its key and envelope it takes 64 KiB. */
  rowFileBytes: 61_440,
  /**
   * Settling the log: after `logSettleMs` of little traffic, in transactions of `logSettleRows`, `logSettlePieces` in a
   * row. A get or put may wait some 6 ms for one. `logSettleShare` of the time goes into it.
   */
  logSettleMs: 1_000,
  logSettleRows: 32,
  logSettlePieces: 4,
  logSettleShare: 0.1,
  /** Entries of the log that are read together. */
  logEntriesRead: 32,
  /** Reopenings of a lost database connection for one transaction. */
  storageReopensMax: 3,

  /** One signaling message: an SDP with candidates is 2 to 6 KiB. */
  signalingMessageCharsMax: 16_384,
  signalingPeersPerRoomMax: 64,
} as const
