/**
 * The demo's page: five nodes in frames, the ring they form, and a form to put, get and delete.
 *
 * Each request goes through a node that the person chooses.
 */
import type { Context, Inspection, TabringNode } from '../src/index.ts'
import { drawRing } from './ring-view.ts'
import { TabNode } from './tab-node.ts'
import { drawCards, drawHoldings, type Holding, make, say } from './views.ts'

const devices = ['laptop', 'laptop', 'phone', 'phone', 'tablet']
/** Puts or gets under way at once while many keys are loaded or read. */
const atOnce = 16
const refreshMs = 1000

function find<T extends HTMLElement>(selector: string): T {
  const found = document.querySelector<T>(selector)
  if (found === null) throw new Error(`the page has no ${selector}`)
  return found
}

const frames = make('div', { className: 'frames', ariaHidden: 'true', inert: true })
document.body.append(frames)
const nodes = devices.map((device, index) => new TabNode(index + 1, device, frames))
const through = find<HTMLSelectElement>('#through')
const keyInput = find<HTMLInputElement>('#key')
const valueInput = find<HTMLTextAreaElement>('#value')
const answer = find<HTMLOutputElement>('#answer')

/** Contexts of the keys last read or written here, handed back with the next put. */
const contexts = new Map<string, Context | null>()
let chosen: string | undefined
let refreshing = false
/** The drawn keys, their holders and the chosen key, as text. */
let drawn = ''
let keys: readonly string[] = []

const openNodes = (): readonly TabNode[] => nodes.filter((node) => node.node !== undefined)
const anyNode = (): TabringNode | undefined => openNodes()[0]?.node
const nodeOf = (id: string): TabNode | undefined => nodes.find((node) => node.id === id)

function coordinator(): TabringNode | undefined {
  return nodes.find((node) => String(node.number) === through.value)?.node ?? anyNode()
}

async function toggle(node: TabNode): Promise<void> {
  if (node.state === 'closed' || node.state === 'failed') await Promise.all([node.open(), refresh()])
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
  drawKeys(holdingsOf(inspections))
  for (const [index, node] of nodes.entries())
    (through.options[index] as HTMLOptionElement).disabled = node.node === undefined
  const ring = inspections.find(([, inspection]) => inspection !== undefined)?.[1]?.ring ?? []
  const target = chosen === undefined || placement === undefined ? undefined : { key: chosen, ...placement }
  drawRing(find('#ring'), ring, (id) => nodeOf(id)?.colour ?? 'var(--node-6)', target)
  if (target !== undefined) {
    const names = owners
      .map((id) => nodeOf(id))
      .map((node) => (node === undefined ? 'another tab' : `node ${node.number} (${node.device})`))
    say(find('#ring-text'), `${target.key} belongs to ${names.join(', ')}.`)
  }
  const open = openNodes()
  const meshed = open.filter((node) => node.status !== undefined && node.status.reachable >= open.length).length
  say(find('#joined'), open.length === meshed ? `${open.length} joined` : `${open.length} open, ${meshed} joined`)
}

/** Draws the keys only after a change: a button that a person is about to press stays at its place. */
function drawKeys(holdings: readonly Holding[]): void {
  const holders = holdings.map(({ key, holders }) => [key, holders.map(({ node, role }) => [node.number, role])])
  const now = JSON.stringify([chosen, holders])
  if (now === drawn) return
  drawn = now
  drawHoldings(find('#holders'), holdings, chosen, choose)
  find('#key-count').textContent = holdings.length === 0 ? '' : `${holdings.length}`
  const before = keys.join('\n')
  keys = holdings.map(({ key }) => key)
  if (keys.join('\n') !== before) find('#keys').replaceChildren(...keys.map((key) => make('option', { value: key })))
}

function fillThrough(): void {
  through.replaceChildren(...nodes.map((node) => make('option', { value: String(node.number) }, `Node ${node.number}`)))
}

function tell(text: string, values: readonly unknown[] = [], bad = false): void {
  const print = (value: unknown) => make('pre', {}, JSON.stringify(value, null, 2))
  answer.replaceChildren(make('span', { className: bad ? 'bad' : '' }, text), ...values.map(print))
}

/** The typed value. */
function typed(): unknown {
  try {
    const value: unknown = JSON.parse(valueInput.value)
    valueInput.removeAttribute('aria-invalid')
    return value
  } catch (error) {
    valueInput.setAttribute('aria-invalid', 'true')
    throw new Error(`The value is not JSON: ${error instanceof Error ? error.message : ''}`)
  }
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
  // A key without a context is read first: a put is blind only if the person asks for it.
  if (action !== 'blind' && !contexts.has(key)) contexts.set(key, (await node.get(key)).context)
  const value = action === 'delete' ? undefined : typed()
  const context = action === 'blind' ? null : (contexts.get(key) ?? null)
  const result = action === 'delete' ? await node.delete(key, context) : await node.put(key, context, value)
  contexts.set(key, result.context)
  const hints = result.hinted > 0 ? `, ${result.hinted} as a hint` : ''
  const where = `on ${result.acks} ${result.acks === 1 ? 'node' : 'nodes'} and ${result.devices} ${result.devices === 1 ? 'device' : 'devices'}${hints}`
  tell(
    `${action === 'delete' ? 'Deleted' : 'Stored'} ${where}${result.quorum ? '.' : ': below the quorum, kept and handed on later.'}`,
  )
}

/** Runs `work` for all items, some at once, and shows the progress. `result` words the outcome. */
async function forEach<T>(
  items: readonly T[],
  work: (item: T) => Promise<boolean>,
  result: (yes: number) => string,
): Promise<void> {
  const buttons = [find<HTMLButtonElement>('#load'), find<HTMLButtonElement>('#read')]
  const progress = find<HTMLProgressElement>('#progress')
  const text = find('#progress-text')
  for (const button of buttons) button.disabled = true
  const left = items.values()
  let [done, yes] = [0, 0]
  const worker = async () => {
    for (const item of left) {
      const isSo = await work(item)
      if (isSo) yes += 1
      done += 1
      progress.value = done / items.length
      text.textContent = `${done} of ${items.length}`
    }
  }
  try {
    await Promise.all(Array.from({ length: atOnce }, worker))
    text.textContent = result(yes)
  } catch (error) {
    text.textContent = error instanceof Object && 'message' in error ? String(error.message) : String(error)
  }
  for (const button of buttons) button.disabled = false
  await refresh()
}

async function loadCountries(): Promise<void> {
  const { default: countries } = await import('world-countries/countries.json')
  const store = async (country: (typeof countries)[number]) => {
    const node = coordinator()
    const key = `country:${country.cca3}`
    const seen = await node?.get(key)
    const put = await node?.put(key, seen?.context ?? null, country)
    return put?.quorum === true
  }
  await forEach(countries, store, (yes) => `${countries.length} countries stored, ${yes} on at least two nodes`)
}

async function readAll(): Promise<void> {
  let found = 0
  const read = async (key: string) => {
    const got = await coordinator()?.get(key)
    const isThere = (got?.values.length ?? 0) > 0
    if (isThere) found += 1
    return isThere && got?.quorum === true
  }
  const all = keys
  await forEach(
    all,
    read,
    (yes) => `${found} of ${all.length} keys have a value, ${yes} of them from two nodes or more`,
  )
}

fillThrough()
drawCards(find('#cards'), nodes, [], (node) => void toggle(node))
find<HTMLFormElement>('#ask').addEventListener('submit', (event) => {
  event.preventDefault()
  const action = event.submitter?.dataset['action'] ?? 'get'
  void ask(action as Action, keyInput.value)
})
find('#load').addEventListener('click', () => void loadCountries())
find('#read').addEventListener('click', () => void readAll())
for (const node of nodes) void node.open().then(refresh)
setInterval(() => void refresh(), refreshMs)
