/**
 * Planted defects of the browser's store: what an acknowledgement means on the disk, and what a log of rows must not forget. They show in
 * rings whose nodes have that store, on a fake of IndexedDB.
 */
import type { Mutant } from './mutants.ts'

const [store, log, requests, connection] = [
  'src/browser/indexeddb/indexeddb-store.ts',
  'src/browser/indexeddb/row-log.ts',
  'src/browser/indexeddb/requests.ts',
  'src/browser/indexeddb/connection.ts',
]

/** The store by itself, where a ring hardly comes to it. */
const alone = 'test/indexeddb/browser-store.test.ts'

const planted: readonly Mutant[] = [
  {
    name: 'a commit is acknowledged when its requests are answered, before it is complete',
    file: store,
    from: 'await done(putInTurns(unwrap(table), direct))',
    to: 'void done(putInTurns(unwrap(table), direct)).catch(() => {})\n    await pause(unwrap(table))',
  },
  {
    name: 'a start forgets the last entry of the log',
    file: log,
    from: 'for (const [index, order] of orders.entries()) this.added',
    to: 'for (const [index, order] of orders.slice(0, -1).entries()) this.added',
  },
  {
    name: 'a strict commit is not flushed',
    file: requests,
    from: 'mode, { durability })',
    to: "mode, { durability: durability === 'strict' ? 'relaxed' : durability })",
  },
  {
    name: 'an entry of the log is deleted before all its rows are in their places',
    file: store,
    from: 'put(unwrap(table), oldest.writes)',
    to: 'put(unwrap(table), oldest.writes.slice(1))',
  },
  {
    name: 'an entry that is settled takes with it what was written again since',
    file: log,
    from: 'if (this.#rows.get(rowName(key))?.order === order) this.#forget(key)',
    to: 'this.#forget(key)',
  },
  {
    name: 'a row that stands in the log is overtaken by one that goes to its place',
    file: log,
    from: 'const stands = ({ key }: Write) => this.#rows.has(rowName(key))',
    to: 'const stands = ({ key }: Write) => this.#rows.get(rowName(key))?.order === 0',
  },
  {
    name: 'entries of a commit whose end nobody heard of are not read',
    file: log,
    from: 'const isKnown = orders.length === known.length && orders.every(',
    to: 'const isKnown = known.length > 0 && orders.slice(0, known.length).every(',
    test: { file: alone, name: 'what it logged is found by those after it' },
  },
  {
    name: 'what a commit logged whose end nobody heard of is not looked for by those who read',
    file: store,
    from: 'if (this.#log.isDoubtful) await',
    to: 'if (this.#log.isDoubtful && this.#log.isEmpty) await',
    test: { file: alone, name: 'all is read or scanned or nothing' },
  },
  {
    name: 'a connection that is opened again loses what the log holds',
    file: store,
    from: 'const database = this.#connection.open ?? (await this.#connection.opened())\n',
    to: 'const isNew = this.#connection.open === undefined\n    const database = await this.#connection.opened()\n',
    also: [
      {
        file: store,
        from: 'const { logged, direct } = this.#log.share([...writes.values()])\n',
        to: 'if (isNew) this.#log.clear()\n    const { logged, direct } = this.#log.share([...writes.values()])\n',
      },
    ],
  },
  {
    name: 'a row that goes to a file is not flushed with its own commit',
    file: store,
    from: "if (this.#wroteFiles && durability === 'relaxed') {",
    to: "if (this.#wroteFiles && durability === 'relaxed' && tasks.length === 0) {",
  },
  {
    name: 'a scan ends where the rows in their places do, and leaves out what the log holds besides',
    file: log,
    from: 'const ends = [page, logged]',
    to: 'const ends = [page]',
    test: { file: alone, name: 'a scan goes on behind rows that the log deletes' },
  },
  {
    name: 'a row that left the log while others were read is taken for none',
    file: store,
    from: 'if (!keys.some(hasLeft)) return',
    to: 'if (!keys.some(hasLeft) || keys.length > 0) return',
  },
  {
    name: 'a database that is found empty is taken for the one that was there',
    file: store,
    from: 'if (this.#isOpen) lost()',
    to: 'if (this.#isOpen) this.#existed = true',
    test: { file: alone, name: 'taken away under its connection' },
  },
  {
    name: 'a commit that the browser undid is acknowledged',
    file: requests,
    from: 'throw first ?? error',
    to: "if (first === undefined && mode === 'readonly') throw error",
  },
  {
    name: 'an opening that never settles is waited for again',
    file: connection,
    from: 'this.#opening = undefined\n        reject',
    to: 'reject',
    test: { file: alone, name: 'what comes later opens another' },
  },
]

export const storeMutants: readonly Mutant[] = planted.map((mutant) => ({ profile: 'browser', ...mutant }))
