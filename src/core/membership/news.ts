/**
 * News in circulation: claims that ride on other messages (SWIM, section 4.1: infection-style dissemination).
 *
 * Each piece is told a bounded number of times, the least told first.
 */

import type { NodeId } from '../ids.ts'
import { type Claim, compareClaims } from './claims.ts'

/** A claim and its author: independent suspicions of several members weigh more. */
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

  /** Adds a piece of news. News that it makes obsolete is no longer told. */
  add(news: News): void {
    const { claim, by } = news
    this.#items = this.#items.filter(({ news: other }) => {
      if (other.claim.node !== claim.node) return true
      const order = compareClaims(other.claim, claim)
      return order > 0 || (order === 0 && other.by !== by)
    })
    this.#items.push({ news, told: 0 })
  }

  /**
   * Up to `count` pieces for one message, those about `receiver` first. Each is forgotten after `tellings` messages.
   */
  take(count: number, tellings: number, receiver: NodeId): readonly News[] {
    if (this.#items.length === 0) return []
    const concerns = (item: Item) => Number(item.news.claim.node === receiver)
    const chosen = [...this.#items].sort((a, b) => concerns(b) - concerns(a) || a.told - b.told).slice(0, count)
    for (const item of chosen) item.told += 1
    this.#items = this.#items.filter(({ told }) => told < tellings)
    return chosen.map(({ news }) => news)
  }
}

/** Old beliefs of one member that are noted for correction. */
const unheardMax = 2

/** Members that showed an obsolete belief, and the members it is about. */
export class Unheard {
  readonly #byMember = new Map<NodeId, readonly NodeId[]>()

  note(member: NodeId, about: NodeId): void {
    const unheard = this.#byMember.get(member) ?? []
    if (unheard.length < unheardMax && !unheard.includes(about)) this.#byMember.set(member, [...unheard, about])
  }

  /** The members that `member` must be told about. It counts as told from then on. */
  take(member: NodeId): readonly NodeId[] {
    const unheard = this.#byMember.get(member) ?? []
    this.#byMember.delete(member)
    return unheard
  }
}
