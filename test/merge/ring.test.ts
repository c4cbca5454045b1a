/**
 * Merge types by hand on a real ring in memory: 200 increments from five tabs, two at once in each, over reads of one
 * replica, while the ring is cut and healed.
 */
import { expect, test } from 'vitest'
import { openCluster, type TabringNode } from '../../src/memory/open-cluster.ts'
import { change, counter, each, fields, read, set } from '../../src/merge/merge.ts'

interface Post {
  readonly likes: number
  readonly by: Record<string, number>
  readonly tags: readonly string[]
}
const PostType = fields<Post>({ likes: counter(), by: each(counter()), tags: set() })

/** Updates of one tab, one after the other. It hands in what it put last. */
function tabOf(node: TabringNode, actor: string) {
  let mine: readonly unknown[] = []
  let before = Promise.resolve()
  const update = async (to: (post: Post) => Post): Promise<void> => {
    const { values, context } = await node.get('post', { r: 1 })
    const siblings = [...values, ...mine]
    const shown = read(PostType, siblings) ?? { likes: 0, by: {}, tags: [] }
    mine = [change(PostType, siblings, { to: to(shown), stamp: { actor, time: Date.now() } })]
    await node.put('post', context, mine[0], { w: 1 })
  }
  return (to: (post: Post) => Post) => {
    before = before.then(() => update(to))
    return before
  }
}

test('200 increments of five tabs are 200, and each tab counted its own', async () => {
  const cluster = await openCluster({ nodes: 5 })
  const tabs = [0, 1, 2, 3, 4].map((index) => tabOf(cluster.node(index), `tab ${index}`))
  for (let round = 0; round < 20; round += 1) {
    if (round % 8 === 2) cluster.cut([0, 1], [2, 3, 4])
    if (round % 8 === 6) cluster.heal()
    const like = (index: number) => (post: Post) => ({
      likes: post.likes + 1,
      by: { ...post.by, [`tab ${index}`]: (post.by[`tab ${index}`] ?? 0) + 1 },
      tags: [
        ...post.tags.filter((tag) => tag !== `from ${index}, round ${round - 1}`),
        `from ${index}, round ${round}`,
      ],
    })
    await Promise.all(tabs.flatMap((tab, index) => [tab(like(index)), tab(like(index))]))
  }
  cluster.heal()
  await Promise.all([0, 1, 2, 3, 4].map((index) => cluster.node(index).repair()))
  const shown = async () => read(PostType, (await cluster.node(3).get('post', { r: 3 })).values)
  await expect.poll(shown, { timeout: 20_000 }).toEqual({
    likes: 200,
    by: Object.fromEntries([0, 1, 2, 3, 4].map((index) => [`tab ${index}`, 40])),
    tags: [0, 1, 2, 3, 4].map((index) => `from ${index}, round 19`),
  })
  await cluster.close()
})
