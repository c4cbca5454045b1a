/**
 * Planted defects of forgetting: each hole that a rule which judges by what was received has to close, opened again,
 * and what stands beside that rule. In the order in which an attack on a model of the rule found them.
 *
 * Where a test is named, a simulated ring did not come to it in the seeds that were tried, or has nothing to object to:
 * another copy sets right what went wrong, or the difference is one of events. A model of the rule met hints that are
 * judged by what was received, receipts of other holders, and a giver that has forgotten and takes nothing in, in one
 * of 500 runs at most.
 */
import type { Mutant } from './mutants.ts'

/** Sessions, floors, stamps: whose writes survive. */
const holes: readonly Mutant[] = [
  {
    name: 'horizons cover: what is as old as one is taken for overwritten',
    file: 'src/core/acceptance/acceptance.ts',
    from: 'const isOverwritten = terms.origin',
    to: 'const isOverwritten = unknown.some(isOld) && unknown.length > 0 || terms.origin',
    profile: 'forgetting',
    firstSeed: 3,
  },
  {
    name: 'a write covers all up to the horizon of what its writer read',
    file: 'src/node/coordination/write.ts',
    from: 'delta(seen, { ...unwritten, ...written })',
    to: "delta({ ...seen, history: { actors: new Map([...seen.history.actors, ...(seen.horizon === 0 ? [] : [['f'.repeat(16), { upTo: 1, beyond: [], last: seen.horizon }] as never])]) } }, { ...unwritten, ...written })",
    also: [
      {
        file: 'src/core/versioning/record.ts',
        from: 'if (!held.has(name) && names(other.history, sibling.dot)) continue',
        to: "if (!held.has(name) && (names(other.history, sibling.dot) || (other.history.actors.get('f'.repeat(16) as never)?.last ?? 0) >= sibling.time)) continue",
      },
    ],
    profile: 'apart',
    firstSeed: 17,
  },
  {
    name: 'an exchange tells what was received of others by its end',
    file: 'src/node/ownership/progress.ts',
    from: 'const each = this.#of(partition, kept)',
    to: 'const each = this.#of(partition)',
    test: { file: 'test/node/ownership/received.test.ts', name: 'is of when it began' },
  },
  {
    name: 'an exchange tells the session in which it ends',
    file: 'src/node/ownership/progress.ts',
    from: 'return { session: begun.session, clock, kept: grouped(partitions, told, tellOf) }',
    to: 'return { session: { ...begun.session, count: this.#count + 1 }, clock, kept: grouped(partitions, told, tellOf) }',
    profile: 'apart',
    firstSeed: 5,
  },
  {
    name: 'sessions are counted from one again at each boot',
    file: 'src/core/acceptance/sessions.ts',
    from: 'a.boot - b.boot || a.count - b.count',
    to: 'a.count - b.count',
    profile: 'forgetting',
  },
  {
    name: 'a boot that a copied or restored database made is taken for the one that had its number',
    file: 'src/core/acceptance/sessions.ts',
    from: 'return boots.get(session.boot) === session.tag && compareStamps',
    to: 'return boots.size > 0 && compareStamps',
    test: { file: 'test/core/acceptance/sessions.test.ts', name: 'a copy of the database made' },
  },
  {
    name: 'what could not be moved counts as received',
    file: 'src/node/anti-entropy/exchange.ts',
    from: 'const back = [...mine].filter((partition) => !failed.has(partition))',
    to: 'const back = [...mine]',
    test: { file: 'test/scenarios/no-room.test.ts', name: 'once it has room' },
  },
  {
    name: 'what could not be moved counts as given',
    file: 'src/node/anti-entropy/exchange.ts',
    from: "const settled = way === 'home' ? [] : partitions.filter((partition) => !failed.has(partition))",
    to: "const settled = way === 'home' ? [] : partitions",
    test: { file: 'test/scenarios/no-room.test.ts', name: 'once it has room' },
  },
  {
    name: 'what was received is relied on without a flush by who has asked',
    file: 'src/node/anti-entropy/exchange.ts',
    from: 'if (back.length > 0) await this.#replica.flush()',
    to: '',
    test: { file: 'test/scenarios/flushed.test.ts', name: 'survives a power cut' },
  },
  {
    name: 'what was received is relied on without a flush by who was asked',
    file: 'src/node/request-handler.ts',
    from: "      await node.replica.flush()\n      return { type: 'settled'",
    to: "      return { type: 'settled'",
    test: { file: 'test/scenarios/flushed.test.ts', name: 'survives a power cut' },
  },
  {
    name: 'a session begins without those writes that are decided and of which no word has come',
    file: 'src/node/ownership/progress.ts',
    from: 'Math.min(this.#count, openSince ?? this.#count)',
    to: 'this.#count',
    test: { file: 'test/node/ownership/received.test.ts', name: 'word of a write has not come' },
  },
  {
    name: 'a hint is judged by what its owner has received of its keeper',
    file: 'src/core/acceptance/acceptance.ts',
    from: "const isOverwritten = terms.origin === 'exchanged' && terms.received",
    to: 'const isOverwritten = terms.received',
    also: [
      {
        file: 'src/node/handoff/hinted-handoff.ts',
        from: "await deliver(this.#peers, target, batch, 'hint')\n    else",
        to: "await deliver(this.#peers, target, batch, 'hint', batch.flatMap(({ key }, at) => (this.#exchange.hasAll(target, partitionOf(key)) ? [at] : [])))\n    else",
      },
    ],
    test: { file: 'test/core/acceptance/acceptance.test.ts', name: 'a value that the owner lacks' },
  },
  {
    name: 'what was received of others outlives the end of ownership, and the rows',
    file: 'src/node/ownership/progress.ts',
    from: 'if (this.#routing.owns(partition) || (kept.horizon === never && kept.received.size === 0)) continue',
    to: 'if (kept) continue',
    also: [
      {
        file: 'src/node/ownership/progress.ts',
        from: "this.#kept[partition] = how === 'dropped' ? nothing : {",
        to: "this.#kept[partition] = how === 'dropped' ? this.#of(partition) : {",
      },
    ],
    profile: 'apart',
    firstSeed: 5,
  },
  {
    name: 'what was received of others outlives a lost row',
    file: 'src/node/ownership/progress.ts',
    from: "this.#kept[partition] = how === 'dropped' ? nothing : { ...nothing, floor: this.#of(partition).floor }",
    to: "if (how === 'dropped') this.#kept[partition] = nothing",
    profile: 'forgetting',
    firstSeed: 19,
  },
  {
    name: 'a row that is lost in the middle of an exchange does not keep it from counting',
    file: 'src/node/ownership/progress.ts',
    from: '    if (this.hasLost(begun)) return []\n',
    to: '',
    test: { file: 'test/node/ownership/received.test.ts', name: 'in which a row was lost claims nothing' },
  },
  {
    name: 'what comes late is left where it is, and counts as received',
    file: 'src/core/acceptance/acceptance.ts',
    from: "if (terms.origin === 'read' && unknown.some(isOld))",
    to: "if (terms.origin !== 'written' && unknown.some(isOld))",
    test: { file: 'test/core/acceptance/acceptance.test.ts', name: 'a value that the owner lacks' },
  },
  {
    name: 'what one owner has received every owner is taken to have received',
    file: 'src/node/ownership/progress.ts',
    from: '    return { received: ungrouped(terms.received), floors }',
    to: '    const all: Map<Partition, Session> = ((this as never as { all: Map<Partition, Session> }).all ??= new Map())\n    for (const [partition, heard] of ungrouped(terms.received)) {\n      const known = all.get(partition)\n      if (known === undefined || known.boot < heard.boot || (known.boot === heard.boot && known.count < heard.count)) all.set(partition, heard)\n    }\n    return { received: all, floors }',
    profile: 'apart',
    firstSeed: 5,
  },
  {
    name: 'what comes late is written anew, by each owner under a dot of its own',
    file: 'src/core/acceptance/acceptance.ts',
    from: '    : incoming\n  const fresh',
    to: "    : { ...incoming, siblings: incoming.siblings.map((each) => (unknown.includes(each) && isOld(each) ? { ...each, dot: { actor: (terms.floor % 2 ** 48).toString(16).padStart(16, 'e') as never, counter: 1 } } : each)) }\n  const fresh",
    test: { file: 'test/core/acceptance/acceptance.test.ts', name: 'a value that the owner lacks' },
  },
  {
    name: 'names of what a write overwrote are forgotten by the age of what was overwritten',
    file: 'src/core/versioning/context.ts',
    from: 'withWrite(neededUntil(history, siblings, sibling.time), sibling)',
    to: 'withWrite(siblings.length < 0 ? neededUntil(history, siblings, sibling.time) : history, sibling)',
    test: { file: 'test/core/versioning/record.test.ts', name: 'leaves names of what a write overwrote' },
  },
  {
    name: 'nobody knows up to when names may have been pruned: nothing is told as late',
    file: 'src/node/ownership/progress.ts',
    from: 'return begun === undefined ? floor : later(this.#of(partition, begun.kept).floor, horizon)',
    to: 'return begun === undefined || floor + horizon > 0 ? never : floor',
    test: { file: 'test/node/ownership/received.test.ts', name: 'up to when a peer may have pruned names is kept' },
  },
  {
    name: 'up to when a peer may have pruned names is not kept with what it gives',
    file: 'src/node/ownership/progress.ts',
    from: 'if (!this.#routing.owns(partition) || floor <= kept.floor) continue',
    to: 'if (!this.#routing.owns(partition) || floor >= 0) continue',
    test: { file: 'test/node/ownership/received.test.ts', name: 'up to when a peer may have pruned names is kept' },
  },
  {
    name: 'what a giver that takes nothing in has forgotten is not told by who holds it',
    file: 'src/core/acceptance/acceptance.ts',
    from: '...leftHere(mine, incoming, terms)].filter',
    to: '...leftHere(mine, { ...incoming, siblings: [] }, terms)].filter',
    test: { file: 'test/core/acceptance/acceptance.test.ts', name: 'may have forgotten that it was overwritten' },
  },
]

/** What stands beside the rule. */
const others: readonly Mutant[] = [
  {
    name: 'nobody is told of what came late',
    file: 'src/node/storage/replica.ts',
    from: 'for (const [key, siblings] of intake.late) this.#late.tell(key, siblings)',
    to: '',
    test: { file: 'test/node/forgetting/late.test.ts', name: 'a write up to the floor' },
  },
  {
    name: 'nobody is told of what came late, where nobody had deleted it',
    file: 'src/core/acceptance/acceptance.ts',
    from: 'late: [...fresh.filter(isOld), ...leftHere(mine, incoming, terms)]',
    to: 'late: [...leftHere(mine, incoming, terms)]',
    profile: 'apart',
    firstSeed: 5,
  },
  {
    name: 'a read repair brings what may have been forgotten to be overwritten',
    file: 'src/core/acceptance/acceptance.ts',
    from: "if (terms.origin === 'read' && unknown.some(isOld))",
    to: "if (terms.origin === 'read' && unknown.length > 1e9 && unknown.some(isOld))",
    test: { file: 'test/node/forgetting/late.test.ts', name: 'a read repair brings nothing' },
  },
  {
    name: 'a read repair is taken for an exchange',
    file: 'src/core/acceptance/acceptance.ts',
    from: "if (terms.origin === 'read' && unknown.some(isOld))\n    return { record: mine, isNews: false, late: [], overwritten: null }",
    to: "if (terms.origin === 'read' && unknown.some(isOld))\n    return { record: { ...mine, history: unknown.reduce(withWrite, mine.history) }, isNews: false, late: [], overwritten: null }",
    test: { file: 'test/node/forgetting/late.test.ts', name: 'a read repair brings nothing' },
  },
  {
    name: 'a context does not name the siblings that its reader saw',
    file: 'src/core/versioning/context.ts',
    from: 'history: siblings.reduce(withWrite, history)',
    to: 'history: siblings.length < 0 ? siblings.reduce(withWrite, history) : history',
    test: { file: 'test/core/versioning/record.test.ts', name: 'takes nothing that a reader needs' },
  },
  {
    name: 'a get that is to see a context takes a horizon for the siblings of it',
    file: 'src/core/versioning/context.ts',
    from: 'includes(reach.history, seen.history, reach.horizon, seen.siblings)',
    to: 'includes(reach.history, seen.history, reach.horizon)',
    test: { file: 'test/core/versioning/causal-history.test.ts', name: 'stands for no sibling' },
  },
  {
    name: 'a get that is to see a context does not ask how far the replicas had forgotten',
    file: 'src/core/versioning/context.ts',
    from: 'return reach.horizon >= seen.horizon && includes',
    to: 'return includes',
    test: { file: 'test/core/versioning/causal-history.test.ts', name: 'who lags behind' },
  },
  {
    name: 'a ring forgets without waiting for who is absent',
    file: 'src/node/forgetting/forgetting.ts',
    from: 'filter((at) => wallMs - at <= this.#retention.ms)',
    to: 'filter((at) => wallMs - at < 0)',
    test: { file: 'test/node/forgetting/forgetting.test.ts', name: 'is away is waited for' },
  },
  {
    name: 'a row keeps the stamp that its first value got',
    file: 'src/node/storage/replica.ts',
    from: 'const stamp = accepted.isNews || stored === null ?',
    to: 'const stamp = stored === null ?',
    profile: 'apart',
    firstSeed: 5,
  },
  {
    name: 'a row that no trie had keeps its stamp',
    file: 'src/node/storage/merkle-index.ts',
    from: 'recordWrite(hash, { ...stored, stamp: this.#progress.stamp }, version)',
    to: 'recordWrite(hash, stored, version)',
    test: { file: 'test/node/forgetting/late.test.ts', name: 'no trie had is stamped' },
  },
  {
    name: 'an owner that is not in sync hands its horizon on',
    file: 'src/node/ownership/progress.ts',
    from: 'return isInSync(partition) ? each : outOfSync(each)',
    to: 'return isInSync(partition) || partition >= 0 ? each : outOfSync(each)',
    profile: 'apart',
    firstSeed: 5,
  },
  {
    name: 'a write since an exchange began is taken for given in it',
    file: 'src/node/ownership/progress.ts',
    from: 'return given !== undefined && given > (this.#changedAt.get(partition) ?? 0)',
    to: 'return given !== undefined && this.#changedAt.size >= 0',
    test: { file: 'test/node/ownership/received.test.ts', name: 'is not taken for given in it' },
  },
  {
    name: 'a hint is not told what overwrote it before the names go',
    file: 'src/node/storage/replica.ts',
    from: 'this.hints.tell({ key, record: stored.record }, rows[2 * index + 1], writes, intake)',
    to: 'if (index < 0) this.hints.tell({ key, record: stored.record }, rows[2 * index + 1], writes, intake)',
    test: { file: 'test/node/forgetting/late.test.ts', name: 'is not shown again when its name is pruned' },
  },
  {
    name: 'a write prunes names that a hint may need',
    file: 'src/node/storage/replica.ts',
    from: 'this.#index.hints.mayHave(key) ? hybridZero : this.#progress.horizonOf(partition)',
    to: 'this.#progress.horizonOf(partition)',
    test: { file: 'test/node/forgetting/late.test.ts', name: 'is not shown again when its name is pruned' },
  },
]

export const forgettingMutants: readonly Mutant[] = [...holes, ...others]
