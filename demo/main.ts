/**
 * The demo's page: five nodes in frames, the ring they make, and a form to put, get and delete through any of them.
 */
import type { Context, Inspection, TabringNode } from '../src/index.ts'
import { drawRing } from './ring-view.ts'
import { TabNode } from './tab-node.ts'
import { drawCards, drawHoldings, type Holding, make } from './views.ts'

const devices = ['laptop', 'laptop', 'phone', 'phone', 'tablet']
/** Puts under way at once while the countries load. */
const loadingAtOnce = 16
const refreshMs = 1000

function find<T extends HTMLElement>(selector: string): T {
  const found = document.querySelector<T>(selector)
  if (found === null) throw new Error(`the page has no ${selector}`)
  return found
}

const frames = make('div', { className: 'frames', ariaHidden: 'true' })
document.body.append(frames)
const nodes = devices.map((device, index) => new TabNode(index + 1, device, frames))
const through = find<HTMLSelectElement>('#through')
const keyInput = find<HTMLInputElement>('#key')
const valueInput = find<HTMLTextAreaElement>('#value')
const answer = find<HTMLOutputElement>('#answer')

/** What the person has last got of each key, to be handed back with the next put. */
const contexts = new Map<string, Context | null>()
let chosen: string | undefined
let refreshing = false

const openNodes = (): readonly TabNode[] => nodes.filter((node) => node.node !== undefined)
const anyNode = (): TabringNode | undefined => openNodes()[0]?.node
const nodeOf = (id: string): TabNode | undefined => nodes.find((node) => node.id === id)

function coordinator(): TabringNode | undefined {
  return nodes.find((node) => String(node.number) === through.value)?.node ?? anyNode()
}

async function toggle(node: TabNode): Promise<void> {
  if (node.state === 'closed') await Promise.all([node.open(), refresh()])
  else node.close()
  await refresh()
}

function choose(key: string): void {
  chosen = key
  keyInput.value = key
  void ask('get', key)
}

function holdingsOf(inspections: readonly (readonly [TabNode, Inspection | undefined])[]): readonly Holding[] {
  const holders = new Map<string, Holding['holders'][number][]>()
  for (const [node, inspection] of inspections) {
    for (const { key, role } of inspection?.keys ?? []) {
      const list = holders.get(key) ?? []
      holders.set(key, list)
      list.push({ node, role })
    }
  }
  return [...holders].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, list]) => ({ key, holders: list }))
}

async function refresh(): Promise<void> {
  if (refreshing) return
  refreshing = true
  const inspections = await Promise.all(nodes.map(async (node) => [node, await node.inspect()] as const))
  refreshing = false
  const placement = chosen === undefined ? undefined : anyNode()?.placement(chosen)
  const owners = placement?.owners ?? []
  drawCards(find('#cards'), nodes, owners, (node) => void toggle(node))
  const holdings = holdingsOf(inspections)
  drawHoldings(find('#holders'), holdings, chosen, choose)
  find('#key-count').textContent = holdings.length === 0 ? '' : `${holdings.length}`
  find('#keys').replaceChildren(...holdings.map(({ key }) => make('option', { value: key })))
  const ring = inspections.find(([, inspection]) => inspection !== undefined)?.[1]?.ring ?? []
  const target = chosen === undefined || placement === undefined ? undefined : { key: chosen, ...placement }
  drawRing(find('#ring'), ring, (id) => nodeOf(id)?.colour ?? 'var(--node-6)', target)
  if (target !== undefined) {
    const names = owners
      .map((id) => nodeOf(id))
      .map((node) => (node === undefined ? 'another tab' : `node ${node.number} (${node.device})`))
    find('#ring-text').textContent = `${target.key} belongs to ${names.join(', ')}.`
  }
  const open = openNodes()
  const meshed = open.filter((node) => node.status !== undefined && node.status.reachable >= open.length).length
  find('#joined').textContent =
    open.length === meshed ? `${open.length} joined` : `${open.length} open, ${meshed} joined`
}

function fillThrough(): void {
  through.replaceChildren(...nodes.map((node) => make('option', { value: String(node.number) }, `Node ${node.number}`)))
}

function tell(text: string, values: readonly unknown[] = [], bad = false): void {
  const print = (value: unknown) => make('pre', {}, JSON.stringify(value, null, 2))
  answer.replaceChildren(make('span', { className: bad ? 'bad' : '' }, text), ...values.map(print))
}

type Action = 'get' | 'put' | 'blind' | 'delete'

async function ask(action: Action, key: string): Promise<void> {
  const node = coordinator()
  if (node === undefined) {
    tell('All nodes are closed. Reopen one.', [], true)
    return
  }
  chosen = key
  try {
    if (action === 'get') await get(node, key)
    else await write(node, action, key)
  } catch (error) {
    tell(error instanceof Object && 'message' in error ? String(error.message) : String(error), [], true)
  }
  await refresh()
}

async function get(node: TabringNode, key: string): Promise<void> {
  const { values, context, replies, quorum } = await node.get(key)
  contexts.set(key, context)
  const what = values.length === 0 ? 'Nothing there' : values.length === 1 ? 'One value' : `${values.length} siblings`
  tell(`${what}, from ${replies} ${replies === 1 ? 'node' : 'nodes'}${quorum ? '' : ' (below the quorum)'}.`, values)
}

async function write(node: TabringNode, action: Exclude<Action, 'get'>, key: string): Promise<void> {
  // A delete removes what was seen, so it looks first where nothing was.
  if (action === 'delete' && !contexts.has(key)) contexts.set(key, (await node.get(key)).context)
  const context = action === 'blind' ? null : (contexts.get(key) ?? null)
  const result =
    action === 'delete' ? await node.delete(key, context) : await node.put(key, context, JSON.parse(valueInput.value))
  contexts.set(key, result.context)
  const hints = result.hinted > 0 ? `, ${result.hinted} as a hint` : ''
  const where = `on ${result.acks} ${result.acks === 1 ? 'node' : 'nodes'} and ${result.devices} ${result.devices === 1 ? 'device' : 'devices'}${hints}`
  tell(
    `${action === 'delete' ? 'Deleted' : 'Stored'} ${where}${result.quorum ? '.' : ': below the quorum, kept and handed on later.'}`,
  )
}

async function loadCountries(): Promise<void> {
  const button = find<HTMLButtonElement>('#load')
  const progress = find<HTMLProgressElement>('#progress')
  const text = find('#progress-text')
  button.disabled = true
  const { default: countries } = await import('world-countries/countries.json')
  let next = 0
  let done = 0
  let quorums = 0
  const worker = async () => {
    for (let country = countries[next++]; country !== undefined; country = countries[next++]) {
      const node = coordinator()
      const key = `country:${country.cca3}`
      const seen = await node?.get(key)
      const result = await node?.put(key, seen?.context ?? null, country)
      done += 1
      quorums += result?.quorum === true ? 1 : 0
      progress.value = done / countries.length
      text.textContent = `${done} of ${countries.length}`
    }
  }
  try {
    await Promise.all(Array.from({ length: loadingAtOnce }, worker))
    text.textContent = `${done} countries stored, ${quorums} on at least two nodes`
  } catch (error) {
    text.textContent = error instanceof Object && 'message' in error ? String(error.message) : String(error)
  }
  button.disabled = false
  await refresh()
}

fillThrough()
drawCards(find('#cards'), nodes, [], (node) => void toggle(node))
find<HTMLFormElement>('#ask').addEventListener('submit', (event) => {
  event.preventDefault()
  const action = event.submitter?.dataset['action'] ?? 'get'
  void ask(action as Action, keyInput.value)
})
find('#load').addEventListener('click', () => void loadCountries())
for (const node of nodes) void node.open().then(refresh)
setInterval(() => void refresh(), refreshMs)
