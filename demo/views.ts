/**
 * The lists of the demo: node cards, and the holders of each key.
 *
 * They are built from elements and text, never from markup in data.
 */
import type { TabNode } from './tab-node.ts'

/** Sets the text of a live region, only if it differs: a screen reader reads every change aloud. */
export function say(place: HTMLElement, text: string): void {
  if (place.textContent !== text) place.textContent = text
}

export function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name)
  Object.assign(made, properties)
  made.append(...children)
  return made
}

function factsOf(node: TabNode): string {
  const { status } = node
  if (node.failure !== undefined) return node.failure
  if (status === undefined) return node.state === 'opening' ? 'opening…' : 'closed: its data waits in its database'
  const fetching = status.partitions.syncing > 0 ? `, fetching ${status.partitions.syncing} partitions` : ''
  const hints = status.hints > 0 ? `, ${status.hints} ${status.hints === 1 ? 'hint' : 'hints'} for others` : ''
  return `${status.records} keys in ${status.partitions.owned} partitions, reaches ${status.reachable} of ${status.members}${fetching}${hints}`
}

/** One card a node; `owners` are those of the chosen key, in order. */
export function drawCards(
  host: HTMLElement,
  nodes: readonly TabNode[],
  owners: readonly string[],
  toggle: (node: TabNode) => void,
): void {
  const cards = nodes.map((node) => {
    const button = make(
      'button',
      { type: 'button', onclick: () => toggle(node) },
      { closed: 'Reopen', failed: 'Try again', opening: 'Close', open: 'Close' }[node.state],
    )
    button.setAttribute('aria-label', `${button.textContent} node ${node.number}`)
    const card = make(
      'li',
      { className: 'card' },
      make('span', { className: 'name' }, `Node ${node.number}`),
      make(
        'span',
        { className: 'device' },
        `on ${node.device}${node.id === undefined ? '' : `, ${node.id.slice(0, 8)}`}`,
      ),
      make('span', { className: 'facts' }, factsOf(node)),
      button,
    )
    card.style.setProperty('--colour', node.colour)
    card.dataset['state'] = node.state
    const rank = node.id === undefined ? -1 : owners.indexOf(node.id)
    if (rank >= 0) {
      card.dataset['rank'] = String(rank + 1)
      card.querySelector('.name')?.setAttribute('data-rank-text', `owner ${rank + 1}`)
    }
    return card
  })
  const focused = [...host.children].findIndex((card) => card.contains(document.activeElement))
  host.replaceChildren(...cards)
  if (focused >= 0) cards[focused]?.querySelector('button')?.focus()
}

/** One key with its holders, and the role of each. */
export interface Holding {
  readonly key: string
  readonly holders: readonly { readonly node: TabNode; readonly role: 'owner' | 'retained' | 'hint' }[]
}

export function drawHoldings(
  host: HTMLElement,
  holdings: readonly Holding[],
  chosen: string | undefined,
  choose: (key: string) => void,
): void {
  if (holdings.length === 0) {
    host.replaceChildren()
    return
  }
  const rows = holdings.map(({ key, holders }) => {
    const chips = holders.map(({ node, role }) => {
      const said = make('span', { className: 'unseen' }, ` as ${role},`)
      const chip = make('span', { className: 'chip', title: `Node ${node.number}: ${role}` }, `${node.number}`, said)
      chip.style.setProperty('--colour', node.colour)
      chip.dataset['role'] = role
      return chip
    })
    const name = make('button', { type: 'button', onclick: () => choose(key) }, key)
    const row = make('tr', {}, make('td', {}, name), make('td', { className: 'chips' }, ...chips))
    if (key === chosen) row.setAttribute('aria-current', 'true')
    return row
  })
  const head = make(
    'tr',
    {},
    make('th', { scope: 'col' }, 'Key'),
    make('th', { scope: 'col' }, 'Held by (outlined: kept for others)'),
  )
  const { scrollTop } = host
  const focused = host.contains(document.activeElement) ? document.activeElement?.textContent : undefined
  host.replaceChildren(make('table', {}, make('thead', {}, head), make('tbody', {}, ...rows)))
  host.scrollTop = scrollTop
  const at = holdings.findIndex(({ key }) => key === focused)
  rows[at]?.querySelector('button')?.focus()
}
