/**
 * Components on a real ring: they show what is stored, follow it once, and stop when they are gone.
 */
import { createElement, StrictMode } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, expect, test } from 'vitest'
import { defineCollection } from '../../src/collections/define-collection.ts'
import { type MemoryCluster, openCluster, type TabringNode } from '../../src/memory/open-cluster.ts'
import { partsOf, type StorageNode } from '../../src/node/storage-node.ts'
import { TabringProvider, useLive, useMembers, useNode, useStatus } from '../../src/react/react.ts'

const Todos = defineCollection<{ title: string }>('todos')

let cluster: MemoryCluster | undefined
let root: Root | undefined
const place = document.createElement('div')
document.body.append(place)

afterEach(async () => {
  root?.unmount()
  await cluster?.close()
})

let draws = 0

function List() {
  draws += 1
  const view = useLive(useNode()?.collection(Todos).group('list').watch())
  const members = useMembers().length
  const status = useStatus()
  if (view === undefined || view.status === 'loading') return 'loading'
  return `${view.entries.map(({ value }) => value.title).join(', ')}; ${members} members, ${status?.members} in status`
}

function draw(node: TabringNode | Promise<TabringNode> | null): void {
  root = createRoot(place)
  root.render(createElement(StrictMode, null, createElement(TabringProvider, { node }, createElement(List))))
}

const soon = { timeout: 15_000 }
const followed = (node: TabringNode) => partsOf(node as StorageNode).views.count()

test('a component shows a list as others change it, in strict mode following it once, and nothing once it is gone', async () => {
  cluster = await openCluster({ nodes: 3 })
  const [here, there] = [cluster.node(0), cluster.node(1)]
  draw(Promise.resolve(here))
  await expect.poll(() => place.textContent, soon).toBe('; 3 members, 3 in status')
  await there.collection(Todos).group('list').set('a', { title: 'eggs' })
  await expect.poll(() => place.textContent, soon).toBe('eggs; 3 members, 3 in status')
  expect(followed(here)).toBe(1)
  const before = draws
  await there.collection(Todos).group('other').set('b', { title: 'milk' })
  root?.unmount()
  expect(draws - before).toBeLessThan(5)
  await expect.poll(() => followed(here), soon).toBe(0)
})

test('a component shows that there is no node yet', async () => {
  draw(null)
  await expect.poll(() => place.textContent).toBe('loading')
})
