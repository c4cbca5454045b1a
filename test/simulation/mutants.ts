/**
 * Small, realistic defects, each planted into the real sources while they are bundled for one run, never shipped. The
 * simulation must catch every one of them: a checker that nothing alarms proves nothing.
 */
import { forgettingMutants } from './mutants-forgetting.ts'
import { mergeMutants } from './mutants-merge.ts'
import { servingMutants } from './mutants-serving.ts'
import { storeMutants } from './mutants-store.ts'
import { viewMutants } from './mutants-views.ts'
import type { Profile } from './options.ts'

interface Edit {
  readonly file: string
  /** Text of the source, which must be there once, and what it becomes. */
  readonly from: string
  readonly to: string
}

export interface Mutant extends Edit {
  readonly name: string
  /** What else has to change, where two places keep each other from going wrong. */
  readonly also?: readonly Edit[]
  /** The seeds that are to show it, where only some take the path. */
  readonly profile?: Profile
  /** The first of them: one in which the fault strikes that it takes. */
  readonly firstSeed?: number
  /**
   * The tests that are to show it instead, by a part of their names, where no simulated ring comes to it or hardly any.
   */
  readonly test?: { readonly file: string; readonly name: string }
}

export const editsOf = ({ file, from, to, also = [] }: Mutant): readonly Edit[] => [{ file, from, to }, ...also]

/** Of versions, replicas, hints, exchanges and placement. */
const general: readonly Mutant[] = [
  {
    name: 'last write wins where siblings are to be kept',
    file: 'src/core/versioning/record.ts',
    from: 'siblings: [...survivors.values()].sort((x, y) => compareDots(x.dot, y.dot)) }',
    to: 'siblings: [...survivors.values()].sort(compareWrites).slice(-1) }',
  },
  {
    name: 'a put covers all that its coordinator holds, not what its writer saw',
    file: 'src/node/coordination/write.ts',
    from: 'delta(seen, { ...unwritten, ...written })',
    to: 'delta({ ...seen, history: (await node.replica.read(key)).record.history }, { ...unwritten, ...written })',
  },
  {
    name: 'a put is sent without the context of its writer',
    file: 'src/node/coordination/write.ts',
    from: 'delta(seen, { ...unwritten, ...written })',
    to: 'delta({ history: { actors: new Map() }, siblings: [] }, { ...unwritten, ...written })',
  },
  {
    name: 'a fallback is given the write under a dot of its own',
    file: 'src/node/coordination/write.ts',
    from: "{ type: 'put', key, delta, hintFor: candidate.hintFor }",
    to: "{ type: 'put', key, delta: candidate.role === 'owner' ? delta : { history: { actors: new Map([...delta.history.actors, ['f'.repeat(16), { upTo: 0, beyond: [2 + Math.floor(1e6 * node.clock.now())], last: delta.siblings[0].time }]]) }, siblings: delta.siblings.map((sibling) => ({ ...sibling, dot: { actor: 'f'.repeat(16), counter: 2 + Math.floor(1e6 * node.clock.now()) } })) } as never, hintFor: candidate.hintFor }",
  },
  {
    name: 'hints are lost when their keeper starts again',
    file: 'src/node/storage/merkle-index.ts',
    from: 'await this.#loadHints()',
    to: "await this.#eachRow('hint', ({ key: row }) => void this.#store.transact([], 'relaxed', () => ({ writes: [{ key: row, value: null }], result: null })).catch(() => {}))",
    test: { file: 'test/node/storage/replica.test.ts', name: 'is known after a reload' },
  },
  {
    name: 'a hint is deleted although a power cut would lose what its owner took',
    file: 'src/node/request-handler.ts',
    from: "why === 'hint' ? 'strict' : 'relaxed'",
    to: "why === 'hint' ? 'relaxed' : 'relaxed'",
  },
  {
    name: 'a get says it has seen what its client had, and has not',
    file: 'src/node/coordination/read.ts',
    from: 'quorum: isEnough && reaches(known, atLeast)',
    to: 'quorum: isEnough',
  },
  {
    name: 'a new owner does not ask those who owned before',
    file: 'src/node/anti-entropy/exchange-schedule.ts',
    from: "await this.#exchange.run(node, fetching, fetching, 'catching up')",
    to: 'void 0',
  },
  {
    name: 'version vectors without dots beyond them',
    file: 'src/core/versioning/causal-history.ts',
    from: 'return { upTo: reached, beyond: ahead.slice(joined), last }',
    to: 'return { upTo: Math.max(reached, ...ahead), beyond: [], last }',
  },
  {
    name: 'dots beyond the vector are not stored nor sent',
    file: 'src/core/wire/record-codec.ts',
    from: 'writer.list(beyond, (counter) => {',
    to: 'writer.list([], (counter) => {',
  },
  {
    name: 'the actor of a node is used again after a reboot',
    file: 'src/node/assembly.ts',
    from: 'const actor = mintActor(ports.random)',
    to: 'const actor = self.own.node.slice(0, 16) as ActorId',
  },
  {
    name: 'a put is acknowledged before it is stored',
    file: 'src/node/request-handler.ts',
    from: "await replica.take([{ key, record: delta, hintFor }], 'relaxed', asked)",
    to: "replica.take([{ key, record: delta, hintFor }], 'relaxed', asked).catch(() => {})",
  },
  {
    name: 'no answer counts as an acknowledgement',
    file: 'src/node/coordination/write.ts',
    from: "if (candidate.node === routing.self) held.failure = error\n      return 'failed'",
    to: "return 'counted'",
  },
  {
    name: 'hints are acknowledged and not stored',
    file: 'src/node/storage/hints.ts',
    from: 'writes.push({ key: hintRow(key), value })\n    for',
    to: 'writes.push({ key: hintRow(key), value: null })\n    for',
  },
  {
    name: 'a hint is deleted before its owner has it',
    file: 'src/node/handoff/hinted-handoff.ts',
    from: "await deliver(this.#peers, target, batch, 'hint')",
    to: 'await null',
  },
  {
    name: 'a coordinator that does not own the key keeps nothing for owners that lack it, as if it were one',
    file: 'src/node/coordination/write.ts',
    from: 'if (owed.length === 0 || held.isOwn) return owed',
    to: 'if (owed.length === 0 || held) return owed',
    test: { file: 'test/node/storage/replica.test.ts', name: 'that reaches nobody is kept by its coordinator' },
  },
  {
    name: 'what an exchange found equal is relied on before it is flushed',
    file: 'src/node/anti-entropy/exchange.ts',
    from: 'if (back.length > 0) await this.#replica.flush()',
    to: 'if (wanted.length > 0) await this.#replica.flush()',
  },
  {
    name: 'what was committed and not flushed is taken to be flushed',
    file: 'src/node/storage/flushing-store.ts',
    from: 'this.#relaxed += 1',
    to: 'this.#relaxed += 0',
  },
  {
    name: 'hints are never delivered',
    file: 'src/node/handoff/hinted-handoff.ts',
    from: 'for (const batch of batchesOf(due)) {',
    to: 'for (const batch of batchesOf([])) {',
  },
  {
    name: 'a tombstone is dropped at once',
    file: 'src/core/versioning/record.ts',
    from: 'siblings: [...survivors.values()].sort(',
    to: "siblings: [...survivors.values()].filter(({ kind }) => kind === 'value').sort(",
  },
  {
    name: 'join keeps two siblings at most',
    file: 'src/core/versioning/record.ts',
    from: 'compareDots(x.dot, y.dot)) }',
    to: 'compareDots(x.dot, y.dot)).slice(0, 2) }',
  },
  {
    name: 'an owner resolves more siblings than it has read',
    file: 'src/node/coordination/sibling-cap.ts',
    from: 'contextOf(record),',
    to: 'contextOf({ ...record, history: { ...record.history, actors: new Map([...record.history.actors].map(([actor, { upTo, last }]) => [actor, { upTo: upTo + 2, beyond: [], last }])) } }),',
  },
  {
    name: 'join forgets that both hold a sibling',
    file: 'src/core/versioning/record.ts',
    from: 'if (!held.has(name) && names(other.history, sibling.dot)) continue',
    to: 'if (names(other.history, sibling.dot)) continue',
  },
  {
    name: 'a replica overwrites instead of joining',
    file: 'src/node/storage/replica.ts',
    from: 'const record = prune(accepted.record, horizon)',
    to: 'const record = incoming',
  },
  {
    name: 'a partition is dropped before its owners have it',
    file: 'src/node/anti-entropy/exchange-schedule.ts',
    from: 'const left = this.#leftFor(node)',
    to: 'const left = this.#leftFor(node)\n      await this.#replica.drop(left, () => true)',
  },
  {
    name: 'an owner that is one no more drops its copy although an owner that is away lacks it',
    file: 'src/node/anti-entropy/exchange.ts',
    from: 'this.#routing.ownersOf(partition).every((owner) => this.hasAll(owner, partition))',
    to: 'this.#routing.ownersOf(partition).every((owner) => this.hasAll(owner, partition) || !this.#peers.isReachable(owner))',
    test: { file: 'test/scenarios/owner-away.test.ts', name: 'keeps its record of a write until' },
  },
  {
    name: 'a keeper that comes to own a key goes on keeping its hint',
    file: 'src/node/handoff/hinted-handoff.ts',
    from: 'if (!this.#isOwner(target, key) || this.#isOwner(this.#routing.self, key)) found.push(key)',
    to: 'if (!this.#isOwner(target, key)) found.push(key)',
    test: { file: 'test/scenarios/owner-away.test.ts', name: 'joins its own record once it is an owner too' },
  },
  {
    name: 'an owner that comes back gets what the others kept for it when its turn comes',
    file: 'src/node/reactions.ts',
    from: '  schedule.met(node)\n',
    to: '  void schedule\n',
    test: { file: 'test/node/cluster.test.ts', name: 'is in step at once' },
  },
  {
    name: 'a node leaves although no owner has what it leaves behind',
    file: 'src/node/handoff/leaving.ts',
    from: 'const stranded = due.filter((partition) => !taken.has(partition))',
    to: 'const stranded = due.filter((partition) => taken.size < 0 && !taken.has(partition))',
    test: { file: 'test/scenarios/owner-away.test.ts', name: 'while no other owner is in reach' },
  },
  {
    name: 'no anti-entropy, and no transfer of ownership',
    file: 'src/node/anti-entropy/exchange-schedule.ts',
    from: 'await this.#exchange.run(node, due, named.size === 0 ? null : due, why)',
    to: 'await null',
  },
  {
    name: 'an exchange says that it has fetched what it has not',
    file: 'src/node/anti-entropy/exchange.ts',
    from: 'await this.#recordSync.pull(node, wanted, agreed, failed, transfer)',
    to: '',
  },
  {
    name: 'the journal is cleared, and the tries are not stored',
    file: 'src/node/storage/merkle-index.ts',
    from: 'return { key: treeRow(partition), value: items.length === 0 ? null : encodeTree(items) }',
    to: 'return { key: treeRow(partition), value: items.length > 2 ** 24 ? encodeTree(items) : null }',
  },
  {
    name: 'a record is changed without a word in the journal',
    file: 'src/node/storage/merkle-index.ts',
    from: 'return { writes: changes.length === 0 ? writes : [...writes, journal], result: { result, changes } }',
    to: 'return { writes, result: { result, changes, journal } }',
  },
  {
    name: 'a change of a record leaves its trie as it was',
    file: 'src/node/storage/merkle-index.ts',
    from: 'this.#forest.set(hash, version)\n    this.#changed',
    to: 'if (this.#forest.version(hash) === null) this.#forest.set(hash, version)\n    this.#changed',
  },
  {
    name: 'an exchange says it is done without delivering',
    file: 'src/node/anti-entropy/record-sync.ts',
    from: "const { overwritten } = await deliver(this.#peers, node, batch, 'exchange', placesOfKnown(batch, isKnown))",
    to: 'const overwritten: KeyedRecord[] = isKnown === undefined ? [...batch] : []',
  },
  {
    name: 'a get returns what the first replica says',
    file: 'src/node/coordination/read.ts',
    from: 'recordOf([this.#own, ...this.answers.values()])',
    to: 'recordOf([...this.answers.values()].slice(0, 1))',
  },
  {
    name: 'a get returns one sibling and the context of all',
    file: 'src/node/requests.ts',
    from: 'liveValues(record, ports.clock.wall()).flatMap(',
    to: 'liveValues(record, ports.clock.wall()).slice(0, 1).flatMap(',
  },
  {
    name: 'the context of a get claims the last delete that its node has signed',
    file: 'src/node/requests.ts',
    from: 'encodeContext(stored, contextOf(record, horizon)) as Context',
    to: 'encodeContext(stored, contextOf({ ...record, siblings: [...record.siblings, ...((coordinator as never as { deleted?: Map<string, never> }).deleted?.has(stored) ? [(coordinator as never as { deleted: Map<string, never> }).deleted.get(stored) as never] : [])] }, horizon)) as Context',
    also: [
      {
        file: 'src/node/coordination/write.ts',
        from: 'const written = node.writeStamp.sign(key, seen)',
        to: "const written = node.writeStamp.sign(key, seen)\n  if (unwritten.kind === 'tombstone') ((node as never as { deleted?: Map<string, unknown> }).deleted ??= new Map()).set(key, { ...unwritten, ...written })",
      },
    ],
  },
  {
    name: 'an older claim about a member beats a newer one',
    file: 'src/core/membership/claims.ts',
    from: 'a.incarnation - b.incarnation ||',
    to: 'b.incarnation - a.incarnation ||',
  },
  {
    name: 'nodes place partitions as if they did not exist themselves',
    file: 'src/node/ownership/routing.ts',
    from: 'this.#place(this.claims.filter(isPlaced).map(ringMember), this.n, this.#layOut)',
    to: 'this.#place(this.claims.filter((claim) => isPlaced(claim) && (claim.node !== this.self || this.claims.length < 3)).map(ringMember), this.n, this.#layOut)',
  },
  {
    name: 'a value is given up before it has expired',
    file: 'src/node/storage/replica.ts',
    from: 'this.#clock.wall() - this.#limits.expiredKeptMs',
    to: 'this.#clock.wall() + 10_000',
  },
]

export const mutants: readonly Mutant[] = [
  ...general,
  ...forgettingMutants,
  ...mergeMutants,
  ...servingMutants,
  ...storeMutants,
  ...viewMutants,
]
