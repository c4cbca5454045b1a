/**
 * The real nodes on the memory world: what the paper's sections 4.3 to 4.7 promise, without a browser.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { bounds } from '../../src/core/bounds.ts'
import { type MemoryCluster, openCluster, type TabringNode } from '../../src/memory/open-cluster.ts'

let cluster: MemoryCluster | undefined
afterEach(async () => {
  await cluster?.close()
  cluster = undefined
})
const open = async (options: Parameters<typeof openCluster>[0]) => {
  cluster = await openCluster(options)
  return cluster
}

const keys = (count: number) => Array.from({ length: count }, (_, index) => `key ${index}`)

/** Resolves once `condition` holds, looked at whenever the node says that something happened, and now and then. */
const until = (condition: () => boolean | Promise<boolean>) =>
  expect.poll(condition, { timeout: 20_000, interval: 20 }).toBe(true)

const indexOf = (ring: MemoryCluster, id: string | undefined) => ring.nodes.findIndex((node) => node?.id === id)

describe('get and put', () => {
  test('what one node puts every node gets, with its quorum', async () => {
    const ring = await open({ nodes: 5 })
    const results = await Promise.all(keys(40).map((key) => ring.node(0).put(key, null, { key })))
    for (const result of results) expect(result).toMatchObject({ quorum: true, hinted: 0 })
    for (const node of ring.nodes as TabringNode[]) {
      for (const key of keys(40)) expect(await node.get(key)).toMatchObject({ values: [{ key }], quorum: true })
    }
  })

  test('a put with its context replaces, blind puts stand side by side, a delete with its context removes', async () => {
    const ring = await open({ nodes: 3 })
    const [a, b] = [ring.node(0), ring.node(1)]
    const first = await a.put('cart', null, 'eggs')
    const second = await a.put('cart', first.context, 'eggs and milk')
    expect((await b.get('cart')).values).toEqual(['eggs and milk'])
    await b.put('cart', null, 'bread')
    const both = await a.get('cart')
    expect([...both.values].sort()).toEqual(['bread', 'eggs and milk'])
    await b.put('cart', second.context, 'only milk')
    expect([...(await a.get('cart')).values].sort()).toEqual(['bread', 'only milk'])
    const all = await a.get('cart')
    await a.delete('cart', all.context)
    const gone = await b.get('cart')
    expect(gone.values).toEqual([])
    expect(gone.context).not.toBeNull()
    await b.put('cart', gone.context, 'again')
    expect((await a.get('cart')).values).toEqual(['again'])
  })

  test('a delete without a context deletes nothing that was not seen', async () => {
    const ring = await open({ nodes: 3 })
    await ring.node(0).put('kept', null, 1)
    await ring.node(1).delete('kept', null)
    expect((await ring.node(2).get('kept')).values).toEqual([1])
  })

  test('a stale context removes only what its reader saw', async () => {
    const ring = await open({ nodes: 3 })
    const node = ring.node(0)
    const { context } = await node.put('k', null, 1)
    await node.put('k', context, 2)
    await node.put('k', context, 3)
    expect([...(await node.get('k')).values].sort()).toEqual([2, 3])
  })

  test('a value ends when it expires, and what is written over it is not touched by that', async () => {
    const ring = await open({ nodes: 3 })
    const node = ring.node(0)
    await node.put('short', null, 1, { expiresAt: new Date(Date.now() - 1) })
    const { values, context } = await node.get('short')
    expect(values).toEqual([])
    expect(context).not.toBeNull()
    await node.put('long', null, 1, { expiresAt: new Date(Date.now() + 3_600_000) })
    expect((await node.get('long')).values).toEqual([1])
  })

  test('siblings are told to whoever listens for conflicts', async () => {
    const ring = await open({ nodes: 3 })
    const heard = new Promise((resolve) => ring.node(2).on('conflict', resolve))
    await Promise.all([ring.node(0).put('k', null, 1), ring.node(1).put('k', null, 2)])
    await ring.node(2).get('k')
    expect(await heard).toEqual({ collection: '', group: null, key: 'k', siblings: 2 })
  })
})

describe('when nodes are away', () => {
  test('a put is taken by fallbacks, served by them, and handed on when the owners are back', async () => {
    const ring = await open({ nodes: 5 })
    const owners = ring.node(0).placement('k').owners
    const dead = owners.slice(0, 2).map((id) => indexOf(ring, id))
    const alive = ring.nodes.flatMap((node, index) => (dead.includes(index) || node === undefined ? [] : [index]))
    for (const index of dead) ring.kill(index)
    const node = ring.node(alive[0] ?? 0)
    expect(await node.put('k', null, 'v')).toMatchObject({ quorum: true, hinted: expect.any(Number) })
    for (const index of alive) expect(await ring.node(index).get('k')).toMatchObject({ values: ['v'], quorum: true })
    for (const index of dead) await ring.restart(index)
    await until(() => ring.nodes.every((each) => each?.status().hints === 0))
    const holds = await Promise.all(dead.map(async (index) => (await ring.node(index).inspect()).keys))
    for (const held of holds) expect(held).toContainEqual(expect.objectContaining({ key: 'k', role: 'owner' }))
  })

  test('owners alone can be demanded, and devices: without them an answer is no quorum, and strict says what is missing', async () => {
    const ring = await open({ nodes: 5 })
    const first = await ring.node(0).put('k', null, 'v', { w: 3, pw: 3, devices: 3 })
    expect(first).toMatchObject({ quorum: true, acks: 3, devices: 3 })
    const dead = ring
      .node(0)
      .placement('k')
      .owners.slice(0, 2)
      .map((id) => indexOf(ring, id))
    for (const index of dead) ring.kill(index)
    const node = ring.nodes.find((each) => each !== undefined) as TabringNode
    expect(await node.put('k', first.context, 'w', { pw: 1 })).toMatchObject({ quorum: true })
    expect(await node.put('k', first.context, 'x', { pw: 2 })).toMatchObject({
      quorum: false,
      acks: expect.any(Number),
    })
    await expect(node.put('k', first.context, 'y', { pw: 2, strict: true })).rejects.toMatchObject({
      code: 'quorum-unreachable',
      changed: 'stored',
      message: expect.stringContaining('1 of 2 owners'),
    })
    expect(await node.get('k', { pr: 1 })).toMatchObject({ quorum: true })
    expect(await node.get('k', { pr: 2 })).toMatchObject({ quorum: false })
    await expect(node.get('k', { pr: 2, strict: true })).rejects.toMatchObject({
      code: 'quorum-unreachable',
      changed: 'nothing',
      message: expect.stringContaining('1 of 2 owners'),
    })
  })

  test('two tabs of one device are two nodes and no two devices', async () => {
    const ring = await open({ nodes: 2, devices: 1, n: 2 })
    expect(await ring.node(0).put('k', null, 1, { w: 2 })).toMatchObject({ quorum: true, acks: 2, devices: 1 })
    expect(await ring.node(0).put('k', null, 1, { w: 2, devices: 2 })).toMatchObject({ quorum: false, devices: 1 })
  })

  test('an isolated node accepts a put, says how many hold it, and hands it on when the link is healed', async () => {
    const ring = await open({ nodes: 4 })
    ring.cut([0], [1, 2, 3])
    const result = await ring.node(0).put('island', null, 'v')
    expect(result).toMatchObject({ acks: 1, devices: 1, quorum: false })
    expect((await ring.node(1).get('island')).values).toEqual([])
    ring.heal()
    await until(async () => (await ring.node(1).get('island')).values.length === 1)
    await until(() => ring.node(0).status().hints === 0)
  })

  test('a reader who must see a write goes on asking until somebody has it, and is told where nobody does', async () => {
    const ring = await open({ nodes: 6 })
    const first = await ring.node(0).put('k', null, 'first')
    const owners = ring
      .node(0)
      .placement('k')
      .owners.map((id) => indexOf(ring, id))
    const others = ring.nodes.flatMap((_, index) => (owners.includes(index) ? [] : [index]))
    // On this side of the cut only fallbacks take the second write.
    ring.cut(owners, others)
    const [writer = 0, reader = 0] = others
    const second = await ring.node(writer).put('k', first.context, 'second')
    expect(await ring.node(reader).get('k', { atLeast: second.context })).toMatchObject({ values: ['second'] })
    const [cutOff = 0] = owners
    const missed = await ring.node(cutOff).get('k', { atLeast: second.context })
    expect(missed).toMatchObject({ values: ['first'], quorum: false })
    const strict = ring.node(cutOff).get('k', { atLeast: second.context, strict: true })
    await expect(strict).rejects.toMatchObject({ code: 'quorum-unreachable', changed: 'nothing' })
    ring.heal()
    await until(async () => (await ring.node(cutOff).get('k', { atLeast: second.context })).quorum)
    await expect(ring.node(0).get('other', { atLeast: second.context })).rejects.toMatchObject({
      code: 'invalid-context',
    })
  })

  test('writes on both sides of a partition are both kept', async () => {
    const ring = await open({ nodes: 6 })
    const { context } = await ring.node(0).put('k', null, 'before')
    ring.cut([0, 1, 2], [3, 4, 5])
    await ring.node(0).put('k', context, 'left')
    await ring.node(5).put('k', context, 'right')
    ring.heal()
    await until(async () => (await ring.node(2).get('k')).values.length === 2)
    await until(() => ring.nodes.every((node) => node?.status().hints === 0))
    for (const node of ring.nodes as TabringNode[])
      expect([...(await node.get('k')).values].sort()).toEqual(['left', 'right'])
  })

  test('an answer below r says so, and with strict it rejects', async () => {
    const ring = await open({ nodes: 3 })
    await ring.node(0).put('k', null, 1)
    ring.kill(1)
    ring.kill(2)
    expect(await ring.node(0).get('k')).toMatchObject({ values: [1], replies: 1, quorum: false })
    await expect(ring.node(0).get('k', { strict: true })).rejects.toMatchObject({
      code: 'quorum-unreachable',
      changed: 'nothing',
    })
    await expect(ring.node(0).put('k', null, 2, { strict: true })).rejects.toMatchObject({
      code: 'quorum-unreachable',
      changed: 'stored',
    })
  })

  test('a node that was killed comes back as the same node with its data', async () => {
    const ring = await open({ nodes: 3 })
    const { id } = ring.node(1)
    await ring.node(0).put('k', null, 'v')
    // The put was answered at two of three; the third has it when it says so.
    await until(async () => (await ring.node(1).inspect()).keys.length === 1)
    ring.kill(0)
    ring.kill(1)
    ring.kill(2)
    const back = await ring.restart(1)
    expect(back.id).toBe(id)
    expect((await back.get('k', { r: 1 })).values).toEqual(['v'])
  })
})

describe('what once went wrong', () => {
  test.each([1, 2, 3, 4])(
    'a node that restarts at once is in step at once, whoever of the two asks (seed %i)',
    async (seed) => {
      const ring = await open({ nodes: 2, n: 2, w: 1, seed })
      await ring.node(0).put('before', null, 1)
      await until(() => ring.node(1).status().records === 1)
      ring.kill(1)
      for (let index = 0; index < 50; index += 1) await ring.node(0).put(`missed ${index}`, null, index)
      const node = await ring.restart(1)
      const startedAt = performance.now()
      await until(() => node.status().records === 51)
      await until(() => ring.node(0).status().hints === 0)
      // Long before the next exchange that is due anyway, or the next sweep of hints.
      expect(performance.now() - startedAt).toBeLessThan(bounds.handoffIntervalMs / 2)
    },
  )

  test('a put before the owners are in sync is kept, says that no quorum confirmed it, and is there later', async () => {
    const ring = await open({ nodes: 3 })
    ring.kill(1)
    ring.kill(2)
    const fresh = ring.restart(1)
    const results = await Promise.all([ring.node(0).put('a', null, 1), fresh.then((node) => node.put('b', null, 2))])
    for (const result of results) expect(result.acks).toBeGreaterThanOrEqual(0)
    await ring.restart(2)
    await Promise.all((ring.nodes as TabringNode[]).map((node) => node.joined({ members: 3 })))
    expect((await ring.node(2).get('a')).values).toEqual([1])
    expect((await ring.node(2).get('b')).values).toEqual([2])
  })

  test('as many puts at once as a record holds siblings are as many siblings', async () => {
    const ring = await open({ nodes: 3 })
    const written = Array.from({ length: bounds.siblingsMax }, (_, index) => index)
    await Promise.all(written.map((index) => ring.node(index % 3).put('hot', null, index)))
    const { values } = await ring.node(0).get<number>('hot', { r: 3 })
    expect([...values].sort((a, b) => a - b)).toEqual(written)
  })

  test('a context of another key is refused and takes nothing along', async () => {
    const ring = await open({ nodes: 3 })
    const node = ring.node(0)
    await node.put('one', null, 1)
    await node.put('two', null, 2)
    const { context } = await node.get('one')
    await expect(node.put('two', context, 3)).rejects.toMatchObject({ code: 'invalid-context', changed: 'nothing' })
    expect((await node.get('two')).values).toEqual([2])
  })

  test('a key of 6 MiB in siblings moves to a new owner and keeps no other key back', async () => {
    const ring = await open({ nodes: 3, n: 2, r: 1, w: 1, timeoutMs: 60_000 })
    ring.kill(2)
    const large = new Uint8Array(1_000_000)
    for (let sibling = 0; sibling < 6; sibling += 1) await ring.node(0).put('large', null, large)
    await ring.node(0).put('small', null, 1)
    const node = await ring.restart(2)
    await node.joined({ members: 3 })
    await until(() => ring.nodes.every((each) => each?.status().hints === 0))
    expect((await node.get('large')).values).toHaveLength(6)
    expect((await node.get('small')).values).toEqual([1])
  })

  test('a node that has left comes back as another one', async () => {
    const ring = await open({ nodes: 3, n: 1, r: 1, w: 1 })
    const { id } = ring.node(2)
    await ring.node(2).leave()
    ring.kill(2)
    const node = await ring.restart(2)
    await node.joined({ members: 3 })
    expect(node.id).not.toBe(id)
    expect(ring.node(0).status().members).toBe(3)
  })
})

describe('repair and moving ownership', () => {
  test('a new node fetches what it comes to own, and former owners drop it then', async () => {
    const small = await open({ nodes: 4, n: 1, r: 1, w: 1 })
    await Promise.all(keys(60).map((key) => small.node(0).put(key, null, key)))
    const before = small.nodes.map((node) => node?.status().records ?? 0)
    expect(before.reduce((sum, count) => sum + count, 0)).toBe(60)
    await small.node(3).leave()
    small.kill(3)
    await until(() => [0, 1, 2].reduce((sum, index) => sum + small.node(index).status().records, 0) === 60)
    const joiner = await small.restart(3)
    await joiner.joined({ members: 4 })
    await until(() => small.nodes.reduce((sum, node) => sum + (node?.status().records ?? 0), 0) === 60)
    expect(joiner.status().records).toBeGreaterThan(0)
    await until(() => small.nodes.every((node) => node?.status().partitions.retained === 0))
    for (const node of small.nodes as TabringNode[]) {
      for (const key of keys(60)) expect((await node.get(key)).values, key).toEqual([key])
    }
  })

  test('a node leaves while the others go on writing keys that nobody has written before', async () => {
    const ring = await open({ nodes: 5 })
    const written: string[] = []
    let hasLeft = false
    const write = async (node: TabringNode, name: string) => {
      for (let at = 0; !hasLeft; at += 1) {
        const { quorum } = await node.put(`${name} ${at}`, null, at)
        if (quorum) written.push(`${name} ${at}`)
      }
    }
    const writers = [0, 1, 3].map((index) => write(ring.node(index), `writer ${index}`))
    await until(() => written.length > 20)
    await ring.node(2).leave()
    hasLeft = true
    await Promise.all(writers)
    await until(() => [0, 1, 3, 4].every((index) => ring.node(index).status().partitions.syncing === 0))
    for (const key of written) expect((await ring.node(4).get(key)).values).toHaveLength(1)
  })

  test('a node alone with data refuses to leave, and nothing has changed', async () => {
    const ring = await open({ nodes: 2, n: 1, r: 1, w: 1 })
    await Promise.all(keys(20).map((key) => ring.node(0).put(key, null, key)))
    ring.kill(1)
    await expect(ring.node(0).leave()).rejects.toMatchObject({ code: 'quorum-unreachable', changed: 'nothing' })
    expect(ring.node(0).status().state).toBe('open')
    expect(ring.node(0).status().records).toBeGreaterThan(0)
  })

  test('replicas lie on distinct devices', async () => {
    const ring = await open({ nodes: 6, devices: 3 })
    const deviceOf = new Map(
      ring
        .node(0)
        .members()
        .map(({ id, device }) => [id, device]),
    )
    for (const key of keys(50)) {
      const { owners } = ring.node(0).placement(key)
      expect(new Set(owners.map((id) => deviceOf.get(id))).size).toBe(3)
    }
    const result = await ring.node(0).put('k', null, 1, { w: 3 })
    expect(result).toMatchObject({ acks: 3, devices: 3 })
  })
})

test('two clusters live in one process, and the same seed gives the same nodes', async () => {
  const first = await open({ nodes: 2, seed: 7 })
  const second = await openCluster({ nodes: 2, seed: 7 })
  expect(second.nodes.map((node) => node?.id).sort()).toEqual(first.nodes.map((node) => node?.id).sort())
  await first.node(0).put('k', null, 1)
  expect((await second.node(0).get('k')).values).toEqual([])
  await second.close()
})

test('a cluster in memory refuses options it does not know, and to start what runs', async () => {
  const misspelt = { nodes: 2, replicas: 2 } as Parameters<typeof openCluster>[0]
  await expect(openCluster(misspelt)).rejects.toMatchObject({ code: 'invalid-option', message: /replicas/ })
  const ring = await open({ nodes: 2, graceMs: 5_000, retentionMs: 60_000 })
  await expect(ring.restart(1)).rejects.toMatchObject({ code: 'invalid-option' })
  expect(ring.node(0).status().members).toBe(2)
})

test('whatever is under way when a node closes ends with a code', async () => {
  const ring = await open({ nodes: 3 })
  const node = ring.node(0)
  const waiting = [node.get('k'), node.put('k', null, 1), node.joined({ members: 9 })]
  await node.close()
  for (const outcome of await Promise.allSettled(waiting)) {
    if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ name: 'TabringError', code: 'closed' })
  }
  await expect(node.get('k')).rejects.toMatchObject({ code: 'closed' })
})
