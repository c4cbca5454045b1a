/**
 * What the browser's store relies on of IndexedDB itself, asked of real browsers and of the fake that the simulation uses: a fake
 * that is kinder than a browser proves nothing.
 */
import { expect, test } from 'vitest'

const fresh = () => `transactions ${Math.random()}`

const ended = (request: IDBRequest): Promise<unknown> =>
  new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () => reject(request.error))
  })

/** How a transaction ended. */
const outcome = (transaction: IDBTransaction): Promise<string> =>
  new Promise((resolve) => {
    transaction.addEventListener('complete', () => resolve('complete'))
    transaction.addEventListener('abort', () => resolve(`abort ${transaction.error?.name ?? 'unasked'}`))
  })

const opening = (name: string, version?: number): IDBOpenDBRequest => {
  const request = indexedDB.open(name, version)
  request.addEventListener('upgradeneeded', () => {
    const { result } = request
    if (result.objectStoreNames.length > 0) return
    result.createObjectStore('rows')
    result.createObjectStore('log', { autoIncrement: true })
  })
  return request
}

const open = (name: string, version?: number) => ended(opening(name, version)) as Promise<IDBDatabase>

const rows = (database: IDBDatabase, mode: IDBTransactionMode = 'readonly') =>
  database.transaction(['rows', 'log'], mode).objectStore('rows')

const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 20))

const thrown = (work: () => unknown): string => {
  try {
    work()
    return 'nothing'
  } catch (error) {
    return error instanceof DOMException ? error.name : String(error)
  }
}

export function describeTransactions(): void {
  test('keys are sorted by kind, then by value: numbers, texts by code unit, arrays by element, the shorter first', async () => {
    const database = await open(fresh())
    const sorted: IDBValidKey[] = [
      -10,
      -1.5,
      0,
      0.25,
      3,
      20,
      1e10,
      '',
      'B',
      'a',
      'a\u0000',
      'a\u0000b',
      'a\u0001',
      'aa',
      'ä',
    ]
    sorted.push(
      '\u{1f600}',
      '\uffff',
      [],
      [2],
      ['a'],
      ['a', 'b'],
      ['a', 'b', 'c'],
      ['a', 'c'],
      ['a', []],
      ['a\u0000'],
      ['b'],
    )
    const table = rows(database, 'readwrite')
    for (const key of sorted.toReversed()) table.put(1, key)
    expect(await ended(table.getAllKeys())).toEqual(sorted)
    const within = (range: IDBKeyRange, count?: number) => ended(table.getAllKeys(range, count))
    expect(await within(IDBKeyRange.bound(['a'], ['a', []], false, true))).toEqual([
      ['a'],
      ['a', 'b'],
      ['a', 'b', 'c'],
      ['a', 'c'],
    ])
    expect(await within(IDBKeyRange.bound(['a', 'b'], ['b'], true), 2)).toEqual([
      ['a', 'b', 'c'],
      ['a', 'c'],
    ])
    expect(await within(IDBKeyRange.upperBound(3))).toEqual([-10, -1.5, 0, 0.25, 3])
    expect(await within(IDBKeyRange.upperBound(3, true))).toEqual([-10, -1.5, 0, 0.25])
    expect(await ended(table.getKey(IDBKeyRange.lowerBound('b')))).toBe('ä')
    expect(await ended(table.getKey(['none']))).toBe(undefined)
    expect(thrown(() => IDBKeyRange.bound('b', 'a'))).toBe('DataError')
    expect(thrown(() => table.put(1, Number.NaN))).toBe('DataError')
    database.close()
  })

  test('what is stored and what is read are copies', async () => {
    const database = await open(fresh())
    const all = Uint8Array.of(1, 2, 3, 4)
    const table = rows(database, 'readwrite')
    table.put(all.subarray(1, 3), 'a')
    all[1] = 9
    const found = (await ended(table.get('a'))) as Uint8Array
    expect(found).toEqual(Uint8Array.of(2, 3))
    found[0] = 9
    expect(await ended(table.get('a'))).toEqual(Uint8Array.of(2, 3))
    expect(await ended(table.getAll())).toEqual([Uint8Array.of(2, 3)])
    database.close()
  })

  test('one that writes waits for those begun before it and holds up those begun after it; readers go side by side', async () => {
    const database = await open(fresh())
    const seen: string[] = []
    const note = (what: string, { transaction }: IDBObjectStore) =>
      transaction.addEventListener('complete', () => seen.push(what))
    const [reader, writer, late] = [rows(database), rows(database, 'readwrite'), rows(database)]
    note('reader', reader)
    note('writer', writer)
    note('late', late)
    const lateFound = ended(late.get('a')).then((found) => seen.push(`late found ${found}`))
    writer.put(1, 'a')
    expect(await ended(reader.get('a'))).toBe(undefined)
    await Promise.all([lateFound, outcome(late.transaction)])
    expect(seen).toEqual(['reader', 'writer', 'late found 1', 'late'])
    database.close()
  })

  test('word that a commit is complete comes before anything that a later transaction finds', async () => {
    const database = await open(fresh())
    const seen: string[] = []
    for (let by = 0; by < 5; by += 1) {
      const writer = rows(database, 'readwrite')
      writer.put(by, 'a')
      writer.transaction.addEventListener('complete', () => seen.push(`complete ${by}`))
      void ended(rows(database).get('a')).then((found) => seen.push(`found ${found}`))
    }
    await ended(rows(database).get('a'))
    expect(seen).toEqual([0, 1, 2, 3, 4].flatMap((by) => [`complete ${by}`, `found ${by}`]))
    database.close()
  })

  test('promises run between two answers, and a transaction lives on as long as each asks for more', async () => {
    const database = await open(fresh())
    const seen: string[] = []
    const table = rows(database, 'readwrite')
    const end = outcome(table.transaction)
    void ended(table.get('b')).then(() => seen.push('b'))
    const asked = ended(table.get('a')).then(async () => {
      for (let ticks = 0; ticks < 50; ticks += 1) await null
      seen.push('a')
      await ended(table.put(1, 'a'))
      for (let ticks = 0; ticks < 50; ticks += 1) await null
      await ended(table.put(2, 'a'))
    })
    void ended(table.get('c')).then(() => seen.push('c'))
    await asked
    expect(await end).toBe('complete')
    expect(seen).toEqual(['b', 'a', 'c'])
    expect(await ended(rows(database).get('a'))).toBe(2)
    database.close()
  })

  test('a transaction that nobody asks anything of in time is over', async () => {
    const database = await open(fresh())
    const table = rows(database, 'readwrite')
    const end = outcome(table.transaction)
    await ended(table.put(1, 'a'))
    await turn()
    expect(thrown(() => table.put(2, 'a'))).toBe('TransactionInactiveError')
    expect(await end).toBe('complete')
    expect(thrown(() => table.put(2, 'a'))).toBe('TransactionInactiveError')
    expect(thrown(() => table.transaction.objectStore('rows'))).toBe('InvalidStateError')
    expect(thrown(() => table.transaction.abort())).toBe('InvalidStateError')
    database.close()
  })

  test('one that waits for its turn takes no requests in a later task', async () => {
    const database = await open(fresh())
    const first = rows(database, 'readwrite')
    let held: Promise<unknown> = Promise.resolve()
    const hold = (left: number) => {
      held = ended(first.get('a')).then(() => (left > 0 ? hold(left - 1) : undefined))
    }
    hold(50)
    const waiting = rows(database, 'readwrite')
    const later = new Promise<string>((resolve) => {
      // A second timer: on a busy machine Node takes the first for a part of the task that it was set in.
      setTimeout(() => setTimeout(() => resolve(thrown(() => waiting.put(1, 'b')))))
    })
    expect(await later).toBe('TransactionInactiveError')
    await held
    database.close()
  })

  test('what is aborted has not happened, and each request that waited hears so, before the transaction itself', async () => {
    const database = await open(fresh())
    rows(database, 'readwrite').put(1, 'a')
    const table = rows(database, 'readwrite')
    const seen: string[] = []
    await ended(table.put(2, 'a'))
    table.delete('a')
    table.put(3, 'b')
    for (const request of [table.get('a'), table.get('b')])
      request.addEventListener('error', () => seen.push(request.error?.name ?? ''))
    table.transaction.addEventListener('abort', () => seen.push(`abort ${table.transaction.error}`))
    table.transaction.abort()
    const found = rows(database)
    expect(await Promise.all(['a', 'b'].map((key) => ended(found.get(key))))).toEqual([1, undefined])
    expect(seen).toEqual(['AbortError', 'AbortError', 'abort null'])
    database.close()
  })

  test('a request that fails tells the transaction first, aborts it and cancels what comes after, unless that is prevented', async () => {
    const database = await open(fresh())
    const failing = (isPrevented: boolean) => {
      const table = rows(database, 'readwrite')
      const seen: string[] = []
      const heard =
        (who: string) =>
        ({ target }: Event) =>
          seen.push(`${who} ${(target as IDBRequest).error?.name}`)
      table.transaction.addEventListener('error', heard('on its way'), { capture: true })
      table.transaction.addEventListener('error', heard('back'))
      table.put(1, 'a')
      const request = table.add(2, 'a')
      request.addEventListener('error', (event) => {
        seen.push('request')
        if (isPrevented) event.preventDefault()
      })
      table.put(3, 'b')
      return { seen, end: outcome(table.transaction) }
    }
    const aborted = failing(false)
    expect(await aborted.end).toBe('abort ConstraintError')
    expect(aborted.seen.slice(0, 3)).toEqual(['on its way ConstraintError', 'request', 'back ConstraintError'])
    expect(aborted.seen.slice(3)).toEqual(['on its way AbortError', 'back AbortError'])
    expect(await ended(rows(database).getAll())).toEqual([])
    const prevented = failing(true)
    expect(await prevented.end).toBe('complete')
    expect(await ended(rows(database).getAll())).toEqual([1, 3])
    database.close()
  })

  test('keys are numbered from one, never twice but for those of an aborted transaction', async () => {
    const database = await open(fresh())
    const log = () => database.transaction(['log'], 'readwrite').objectStore('log')
    const first = log()
    expect(await Promise.all([first.add('a'), first.add('b')].map(ended))).toEqual([1, 2])
    const cleared = log()
    cleared.delete(IDBKeyRange.upperBound(2))
    expect(await ended(cleared.add('c'))).toBe(3)
    const aborted = log()
    expect(await ended(aborted.add('d'))).toBe(4)
    aborted.transaction.abort()
    expect(await ended(log().add('e'))).toBe(4)
    const last = log()
    expect(await ended(last.getAllKeys())).toEqual([3, 4])
    expect(await ended(last.getAll())).toEqual(['c', 'e'])
    expect(await ended(last.count())).toBe(2)
    database.close()
  })

  test('one that only reads writes nothing, one knows its durability, and there is none over what is not there', async () => {
    const database = await open(fresh())
    expect(thrown(() => rows(database).put(1, 'a'))).toBe('ReadOnlyError')
    expect(thrown(() => rows(database, 'readwrite').put(1))).toBe('DataError')
    expect(database.transaction(['rows'], 'readwrite', { durability: 'strict' }).durability).toBe('strict')
    expect(thrown(() => database.transaction(['none']))).toBe('NotFoundError')
    expect(thrown(() => database.transaction(['log']).objectStore('rows'))).toBe('NotFoundError')
    database.close()
  })

  test('a connection that is closed lets end what is under way, and takes no more', async () => {
    const name = fresh()
    const database = await open(name)
    const table = rows(database, 'readwrite')
    const end = outcome(table.transaction)
    const asked = ended(table.get('a')).then(() => table.put(1, 'a'))
    database.close()
    expect(thrown(() => rows(database))).toBe('InvalidStateError')
    await asked
    expect(await end).toBe('complete')
    const again = await open(name)
    expect(await ended(rows(again).get('a'))).toBe(1)
    again.close()
  })

  test('an upgrade asks others to close, says that it is held up where they do not, and waits', async () => {
    const name = fresh()
    const [old, other] = [await open(name, 1), await open(name, 1)]
    const seen: string[] = []
    old.addEventListener('versionchange', (event) => {
      seen.push(`asked ${event.oldVersion} ${event.newVersion}`)
      old.close()
    })
    other.addEventListener('versionchange', () => seen.push('deaf'))
    const request = opening(name, 2)
    await new Promise((resolve) => request.addEventListener('blocked', resolve))
    seen.push('blocked')
    const third = open(name)
    await turn()
    other.close()
    const database = (await ended(request)) as IDBDatabase
    expect(database.version).toBe(2)
    expect(seen).toEqual(['asked 1 2', 'deaf', 'blocked'])
    await expect(open(name, 1)).rejects.toMatchObject({ name: 'VersionError' })
    const newest = await third
    expect(newest.version).toBe(2)
    for (const each of [database, newest]) each.close()
  })

  test('an upgrade that is aborted leaves everything as it was', async () => {
    const name = fresh()
    const before = await open(name, 1)
    await ended(rows(before, 'readwrite').put(1, 'a'))
    before.close()
    const request = indexedDB.open(name, 2)
    request.addEventListener('upgradeneeded', () => {
      request.result.deleteObjectStore('rows')
      request.result.createObjectStore('others')
      request.transaction?.abort()
    })
    await expect(ended(request)).rejects.toMatchObject({ name: 'AbortError' })
    const after = await open(name)
    expect([after.version, ...after.objectStoreNames]).toEqual([1, 'log', 'rows'])
    expect(await ended(rows(after).get('a'))).toBe(1)
    after.close()
  })

  test('a database that is deleted waits for its connections too, and is a new one after', async () => {
    const name = fresh()
    const database = await open(name)
    await ended(database.transaction(['log'], 'readwrite').objectStore('log').add('a'))
    const table = rows(database, 'readwrite')
    const end = outcome(table.transaction)
    let asked = 0
    database.addEventListener('versionchange', () => {
      asked += 1
      database.close()
    })
    table.put(1, 'a')
    await ended(indexedDB.deleteDatabase(name))
    expect([await end, asked]).toEqual(['complete', 1])
    const again = await open(name)
    expect(await ended(rows(again).get('a'))).toBe(undefined)
    expect(await ended(again.transaction(['log'], 'readwrite').objectStore('log').add('a'))).toBe(1)
    again.close()
    await ended(indexedDB.deleteDatabase(name))
  })
}
