/**
 * Components on a server, where no node is.
 */
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { expect, test } from 'vitest'
import { defineCollection } from '../../src/collections/define-collection.ts'
import { openCluster } from '../../src/memory/open-cluster.ts'
import { TabringProvider, useLive, useNode } from '../../src/react/react.ts'

const Todos = defineCollection('todos')

function List() {
  const view = useLive(useNode()?.collection(Todos).group('list').watch())
  return view === undefined ? 'no node' : view.status
}

const drawn = (node: Parameters<typeof TabringProvider>[0]['node']) =>
  renderToString(createElement(TabringProvider, { node }, createElement(List)))

test('a server prints the loading state, with a node and without one', async () => {
  expect(drawn(null)).toBe('no node')
  expect(drawn(new Promise(() => {}))).toBe('no node')
  const cluster = await openCluster({ nodes: 1 })
  expect(drawn(cluster.node(0))).toBe('loading')
  await cluster.close()
})
