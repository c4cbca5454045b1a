/**
 * Tallies: values with merge types that all nodes change at once, in the profile `merge`, and an oracle of their own.
 *
 * Nothing is lost in these runs. So what was acknowledged counts once in the end, and what ended otherwise once at most:
 * a crash in the middle, or an error that says that something may have been stored.
 */
import { defineCollection } from '../../src/collections/define-collection.ts'
import type { Group } from '../../src/collections/types.ts'
import { TabringError } from '../../src/errors.ts'
import { counter, each, fields, set } from '../../src/merge/merge.ts'
import type { StorageNode } from '../../src/node/storage-node.ts'
import { Chance } from './chance.ts'
import type { Violation } from './checker.ts'
import { ahead } from './virtual-clock.ts'
import type { World } from './world.ts'

interface Tally {
  readonly likes: number
  readonly cart: Readonly<Record<string, number>>
  readonly tags: readonly string[]
  readonly form: { readonly name?: string; readonly place?: string }
}

const merge = fields<Tally>({ likes: counter(), cart: each(counter()), tags: set<string>(), form: fields() })
const Tallies = defineCollection<Tally>('tallies', { merge })
const keys = ['one', 'two']
const items = ['eggs', 'milk']
const parts = ['name', 'place'] as const

/** One change of a key. `isSure`: acknowledged. A change that is not may have taken effect all the same. */
interface Change {
  readonly key: string
  readonly what: 'like' | 'item' | 'tag' | 'untag' | 'name' | 'place'
  readonly of: string
  isSure: boolean
  isUndone: boolean
}

export class Tallied {
  readonly #world: World
  readonly #chance: Chance
  readonly #changes: Change[] = []
  #isOver = false

  constructor(world: World) {
    this.#world = world
    this.#chance = new Chance(world.options.seed, 'tallies')
  }

  /** Opens the collection, as each tab of an application does. */
  serving(node: StorageNode): void {
    listAt(node)
  }

  start(): void {
    const { clock, options } = this.#world
    clock.after(this.#chance.between(1, 2 * options.thinkMs), () => {
      if (this.#isOver) return
      if (!this.#world.calm) this.#change()
      this.start()
    })
  }

  #change(): void {
    const { serving, counters } = this.#world
    if (serving.length === 0) return
    const { node } = this.#chance.pick(serving)
    const change: Change = { key: this.#chance.pick(keys), ...this.#drawn(), isSure: false, isUndone: false }
    counters.count(`tally: ${change.what}`)
    this.#changes.push(change)
    const r = this.#chance.happens(0.2) ? { r: 1 } : {}
    const settled = (error: unknown) => {
      change.isUndone = error instanceof TabringError && error.changed === 'nothing'
    }
    // Two at once in one tab, now and then.
    listAt(node)
      .update(change.key, (tally) => this.#next(change, tally), r)
      .then(() => {
        change.isSure = true
      }, settled)
    if (this.#chance.happens(0.2)) this.#change()
  }

  #drawn(): Pick<Change, 'what' | 'of'> {
    const what = this.#chance.pick(['like', 'item', 'tag', 'untag', ...parts] as const)
    const added = this.#changes.filter((each) => each.what === 'tag')
    if (what === 'untag' && added.length > 0) return { what, of: this.#chance.pick(added).of }
    if (what === 'untag' || what === 'tag') return { what: 'tag', of: `tag ${this.#changes.length}` }
    return { what, of: what === 'item' ? this.#chance.pick(items) : `${this.#changes.length}` }
  }

  #next(change: Change, tally: Tally = { likes: 0, cart: {}, tags: [], form: {} }): Tally {
    const { what, of } = change
    switch (what) {
      case 'like':
        return { ...tally, likes: tally.likes + 1 }
      case 'item':
        return { ...tally, cart: { ...tally.cart, [of]: (tally.cart[of] ?? 0) + 1 } }
      case 'tag':
        return { ...tally, tags: [...tally.tags, of] }
      case 'untag':
        // A tag that is not seen is not removed.
        change.isUndone = !tally.tags.includes(of)
        return { ...tally, tags: tally.tags.filter((tag) => tag !== of) }
      default:
        return { ...tally, form: { ...tally.form, [what]: of } }
    }
  }

  /** Each node reads what the changes come to. */
  async violations(): Promise<readonly Violation[]> {
    this.#isOver = true
    const { clock, serving, counters } = this.#world
    const wrong: Violation[] = []
    for (const key of keys)
      for (const { place, node } of serving) {
        const { value, quorum } = await ahead(clock, listAt(node).get(key))
        counters.count('check: a tally in the end')
        for (const witness of this.#faults(key, value))
          wrong.push({
            class: 'MISCOUNTED',
            key,
            subject: node.id,
            witness: `${witness} at place ${place.index}, ${quorum}`,
          })
      }
    return wrong
  }

  #faults(key: string, tally: Tally | undefined): readonly string[] {
    const of = (what: Change['what']) =>
      this.#changes.filter((each) => each.key === key && each.what === what && (each.isSure || !each.isUndone))
    const bounded = (name: string, count: number, changes: readonly Change[]) => {
      const sure = changes.filter(({ isSure }) => isSure).length
      return count >= sure && count <= changes.length ? [] : [`${name} is ${count}, not ${sure} to ${changes.length}`]
    }
    const removed = of('untag').filter(({ isUndone }) => !isUndone)
    const tags = of('tag').flatMap(({ of: tag, isSure }) => {
      const removals = removed.filter((each) => each.of === tag)
      const isThere = tally?.tags.includes(tag) === true
      if (isThere) return removals.some((each) => each.isSure) ? [`${tag} was removed`] : []
      return isSure && removals.length === 0 ? [`${tag} is missing`] : []
    })
    const forms = parts.flatMap((part) => {
      const [all, now] = [of(part), tally?.form[part]]
      if (now === undefined) return all.some(({ isSure }) => isSure) ? [`${part} is missing`] : []
      return all.some((each) => each.of === now) ? [] : [`${part} is ${now}, which nobody wrote`]
    })
    return [
      ...bounded('likes', tally?.likes ?? 0, of('like')),
      ...items.flatMap((item) =>
        bounded(
          item,
          tally?.cart[item] ?? 0,
          of('item').filter((each) => each.of === item),
        ),
      ),
      ...tags,
      ...forms,
    ]
  }
}

const listAt = (node: StorageNode): Group<Tally> => node.collection(Tallies).group('all')
