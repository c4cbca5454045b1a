/**
 * One node in one browsing context.
 *
 * In a frame of the demo's page, the page reaches it as `window.tabringNode`.
 */
import { openNode, type TabringNode } from '../src/index.ts'

/** The properties that the page finds in each frame. */
export interface NodeWindow {
  tabringNode?: Promise<TabringNode>
}

/** The address of the signaling server, as the demo's own server tells it. */
async function signalingUrl(): Promise<string> {
  const response = await fetch('./signaling')
  const { url } = (await response.json()) as { readonly url: string }
  return url
}

async function open(): Promise<TabringNode> {
  const device = new URLSearchParams(location.search).get('device')
  const signaling = await signalingUrl()
  return openNode({ cluster: 'tabring demo', signaling, ...(device === null ? {} : { device }) })
}

function show(node: TabringNode): void {
  const status = document.querySelector('#status')
  const render = () => {
    if (status !== null) status.textContent = JSON.stringify(node.status(), null, 2)
  }
  node.on('members', render)
  node.on('repair', render)
  setInterval(render, 1000)
  render()
}

const opened = open()
Object.assign(window, { tabringNode: opened } satisfies NodeWindow)
opened.then(show, (error: unknown) => {
  const status = document.querySelector('#status')
  if (status !== null) status.textContent = error instanceof Error ? error.message : String(error)
})
