/**
 * A few tabs and one key, "the note", for stories about acceptance. The rules are the real ones. An exchange, a disk and
 * a clock are as small as they can be: nothing fails, and all that differs moves at once.
 */
import { type Acceptance, accept, type Origin } from '../../../src/core/acceptance/acceptance.ts'
import {
  isReceived,
  nothingReceived,
  type ReceivedVector,
  type Session,
  type Stamp,
  withReceived,
} from '../../../src/core/acceptance/sessions.ts'
import { present } from '../../../src/core/assert.ts'
import type { HybridTime, NodeId } from '../../../src/core/ids.ts'
import { dotName, names, type Written } from '../../../src/core/versioning/causal-history.ts'
import { contextOf, delta } from '../../../src/core/versioning/context.ts'
import { hybridAt, hybridZero, nextTime } from '../../../src/core/versioning/hybrid-time.ts'
import { emptyRecord, holdsDot, join, prune, type Record, type Sibling } from '../../../src/core/versioning/record.ts'
import { actorName } from '../arbitraries.ts'
import { playOne } from './transcript.ts'

export const dayMs = 86_400_000
const receivedMax = 16

/** What a tab has on its disk. */
interface Disk {
  readonly boots: ReadonlyMap<number, string>
  readonly record: Record
  readonly stamps: ReadonlyMap<string, Stamp>
  readonly received: ReceivedVector
  readonly floor: HybridTime
}

interface Tab extends Disk {
  readonly name: string
  /** The number of this boot among all boots of the story. It mints the actor and the tag. */
  readonly boot: number
  readonly count: number
  readonly clockDays: number
  readonly backup: Disk | null
}

const sessionOf = ({ boots, boot, count }: Tab): Session => ({
  boot: Math.max(...boots.keys()),
  tag: tagOf(boot),
  count,
})
const tagOf = (boot: number) => boot.toString(16).padStart(8, '0')
const listed = (words: readonly string[]) =>
  words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
const later = (a: HybridTime, b: HybridTime) => (a > b ? a : b)

export function tabsAndANote(): (step: string) => readonly string[] {
  const tabs = new Map<string, Tab>()
  const owners = new Set<string>()
  /** All writes of the story, by what was written. */
  const writes = new Map<string, Written>()
  let [day, boots] = [0, 0]

  const booted = (disk: Disk): Pick<Tab, 'boots' | 'boot' | 'count'> => {
    boots += 1
    return { boots: new Map(disk.boots).set(disk.boots.size + 1, tagOf(boots)), boot: boots, count: 1 }
  }
  const blank: Disk = {
    boots: new Map(),
    record: emptyRecord,
    stamps: new Map(),
    received: nothingReceived,
    floor: hybridZero,
  }
  const tabOf = (name: string): Tab => {
    const tab = tabs.get(name) ?? { ...blank, ...booted(blank), name, clockDays: 0, backup: null }
    tabs.set(name, tab)
    return tab
  }
  const change = (tab: Tab, to: Partial<Tab>): Tab => {
    const changed = { ...tab, ...to }
    tabs.set(tab.name, changed)
    return changed
  }
  const wordOf = ({ dot }: Written) => {
    const found = [...writes].find(([, write]) => dotName(write.dot) === dotName(dot))
    return found?.[0] ?? 'something'
  }
  const wordsOf = (siblings: readonly Sibling[]) => listed(siblings.map(wordOf))

  /** The note as a tab has it now. */
  const state = ({ name, record }: Tab): string => {
    const named = [...writes].filter(([, { dot }]) => names(record.history, dot) && !holdsDot(record, dot))
    const also = named.length === 0 ? '' : `, and names ${listed(named.map(([word]) => word))}`
    return `${name} holds ${wordsOf(record.siblings) || 'nothing'}${also}`
  }

  /** Stores a record, and stamps the siblings that came to it. */
  const store = (tab: Tab, record: Record): Tab => {
    const { boot, count } = sessionOf(tab)
    const stamps = record.siblings.map(({ dot }) => {
      const name = dotName(dot)
      return [name, tab.stamps.get(name) ?? { boot, count }] as const
    })
    return change(tab, { record, stamps: new Map(stamps) })
  }

  const write = (name: string, word: string, kind: 'value' | 'tombstone'): readonly string[] => {
    const tab = tabOf(name)
    const seen = contextOf(tab.record)
    const time = nextTime(seen.time, (day + tab.clockDays) * dayMs)
    const counter = 1 + [...writes.values()].filter(({ dot }) => dot.actor === actorName(tab.boot)).length
    const written = { dot: { actor: actorName(tab.boot), counter }, time }
    writes.set(word, written)
    const sibling: Sibling =
      kind === 'value' ? { kind, ...written, value: Uint8Array.of(counter), expiresAt: null } : { kind, ...written }
    return [state(store(tab, join(tab.record, delta(seen, sibling))))]
  }

  /** What became of each sibling that the taker lacked. */
  const verdicts = (taker: Tab, giver: Tab, received: readonly Sibling[], accepted: Acceptance): readonly string[] => {
    const isLate = (sibling: Sibling) => accepted.late.includes(sibling)
    const lines = giver.record.siblings.flatMap((sibling) => {
      const [who, what] = [taker.name, wordOf(sibling)]
      if (holdsDot(taker.record, sibling.dot)) return []
      if (names(taker.record.history, sibling.dot))
        return [`${who} names ${what}, so it was overwritten: ${giver.name} will drop it`]
      if (received.includes(sibling) && !holdsDot(accepted.record, sibling.dot))
        return [`${who} has had ${what} and lacks it, so it was overwritten: ${giver.name} drops it`]
      if (!holdsDot(accepted.record, sibling.dot)) return [`${who} does not take in ${what}`]
      return [`${who} takes in ${what}${isLate(sibling) ? ' as it is, and tells `late`' : ''}`]
    })
    const left = accepted.late.filter((sibling) => holdsDot(taker.record, sibling.dot))
    return [...lines, ...left.map((each) => `${taker.name} keeps ${wordOf(each)}, and tells \`late\``)]
  }

  /** Brings what one tab holds to another one. `known`: the state of both before anything moved. */
  const bring = (giver: Tab, taker: Tab, origin: Origin, known: { readonly giver: Tab; readonly taker: Tab }) => {
    const session = known.taker.received.get(giver.name as NodeId)
    const isKnown = ({ dot }: Sibling) => isReceived(session, giver.stamps.get(dotName(dot)), giver.boots)
    const received = origin === 'exchanged' ? giver.record.siblings.filter(isKnown) : []
    const giverFloor = owners.has(giver.name) || origin === 'read' ? hybridZero : known.giver.floor
    const accepted = accept(taker.record, giver.record, { origin, received, floor: known.taker.floor, giverFloor })
    store(taker, accepted.record)
    if (accepted.overwritten !== null) store(giver, join(giver.record, { history: accepted.overwritten, siblings: [] }))
    return verdicts(taker, giver, received, accepted)
  }

  const compare = (one: string, other: string): readonly string[] => {
    const begin = (name: string) => change(tabOf(name), { count: tabOf(name).count + 1 })
    const [first, second] = [begin(one), begin(other)]
    const floor = later(first.floor, second.floor)
    for (const { name } of [first, second]) if (owners.has(name)) change(tabOf(name), { floor })
    const lines: string[] = []
    for (const [giver, taker] of [[second, first] as const, [first, second] as const])
      if (owners.has(taker.name))
        lines.push(...bring(tabOf(giver.name), tabOf(taker.name), 'exchanged', { giver, taker }))
    for (const [giver, taker] of [[second, first] as const, [first, second] as const]) {
      if (!owners.has(taker.name)) continue
      const given = [...giver.received, [giver.name as NodeId, sessionOf(giver)] as const]
      const adopted = given.filter(([node]) => node !== taker.name)
      const vector = adopted.reduce((all, [node, each]) => withReceived(all, node, each, receivedMax), taker.received)
      change(tabOf(taker.name), { received: vector })
    }
    return [...(lines.length === 0 ? ['nothing moves'] : lines), state(tabOf(one)), state(tabOf(other))]
  }

  const patterns: Parameters<typeof playOne>[1] = [
    [
      /^day (\d+)$/,
      (number = '') => {
        day = Number(number)
        return []
      },
    ],
    [
      /^(.+) owns? the note$/,
      (all = '') => {
        owners.clear()
        for (const name of all.split(/, | and /)) owners.add(name)
        return []
      },
    ],
    [
      /^the clock of (\w+) is (\d+) days behind$/,
      (name = '', days = '') => {
        change(tabOf(name), { clockDays: -Number(days) })
        return []
      },
    ],
    [/^(\w+) writes (\w+)$/, (name = '', word = '') => write(name, word, 'value')],
    [/^(\w+) deletes (\w+)$/, (name = '', word = '') => write(name, `the delete of ${word}`, 'tombstone')],
    [/^(\w+) and (\w+) compare$/, (one = '', other = '') => compare(one, other)],
    [
      /^(\w+) forgets up to day (\d+)$/,
      (name = '', number = '') => {
        const [tab, horizon] = [tabOf(name), hybridAt(Number(number) * dayMs)]
        return [state(change(store(tab, prune(tab.record, horizon)), { floor: later(tab.floor, horizon) }))]
      },
    ],
    [
      /^a read brings what (\w+) holds to (\w+)$/,
      (from = '', to = '') => {
        const [giver, taker] = [tabOf(from), tabOf(to)]
        return [...bring(giver, taker, 'read', { giver, taker }), state(tabOf(to))]
      },
    ],
    [
      /^(\w+) loses the row$/,
      (name = '') => [
        state(change(tabOf(name), { record: emptyRecord, stamps: new Map(), received: nothingReceived })),
      ],
    ],
    [
      /^what has (\w+) had of (\w+)\?$/,
      (owner = '', other = '') => {
        const session = tabOf(owner).received.get(other as NodeId)
        if (session === undefined) return ['nothing that it knows of']
        return [`all that was there before session ${session.count} of boot ${session.boot}, tag ${session.tag}`]
      },
    ],
    [
      /^when did (\w+) come to (\w+)\?$/,
      (word = '', name = '') => {
        const { dot } = present(writes.get(word), 'it was written')
        const { boot, count } = present(tabOf(name).stamps.get(dotName(dot)), 'the tab holds it')
        return [`in session ${count} of boot ${boot}`]
      },
    ],
    [
      /^(\w+) starts again$/,
      (name = '') => {
        change(tabOf(name), booted(tabOf(name)))
        return []
      },
    ],
    [
      /^(\w+) makes a backup$/,
      (name = '') => {
        const { record, stamps, received, floor, boots: known } = tabOf(name)
        change(tabOf(name), { backup: { record, stamps, received, floor, boots: known } })
        return []
      },
    ],
    [
      /^(\w+) is set back to the backup$/,
      (name = '') => {
        const backup = tabOf(name).backup ?? blank
        return [state(change(tabOf(name), { ...backup, ...booted(backup) }))]
      },
    ],
  ]
  return (step) => playOne(step, patterns)
}
