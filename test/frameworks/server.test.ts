/**
 * The recipes on a server, where no node is: each prints what it shows while it loads, and so it does with a node.
 */
import { createElement } from 'react'
import { renderToString as reactToString } from 'react-dom/server'
import { createComponent } from 'solid-js'
import { renderToString as solidToString } from 'solid-js/web'
import { render as svelteToString } from 'svelte/server'
import { expect, test } from 'vitest'
import { createSSRApp } from 'vue'
import { renderToString as vueToString } from 'vue/server-renderer'
import { openCluster, type TabringNode } from '../../src/memory/open-cluster.ts'
import { partsOf, type StorageNode } from '../../src/node/storage-node.ts'
import { TabringProvider } from '../../src/react/react.ts'
import { List as ReactList } from './recipes/react/Todos.tsx'
import { NodeContext, List as SolidList } from './recipes/solid/Todos.tsx'
import SvelteList from './recipes/svelte/Todos.svelte'
import VueList from './recipes/vue/Todos.vue'

const props = { list: 'list-1' }

/** The text that each framework prints. */
async function printed(node: TabringNode | null): Promise<readonly string[]> {
  const solid = solidToString(() =>
    createComponent(NodeContext.Provider, {
      value: node,
      get children() {
        return createComponent(SolidList, props)
      },
    }),
  )
  const pages = [
    svelteToString(SvelteList, { props, context: new Map([['node', node]]) }).body,
    await vueToString(createSSRApp(VueList, props).provide('node', node)),
    solid,
    reactToString(createElement(TabringProvider, { node }, createElement(ReactList, props))),
  ]
  return pages.map((page) => page.replaceAll(/<[^>]*>/g, '').trim())
}

const loading = ['Loading', 'Loading', 'Loading', 'Loading']

test('a server prints the loading state, with a node and without one, and follows nothing afterwards', async () => {
  expect(await printed(null)).toEqual(loading)
  const cluster = await openCluster({ nodes: 1 })
  expect(await printed(cluster.node(0))).toEqual(loading)
  const { views } = partsOf(cluster.node(0) as StorageNode)
  await expect.poll(() => views.count(), { timeout: 15_000 }).toBe(0)
  await cluster.close()
})
