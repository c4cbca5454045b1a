/**
 * What one seed decides: the cluster, the load, and how often each fault strikes.
 */
import { Chance } from './chance.ts'

export interface Options {
  readonly seed: number
  readonly nodes: number
  readonly devices: number
  readonly clients: number
  readonly keys: number
  /** Virtual time of chaos, ms. */
  readonly chaosMs: number
  /** Mean pause between two operations of one client, ms. */
  readonly thinkMs: number
  readonly blind: number
  readonly deletes: number
  /** Of messages: lost, duplicated, and the mean and long-tail delay in ms. */
  readonly loss: number
  readonly duplication: number
  readonly delayMs: number
  readonly tail: number
  /** Mean pauses between faults of each kind, ms; 0 for never. */
  readonly partitionEveryMs: number
  readonly oneWay: number
  readonly clogEveryMs: number
  readonly crashEveryMs: number
  readonly reloadEveryMs: number
  readonly freezeEveryMs: number
  readonly wipe: boolean
  /** Of transactions: aborted; and the mean time of one, ms. */
  readonly abort: number
  readonly commitMs: number
  /** A crash takes the last relaxed commits with it. */
  readonly powerCut: number
  /** Clocks of nodes are off by up to so much, and jump. */
  readonly skewMs: number
  readonly joins: number
  readonly leaves: number
}

/** The options of a seed. `faults: false` gives the same load on a world where nothing fails. */
export function optionsOf(seed: number, faults: boolean): Options {
  const chance = new Chance(seed)
  const nodes = chance.between(3, 7)
  const often = (low: number, high: number) => (faults && chance.happens(0.6) ? chance.between(low, high) : 0)
  const rate = (max: number) => (faults ? chance.rate(max) : 0)
  return {
    seed,
    nodes,
    devices: chance.happens(0.5) ? nodes : chance.between(2, nodes),
    clients: chance.between(2, 4),
    keys: chance.between(1, 4),
    chaosMs: chance.between(10, 40) * 1000,
    thinkMs: chance.between(100, 600),
    blind: chance.fraction() * 0.4,
    deletes: chance.fraction() * 0.25,
    loss: rate(0.3),
    duplication: rate(0.3),
    delayMs: chance.between(1, 60),
    tail: rate(0.05),
    partitionEveryMs: often(4_000, 15_000),
    oneWay: rate(1),
    clogEveryMs: often(4_000, 15_000),
    crashEveryMs: often(4_000, 20_000),
    reloadEveryMs: often(5_000, 20_000),
    freezeEveryMs: often(5_000, 20_000),
    wipe: faults && chance.happens(0.3),
    abort: rate(0.05),
    commitMs: chance.between(1, 8),
    powerCut: rate(0.5),
    skewMs: rate(3_600_000),
    joins: faults && chance.happens(0.4) ? chance.between(1, 4) : 0,
    leaves: faults && chance.happens(0.3) ? 1 : 0,
  }
}
