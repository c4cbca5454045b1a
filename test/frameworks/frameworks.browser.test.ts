/**
 * The recipes of the guide of frameworks on a real ring: components show what is stored, tell loading and partial from
 * live, follow another list, and stop when they are gone.
 */
import { createElement } from 'react'
import { createRoot } from 'react-dom/client'
import { createComponent, createSignal } from 'solid-js'
import { render } from 'solid-js/web'
import { mount, unmount } from 'svelte'
import { fromStore, writable } from 'svelte/store'
import { expect, onTestFinished, test } from 'vitest'
import { createApp, h, shallowRef } from 'vue'
import { defineCollection } from '../../src/collections/define-collection.ts'
import { type MemoryCluster, openCluster, type TabringNode } from '../../src/memory/open-cluster.ts'
import { partsOf, type StorageNode } from '../../src/node/storage-node.ts'
import { TabringProvider } from '../../src/react/react.ts'
import { opens } from './opening.ts'

const Todos = defineCollection<{ title: string }>('todos')

/** One framework: the application as its `main` file starts it, and a component that is given another list. */
interface Framework {
  /** Resolves with the function that ends it. */
  start(): Promise<() => unknown>
  /** `show` gives the component another list. */
  draw(
    node: TabringNode,
    place: Element,
  ): Promise<{ readonly show: (list: string) => void; readonly end: () => unknown }>
}

const svelte: Framework = {
  async start() {
    const { app } = await import('./recipes/svelte/main.ts')
    return () => unmount(app)
  },
  async draw(node, target) {
    const { default: List } = await import('./recipes/svelte/Todos.svelte')
    const list = writable('first')
    const current = fromStore(list)
    const props = {
      get list() {
        return current.current
      },
    }
    const app = mount(List, { target, props, context: new Map([['node', node]]) })
    return { show: list.set, end: () => unmount(app) }
  },
}

const vue: Framework = {
  async start() {
    const { app } = await import('./recipes/vue/main.ts')
    return () => app.unmount()
  },
  async draw(node, place) {
    const { default: List } = await import('./recipes/vue/Todos.vue')
    const list = shallowRef('first')
    const app = createApp({ render: () => h(List, { list: list.value }) }).provide('node', node)
    app.mount(place)
    return {
      show: (name) => {
        list.value = name
      },
      end: () => app.unmount(),
    }
  },
}

const solid: Framework = {
  async start() {
    const { end } = await import('./recipes/solid/main.tsx')
    return end
  },
  async draw(node, place) {
    const { List, NodeContext } = await import('./recipes/solid/Todos.tsx')
    const [list, show] = createSignal('first')
    const props = {
      get list() {
        return list()
      },
    }
    const inside = {
      value: node,
      get children() {
        return createComponent(List, props)
      },
    }
    return { show, end: render(() => createComponent(NodeContext.Provider, inside), place) }
  },
}

const react: Framework = {
  async start() {
    const { app } = await import('./recipes/react/main.tsx')
    return () => app.unmount()
  },
  async draw(node, place) {
    const { List } = await import('./recipes/react/Todos.tsx')
    const root = createRoot(place)
    const show = (list: string) => root.render(createElement(TabringProvider, { node }, createElement(List, { list })))
    show('first')
    return { show, end: () => root.unmount() }
  },
}

const frameworks = Object.entries({ svelte, vue, solid, react })
const soon = { timeout: 15_000 }
const followed = (node: TabringNode) => partsOf(node as StorageNode).views.count()

/** A ring, and an element that is in the page for as long as the test runs. */
async function stage(id: string): Promise<{ readonly cluster: MemoryCluster; readonly place: HTMLElement }> {
  const cluster = await openCluster({ nodes: 3 })
  const place = document.createElement('div')
  place.id = id
  document.body.append(place)
  onTestFinished(async () => {
    place.remove()
    await cluster.close()
  })
  return { cluster, place }
}

test.each(frameworks)(
  '%s: an application shows loading, what another tab puts, and that there may be more',
  async (name, { start }) => {
    const { cluster, place } = await stage('app')
    const shown = () => place.textContent.replaceAll(/\s+/g, ' ').trim()
    opens(cluster.node(0))
    const drawn = new Set<string>()
    const observer = new MutationObserver(() => drawn.add(shown()))
    observer.observe(place, { childList: true, characterData: true, subtree: true })
    const end = await start()
    await expect.poll(() => place.querySelector('ul')?.textContent, soon).toBe('')
    observer.disconnect()
    expect([...drawn]).toEqual(['Loading', ''])

    const list = cluster.node(1).collection(Todos).group('list-1')
    await list.set('a', { title: 'eggs' })
    await expect.poll(shown, soon).toBe('eggs')
    await list.set('b', { title: 'milk' })
    await list.delete('a')
    await expect.poll(shown, soon).toBe('milk')

    cluster.kill(1)
    cluster.kill(2)
    await expect.poll(shown, soon).toMatch(/^milk ?There may be more$/)
    await end()
    expect(place.textContent, name).toBe('')
  },
)

test.concurrent.each(frameworks)(
  '%s: a component follows one list, then another, and none once it is gone',
  async (name, { draw }) => {
    const { cluster, place } = await stage(`place of ${name}`)
    const shown = () => place.textContent.trim()
    const [here, there] = [cluster.node(0), cluster.node(1)]
    await there.collection(Todos).group('first').set('a', { title: 'eggs' })
    await there.collection(Todos).group('second').set('a', { title: 'milk' })
    const { show, end } = await draw(here, place)
    await expect.poll(shown, soon).toBe('eggs')
    expect(followed(here)).toBe(1)
    show('second')
    await expect.poll(shown, soon).toBe('milk')
    await expect.poll(() => followed(here), soon).toBe(1)
    await end()
    expect(shown()).toBe('')
    await expect.poll(() => followed(here), soon).toBe(0)
  },
)
