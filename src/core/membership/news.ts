/**
 * News on its way round: claims that ride on other messages, each a bounded number of times, the least told first
 * (SWIM, section 4.1: infection-style dissemination).
 */

import type { NodeId } from '../ids.ts'
import { type Claim, compareClaims } from './claims.ts'

/** A claim and who made it: a suspicion that several made apart from each other weighs more. */
export interface News {
  readonly claim: Claim
  readonly by: NodeId
}

interface Item {
  readonly news: News
  told: number
}

export class NewsQueue {
  #items: Item[] = []

  get isEmpty(): boolean {
    return this.#items.length === 0
  }

  /** Adds a piece of news; what it makes old is not told any more. */
  add(news: News): void {
    const { claim, by } = news
    this.#items = this.#items.filter(({ news: other }) => {
      if (other.claim.node !== claim.node) return true
      const order = compareClaims(other.claim, claim)
      return order > 0 || (order === 0 && other.by !== by)
    })
    this.#items.push({ news, told: 0 })
  }

  /** Up to `count` pieces for one message, those about `receiver` first; each is forgotten after `tellings`. */
  take(count: number, tellings: number, receiver: NodeId): readonly News[] {
    if (this.#items.length === 0) return []
    const concerns = (item: Item) => Number(item.news.claim.node === receiver)
    const chosen = [...this.#items].sort((a, b) => concerns(b) - concerns(a) || a.told - b.told).slice(0, count)
    for (const item of chosen) item.told += 1
    this.#items = this.#items.filter(({ told }) => told < tellings)
    return chosen.map(({ news }) => news)
  }
}

/** Old beliefs of one member that are put right with one message. */
const unheardMax = 2

/** Members that have shown that they believe what was taken back, and about whom. */
export class Unheard {
  readonly #byMember = new Map<NodeId, readonly NodeId[]>()

  note(member: NodeId, about: NodeId): void {
    const unheard = this.#byMember.get(member) ?? []
    if (unheard.length < unheardMax && !unheard.includes(about)) this.#byMember.set(member, [...unheard, about])
  }

  /** About whom a member is to be told; it is then taken to know. */
  take(member: NodeId): readonly NodeId[] {
    const unheard = this.#byMember.get(member) ?? []
    this.#byMember.delete(member)
    return unheard
  }
}
