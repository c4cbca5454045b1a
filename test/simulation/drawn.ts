/**
 * Drawn options: what is drawn from streams of its own, so that all else stays as it was.
 */
import { Chance } from './chance.ts'

const dayMs = 86_400_000

/** What came to be slow, late or wrong by days after all else was drawn. */
export function delaysOf(seed: number) {
  const chance = new Chance(seed, 'slowness')
  return {
    slowEveryMs: chance.happens(0.2) ? chance.between(4_000, 15_000) : 0,
    unsignaledEveryMs: chance.happens(0.2) ? chance.between(4_000, 15_000) : 0,
    leapMs: chance.happens(0.06) ? chance.between(1, 5) * dayMs : 0,
  }
}

/** How messages travel, in so many of all runs, and whether a stranger is there. */
export function wireOf(seed: number, share: number) {
  const chance = new Chance(seed, 'wire')
  // Which seeds they are leaves those as they were that are kept as tests.
  const isDrawn = () => (chance.fraction() + 0.96) % 1 < share
  const [isFramed, stranger] = [isDrawn(), isDrawn()]
  const frameMs = isFramed ? 0.05 + chance.fraction() ** 2 * 3 : 0
  return { frameMs, queueMax: chance.between(1, 12), garble: chance.rate(0.003), stranger }
}

/** What clients ask for. */
export function requestsOf(seed: number) {
  const chance = new Chance(seed, 'requests')
  return {
    many: chance.rate(0.6),
    owners: chance.rate(0.8),
    picky: chance.rate(0.3),
    large: chance.happens(0.15) ? chance.fraction() * 0.03 : 0,
    repairs: chance.happens(0.2) ? chance.fraction() * 0.02 : 0,
  }
}
