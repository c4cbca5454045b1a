/**
 * The ring as a picture (Dynamo, figure 2).
 *
 * Every virtual node is a tick, and the chosen key a needle.
 */
import type { Inspection } from '../src/index.ts'

const size = 320
const centre = size / 2
const radius = 120

function element(name: string, attributes: Readonly<Record<string, string | number>>, text = ''): SVGElement {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value))
  made.textContent = text
  return made
}

/** A point at `turn` (0 to 1, clockwise from the top) and a distance from the centre. */
function point(turn: number, distance: number): { readonly x: number; readonly y: number } {
  const angle = 2 * Math.PI * turn - Math.PI / 2
  return { x: centre + distance * Math.cos(angle), y: centre + distance * Math.sin(angle) }
}

function spoke(turn: number, from: number, to: number): Readonly<Record<string, string>> {
  const [a, b] = [point(turn, from), point(turn, to)]
  return { x1: a.x.toFixed(2), y1: a.y.toFixed(2), x2: b.x.toFixed(2), y2: b.y.toFixed(2) }
}

/** The place of a token on the ring, as a part of a turn. */
const turnOf = (token: string): number => Number.parseInt(token.slice(0, 8), 16) / 2 ** 32

export function drawRing(
  host: HTMLElement,
  ring: Inspection['ring'],
  colourOf: (node: string) => string,
  chosen: { readonly key: string; readonly partition: number; readonly owners: readonly string[] } | undefined,
): void {
  const svg = element('svg', {
    viewBox: `0 0 ${size} ${size}`,
    role: 'img',
    'aria-label': `A ring of ${ring.length} virtual nodes`,
  })
  svg.append(element('circle', { class: 'track', cx: centre, cy: centre, r: radius }))
  for (const { token, node } of ring) {
    const held = chosen === undefined || chosen.owners.includes(node)
    const style = `stroke: ${colourOf(node)}; stroke-width: 2; opacity: ${held ? 1 : 0.22}`
    svg.append(element('line', { ...spoke(turnOf(token), radius - 9, radius + 9), style }))
  }
  if (chosen === undefined) {
    svg.append(element('text', { x: centre, y: centre - 4 }, `${ring.length} virtual nodes`))
    svg.append(element('text', { x: centre, y: centre + 14, class: 'faint' }, '1024 partitions'))
  } else {
    const turn = chosen.partition / 1024
    svg.append(element('line', { ...spoke(turn, 58, radius + 22), class: 'needle' }))
    svg.append(element('circle', { cx: point(turn, radius + 26).x, cy: point(turn, radius + 26).y, r: 4 }))
    const short = chosen.key.length > 18 ? `${chosen.key.slice(0, 17)}…` : chosen.key
    svg.append(element('text', { x: centre, y: centre - 4 }, short))
    svg.append(element('text', { x: centre, y: centre + 14, class: 'faint' }, `partition ${chosen.partition}`))
  }
  svg.querySelector('circle:not(.track)')?.setAttribute('style', 'fill: var(--ink)')
  host.replaceChildren(svg)
}
