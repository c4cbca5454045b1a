/**
 * Planted defects of who counts, of how long is waited for whom, and of what is tried again: in sync, slow, full and
 * broken.
 *
 * Tests show them. A simulated ring that has a disk which is full, or slow, has it while other faults strike and
 * clients ask; in the end, when an idle ring is to be silent, all is healed. Disks that fail for good, and messages
 * that are too large, it has none of.
 */
import type { Mutant } from './mutants.ts'

export const servingMutants: readonly Mutant[] = [
  {
    name: 'newly met nodes are not doubted',
    file: 'src/node/ownership/ownership.ts',
    from: '    this.#newcomers.set(node, { due: new Set(allPartitions.filter(isDue)), untilMs })',
    to: '    void [isDue, untilMs]',
    test: { file: 'test/node/ownership/ownership.test.ts', name: 'that one has given what it holds' },
  },
  {
    name: 'a node that is met is not doubted until it has a place',
    file: 'src/node/ownership/ownership.ts',
    from: 'if (!this.#known.has(node) && held.length > 0) this.#await(node)',
    to: '',
    test: { file: 'test/node/ownership/ownership.test.ts', name: 'from the hello on' },
  },
  {
    name: 'a new owner counts without a majority of the former ones',
    file: 'src/core/acceptance/in-sync.ts',
    from: 'return former.length === 0 || 2 * former.filter((node) => givers.has(node)).length > former.length',
    to: 'return former.length >= 0',
    test: { file: 'test/node/ownership/ownership.test.ts', name: 'most of the former owners' },
  },
  {
    name: 'an owner that was away counts at once',
    file: 'src/node/ownership/ownership.ts',
    from: '    this.#doubtful = new Set(allPartitions.filter((partition) => this.#is(partition, flags.synced)))\n    this.#received.clear()',
    to: '    this.#received.clear()',
    test: { file: 'test/node/ownership/ownership.test.ts', name: 'has to catch up anew' },
  },
  {
    name: 'an owner that lost a row stays in sync',
    file: 'src/node/ownership/ownership.ts',
    from: "if (how === 'dropped') return []",
    to: 'if (how) return []',
    test: { file: 'test/node/ownership/ownership.test.ts', name: 'an owner that lost a row' },
  },
  {
    name: 'what was given before a row was lost counts after it',
    file: 'src/node/ownership/ownership.ts',
    from: "    if (how === 'dropped') return []\n    // The lost row may have come from a node that has given its copy: it gives it again.\n    this.#received.delete(partition)\n",
    to: "    if (how === 'dropped') return []\n",
    test: { file: 'test/node/ownership/ownership.test.ts', name: 'that lost a row counts once' },
  },
  {
    name: 'a row that is damaged or missing answers as an owner',
    file: 'src/node/request-handler.ts',
    from: 'const isIn = !isLost && (',
    to: 'const isIn = (isLost || true) && (',
    test: { file: 'test/node/anti-entropy/repair.test.ts', name: 'answer for it as nobody' },
  },
  {
    name: 'a get waits for the own disk however long that takes',
    file: 'src/node/coordination/read.ts',
    from: 'await within(clock, Math.min(leftMs, patienceMs), ownRead)',
    to: 'await (patienceMs > leftMs ? ownRead : ownRead)',
    test: { file: 'test/scenarios/own-store.test.ts', name: 'a get of what' },
  },
  {
    name: 'a put waits for the own disk however long that takes',
    file: 'src/node/coordination/write.ts',
    from: 'await within(clock, Math.max(0, deadline - clock.now()), Promise.all([keeping, fanOut.decided]))',
    to: 'await keeping',
    test: { file: 'test/scenarios/own-store.test.ts', name: 'a put that' },
  },
  {
    name: 'a slow owner is given up after two seconds',
    file: 'src/node/network/peers.ts',
    from: 'const timeoutMs = Math.max(waiting.timeoutMs, silentMs)',
    to: 'const timeoutMs = silentMs',
    test: { file: 'test/scenarios/slow-owner.test.ts', name: 'counts as an owner' },
  },
  {
    name: 'what failed is tried again at the same pace',
    file: 'src/node/scheduling/back-off.ts',
    from: 'const nextMs = Math.min(2 * pauseMs, this.#pauses.lastMs)',
    to: 'const nextMs = Math.min(pauseMs, this.#pauses.lastMs)',
    test: { file: 'test/node/scheduling/back-off.test.ts', name: 'each failure doubles' },
  },
  {
    name: 'hints are sent again and again to a node that says it is full',
    file: 'src/node/handoff/hinted-handoff.ts',
    from: 'return !this.#routing.takesIn(target) || this.#backOff.waits(target)',
    to: 'return target.length < 1 && this.#backOff.waits(target)',
    test: {
      file: 'test/node/handoff/hinted-handoff.test.ts',
      name: 'is sent nothing while its store takes nothing in',
    },
  },
  {
    name: 'records are sent to a node that says it is full',
    file: 'src/node/anti-entropy/record-sync.ts',
    from: 'const isRefused = () => refusals.areEnough || !this.#routing.takesIn(node)',
    to: 'const isRefused = () => refusals.areEnough',
    test: { file: 'test/scenarios/retry-storm.test.ts', name: 'sends a full node nothing' },
  },
  {
    name: 'an exchange takes in what others own by now',
    file: 'src/node/anti-entropy/record-sync.ts',
    from: 'const isOwned = ({ key }: Item) => this.#routing.owns(partitionIn(key))',
    to: 'const isOwned = ({ key }: Item) => partitionIn(key) >= 0',
    test: { file: 'test/node/anti-entropy/record-sync.test.ts', name: 'what it owns no more is not asked for' },
  },
  {
    name: 'an exchange gives what others own by now',
    file: 'src/node/anti-entropy/record-sync.ts',
    from: 'page.filter(({ key }) => isDue(partitionIn(key)))',
    to: 'page',
    test: { file: 'test/node/anti-entropy/record-sync.test.ts', name: 'what others own by now is not sent' },
  },
  {
    name: 'an exchange that fails is tried again although a store takes nothing in',
    file: 'src/node/anti-entropy/exchange-schedule.ts',
    from: 'if (this.#routing.takesIn(node) && this.#routing.takesIn(this.#routing.self)) this.soon(node, waitMs)',
    to: 'this.soon(node, Math.min(waitMs, 1_000))',
    test: { file: 'test/scenarios/retry-storm.test.ts', name: 'sends a full node nothing' },
  },
  {
    name: 'a node whose store fails for good stays',
    file: 'src/node/membership/store-health.ts',
    from: 'if (isLasting && forMs >= bounds.storageGivenUpMs) {',
    to: 'if (isLasting && forMs >= 1e12) {',
    test: { file: 'test/scenarios/broken-store.test.ts', name: 'fails for good' },
  },
  {
    name: 'a hint travels in one message, however large',
    file: 'src/node/handoff/hinted-handoff.ts',
    from: 'if (hint === undefined || parts.length < 2)',
    to: 'if (hint === undefined || parts.length < 1e9)',
    test: { file: 'test/scenarios/large-hint.test.ts', name: 'more values than a message carries' },
  },
  {
    name: 'a hint may have any number of siblings',
    file: 'src/node/storage/hints.ts',
    from: 'if (record.siblings.length > this.#limits.siblingsMax) intake.crowded.set(key, record.siblings.length)',
    to: '',
    test: { file: 'test/scenarios/large-hint.test.ts', name: 'sibling cap' },
  },
  {
    name: 'a counter that was stored nowhere is followed by the next one',
    file: 'src/node/coordination/write.ts',
    from: 'if (!outcome.isStored) node.writeStamp.failed(key, written)',
    to: '',
    test: { file: 'test/scenarios/gaps.test.ts', name: 'leaves no gap' },
  },
  {
    name: 'an actor goes on for a writer that has seen many of its dots beyond a gap',
    file: 'src/node/coordination/dot-mint.ts',
    from: 'const goesOn = beyond < bounds.dotsBeyondMax &&',
    to: 'const goesOn = beyond < 1e9 &&',
    test: { file: 'test/scenarios/gaps.test.ts', name: 'does not grow with its length' },
  },
  {
    name: 'a write is as late as the clock of its node says, whatever its writer saw',
    file: 'src/node/scheduling/hybrid-clock.ts',
    from: 'nextTime(Math.max(this.#latest, seen) as HybridTime, this.#clock.wall())',
    to: 'nextTime(hybridZero, this.#clock.wall())',
    test: { file: 'test/node/coordination/write-stamp.test.ts', name: 'later than' },
  },
  {
    name: 'nobody is told of a row that its disk has altered',
    file: 'src/node/reactions.ts',
    from: "replica.on.corrupt = () => events.emit('data-loss', { reason: 'corrupt', previousId: routing.self })",
    to: 'replica.on.corrupt = () => {}',
  },
  {
    name: 'nodes of two protocol versions form one ring',
    file: 'src/node/network/handshake.ts',
    from: "const constants = ['protocolVersion', 'n', 'partitions',",
    to: "const constants = ['n', 'partitions',",
    profile: 'wire',
  },
  {
    name: 'a message of which a part is missing is taken for whole',
    file: 'src/core/wire/frames.ts',
    from: "if (partial.filled < partial.length) return { kind: 'malformed' }",
    to: '',
    profile: 'wire',
  },
  {
    name: 'what a closed tab has left stays where it is',
    file: 'src/node/handoff/adoption.ts',
    from: 'if (due === undefined) return',
    to: 'if (due === undefined || free.length > 0) return',
    profile: 'orphans',
  },
  {
    name: 'whoever waits for the ring is told that it is whole before it has fetched',
    file: 'src/node/membership/joined.ts',
    from: '() => reachable() >= members && syncing() === 0',
    to: '() => reachable() >= members || syncing() === 0',
  },
  {
    name: 'of a prefix that was split the second half is not looked at',
    file: 'src/core/merkle/asking.ts',
    from: 'const prefixes = at(cells, differing)',
    to: 'const prefixes = at(cells, differing.slice(0, Math.ceil(differing.length / 2)))',
    profile: 'filler',
  },
]
