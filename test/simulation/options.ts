/**
 * What one seed decides: the cluster, the load, and how often each fault strikes.
 */
import { bounds } from '../../src/core/bounds.ts'
import { Chance } from './chance.ts'
import { delaysOf, requestsOf, wireOf } from './drawn.ts'
import { type Failing, failureKinds } from './failing.ts'
import { faultGroups, without } from './fault-groups.ts'
import { type StoreOptions, storeOptionsOf } from './store-options.ts'

/** `young rings` and `old rings` formed apart and meet; what the others are: `absences.ts`. */
const partings = ['halves', 'holiday', 'young rings', 'old rings', 'pair', 'any order', 'asleep'] as const
export type Apart = (typeof partings)[number]

export interface Options extends StoreOptions {
  readonly seed: number
  readonly nodes: number
  readonly devices: number
  readonly clients: number
  readonly keys: number
  /** Of requests: those of keys that are written in the beginning, and only read after. */
  readonly quiet: number
  /** Of requests: those about forty keys that share four partitions. */
  readonly many: number
  /** Of requests: those that demand answers of owners, and those that ask otherwise than by default in another way. */
  readonly owners: number
  readonly picky: number
  /** Of puts: those of values of 100 kB. */
  readonly large: number
  /** Of requests: those that are calls for a full repair. */
  readonly repairs: number
  /** Times that chaos breaks out and is healed; each act may lose another device. */
  readonly acts: number
  /** Virtual time of one act, ms. */
  readonly chaosMs: number
  /** Mean pause between two operations of one client, ms. */
  readonly thinkMs: number
  readonly blind: number
  readonly deletes: number
  /** Of gets: those that ask for at least what their client has seen. */
  readonly sessions: number
  /** Of messages: lost, duplicated, and the mean and long-tail delay in ms. */
  readonly loss: number
  readonly duplication: number
  readonly delayMs: number
  readonly tail: number
  /** Mean pauses between faults of each kind, ms; 0 for never. */
  readonly partitionEveryMs: number
  readonly oneWay: number
  readonly clogEveryMs: number
  readonly disconnectEveryMs: number
  readonly crashEveryMs: number
  readonly reloadEveryMs: number
  readonly freezeEveryMs: number
  readonly stallEveryMs: number
  /** Another tab takes a node's lock: it ends at once, and its place goes on with the next. */
  readonly lockLossEveryMs: number
  readonly throttleEveryMs: number
  /** A disk takes ten to a hundred times as long for a while; no new channels are opened for a while. */
  readonly slowEveryMs: number
  readonly unsignaledEveryMs: number
  /** Messages travel in frames, one every so many ms; 0 for whole ones. */
  readonly frameMs: number
  /** Messages that wait on a line at most. */
  readonly queueMax: number
  /** Of frames: those that are cut short. */
  readonly garble: number
  /** Channels that a node keeps at most: in a ring of more members introductions and messages go through others. */
  readonly linksMax: number
  /** Keys that are written once, besides all others. */
  readonly filler: number
  /** A tab is closed for good, and others are there on its device. */
  readonly orphans: boolean
  /** All nodes change values with merge types. */
  readonly tallies: boolean
  /** Nodes follow keys. */
  readonly watchers: boolean
  /** A tab with another build of the library is in the room. */
  readonly stranger: boolean
  /**
   * The device that may lose data does so: all of it, what came after a snapshot, the last relaxed commits in a crash.
   */
  readonly wipe: boolean
  readonly restore: boolean
  readonly powerCut: number
  /** Records on that device are altered by its disk. */
  readonly rotEveryMs: number
  /** Tries are stored long before they would be. */
  readonly checkpointEveryMs: number
  /** Of transactions: aborted, decided again although they had taken effect, hung; and the mean time of one, ms. */
  readonly abort: number
  readonly again: number
  readonly hang: number
  readonly commitMs: number
  /** Clocks of nodes are off by up to so much, and jump. */
  readonly skewMs: number
  /** A clock jumps by up to so much: days. */
  readonly leapMs: number
  readonly joins: number
  readonly leaves: number
  readonly twins: number
  readonly copies: number
  /** How long a node may be gone before it is out of placement, ms. */
  readonly graceMs: number
  /** How long deletes are remembered, ms. */
  readonly retentionMs: number
  /** How long a node is a guest, ms. */
  readonly stayMs: number
  /** Siblings of one record, beyond which an owner resolves them. */
  readonly siblingsMax: number
  /** Of puts: those whose value expires. */
  readonly expiring: number
  /** Keys that a node keeps for another one at most. */
  readonly hintKeysPerTarget: number
  /** Records and hints that fit on each disk of the device that may lose data; 0 for any number. */
  readonly diskRows: number
  /** Nodes differ in capacity. */
  readonly mixed: boolean
  /** One call to one store fails. */
  readonly failing: Failing | null
  /**
   * Groups of devices that are out of each other's reach for longer than the grace and the retention, and go on
   * writing.
   */
  readonly apart: Apart | null
  /** In the end nobody asks for anything for ten minutes. */
  readonly idle: boolean
  /** After chaos only some nodes are healed at first, and have to make progress alone. */
  readonly core: boolean
}

/** Whether a device may lose what it has told that it stored, by more than a power cut. */
export function losesData({ wipe, restore, rotEveryMs, failing }: Options): boolean {
  return wipe || restore || rotEveryMs > 0 || failing?.kind === 'empty'
}

/** What happens where nothing fails: nodes of all sizes come and go. */
const gentleGroups = ['join', 'leave', 'twin', 'capacity']

/**
 * The options of a seed. Each fault's rate is drawn anew, and is often nought: a swarm reaches corners that uniform
 * rates never do.
 */
function optionsOf(seed: number): Options {
  const chance = new Chance(seed)
  const siblingCap = new Chance(seed, 'crowding')
  const nodes = chance.happens(0.05) ? chance.between(8, 12) : chance.between(3, 7)
  const often = (low: number, high: number) => (chance.happens(0.5) ? chance.between(low, high) : 0)
  const graceMs = chance.happens(0.4) ? chance.between(2, 30) * 1000 : 600_000
  const drawn: Options = {
    seed,
    ...requestsOf(seed),
    idle: new Chance(seed, 'ending').happens(0.15),
    nodes,
    devices: chance.happens(0.5) ? nodes : chance.between(2, nodes),
    clients: chance.between(2, 4),
    keys: chance.between(1, 4),
    quiet: 0,
    acts: chance.happens(0.15) ? 2 : 1,
    chaosMs: chance.between(10, 40) * 1000,
    thinkMs: chance.between(100, 600),
    blind: chance.fraction() * 0.4,
    deletes: chance.fraction() * 0.25,
    sessions: chance.rate(1),
    loss: chance.rate(0.3),
    duplication: chance.rate(0.5),
    delayMs: chance.between(1, 60),
    tail: chance.rate(0.05),
    partitionEveryMs: often(4_000, 15_000),
    oneWay: chance.rate(1),
    clogEveryMs: often(4_000, 15_000),
    disconnectEveryMs: often(2_000, 15_000),
    crashEveryMs: often(4_000, 20_000),
    reloadEveryMs: often(5_000, 20_000),
    freezeEveryMs: often(5_000, 20_000),
    stallEveryMs: often(2_000, 10_000),
    throttleEveryMs: often(5_000, 20_000),
    wipe: chance.happens(0.25),
    restore: chance.happens(0.25),
    powerCut: chance.rate(0.5),
    abort: chance.rate(0.05),
    hang: chance.rate(0.01),
    commitMs: chance.happens(0.2) ? chance.between(30, 150) : chance.between(1, 8),
    skewMs: chance.rate(3_600_000),
    joins: chance.happens(0.4) ? chance.between(1, 4) : 0,
    leaves: chance.happens(0.3) ? 1 : 0,
    twins: chance.happens(0.2) ? chance.between(1, 2) : 0,
    mixed: chance.happens(0.3),
    failing: null,
    lockLossEveryMs: siblingCap.happens(0.15) ? siblingCap.between(5_000, 20_000) : 0,
    again: siblingCap.rate(0.02),
    graceMs,
    stayMs: 2 * graceMs,
    retentionMs: bounds.retentionMs,
    hintKeysPerTarget: siblingCap.happens(0.15) ? siblingCap.between(0, 2) : bounds.hintKeysPerTarget,
    diskRows: siblingCap.happens(0.1) ? siblingCap.between(0, 3) : 0,
    siblingsMax: siblingCap.happens(0.15) ? siblingCap.between(2, 5) : bounds.siblingsMax,
    expiring: siblingCap.happens(0.2) ? siblingCap.fraction() * 0.5 : 0,
    copies: siblingCap.happens(0.1) ? 1 : 0,
    apart: null,
    ...delaysOf(seed),
    ...wireOf(seed, 0.05),
    linksMax: bounds.linksMax,
    orphans: new Chance(seed, 'orphans').happens(0.03),
    tallies: false,
    watchers: new Chance(seed, 'watchers').happens(0.25),
    filler: new Chance(seed, 'filler').happens(0.01) ? 1_300 : 0,
    core: chance.happens(0.4),
    checkpointEveryMs: often(500, 5_000),
    rotEveryMs: chance.happens(0.2) ? chance.between(1_000, 10_000) : 0,
    ...storeOptionsOf(seed),
  }
  if (new Chance(seed, 'mesh').happens(0.01)) return meshed(drawn)
  // One seed in ten is gentle: what may never happen then is more than what may never happen at all.
  const forgetting = new Chance(seed, 'forgetting')
  if (forgetting.happens(0.08)) return forgetful(drawn, forgetting)
  const harsh = Object.keys(faultGroups).filter((group) => !gentleGroups.includes(group))
  if (!chance.happens(0.1)) return drawn
  // Slow enough that clients come in while ownership moves.
  return { ...without(drawn, harsh), delayMs: chance.between(50, 150), joins: chance.between(1, 4) }
}

/** Whether deletes are forgotten within the run. */
export const isForgetful = ({ retentionMs }: Options): boolean => retentionMs < bounds.retentionMs

/**
 * A run that lasts for several retentions; clocks are off by less than that, and who has to go on alone would wait too
 * long.
 */
function forgetful(drawn: Options, chance: Chance): Options {
  const retentionMs = chance.between(15, 40) * 1000
  const skewMs = Math.min(drawn.skewMs, retentionMs / 16)
  const traffic = { acts: 2, chaosMs: chance.between(30, 80) * 1000, thinkMs: chance.between(300, 1_200) }
  const deletes = 0.1 + 0.3 * chance.fraction()
  const quiet = chance.happens(0.6) ? 0.2 + 0.4 * chance.fraction() : 0
  // Whoever leaves has horizons of what it hands over.
  const leaves = quiet > 0 ? Math.max(1, drawn.leaves) : drawn.leaves
  const forgets = { ...drawn, ...traffic, leapMs: 0, retentionMs, skewMs, deletes, core: false, quiet, leaves }
  // In one seed of four a single device is away for that long, and nobody else.
  const parting = new Chance(drawn.seed, 'apart')
  return parting.happens(0.75) ? parted(forgets, parting) : forgets
}

/** The same run, in which groups of devices are away from each other for longer than the grace and the retention. */
function parted(forgets: Options, chance: Chance): Options {
  const retentionMs = Math.min(forgets.retentionMs, chance.between(15, 20) * 1000)
  const graceMs = chance.between(2, 6) * 1000
  const apart = chance.pick(partings)
  // Rings meet for the first time but once.
  const acts = apart === 'young rings' || apart === 'old rings' || chance.happens(0.6) ? 1 : 2
  const retentions = {
    'young rings': 0.7,
    'old rings': 3,
    halves: 3,
    pair: 3,
    holiday: 4.5,
    'any order': 4.5,
    asleep: 3,
  }[apart]
  const thinkMs = chance.between(200, 700)
  const skewMs = Math.min(forgets.skewMs, retentionMs / 16)
  return {
    ...forgets,
    apart,
    acts,
    retentionMs,
    graceMs,
    stayMs: 2 * graceMs,
    skewMs,
    thinkMs,
    chaosMs: retentions * retentionMs,
  }
}

/** A run in which devices are apart; in every other one nothing else goes wrong. */
function onlyParted(drawn: Options, chance: Chance): Options {
  const run = parted(forgetful(drawn, chance), chance)
  const size = { nodes: chance.between(4, 7), many: 0.3 + 0.4 * chance.fraction() }
  const whole = {
    ...run,
    ...size,
    idle: drawn.seed % 4 === 0,
    devices: chance.happens(0.7) ? size.nodes : chance.between(3, size.nodes),
  }
  const others = Object.keys(faultGroups).filter((group) => group !== 'apart')
  return chance.happens(0.5) ? without(whole, others) : whole
}

/** The same run in a ring of more members than one has channels, where a server lies. */
function meshed(drawn: Options): Options {
  const chance = new Chance(drawn.seed, 'mesh')
  const nodes = chance.between(13, 17)
  const devices = chance.happens(0.5) ? nodes : chance.between(5, nodes)
  return { ...drawn, nodes, devices, linksMax: chance.between(10, 11), acts: 1, joins: Math.min(drawn.joins, 2) }
}

/** What is looked at alone. */
export const profiles = [
  'all',
  'wipe',
  'identity',
  'storage',
  'forgetting',
  'apart',
  'browser',
  'wire',
  'mesh',
  'orphans',
  'filler',
  'merge',
] as const
export type Profile = (typeof profiles)[number]

/**
 * The options of a seed under a profile. `wipe`: a device loses everything, and after a full repair perhaps another.
 * `identity`: duplicated tabs, copied profiles, disks that go back in time, locks that are lost. `forgetting`: deletes
 * are remembered for seconds only. `apart`: besides, groups of devices are out of each other's reach for longer than
 * that. `browser`: all nodes have the browser's store. `wire`: messages travel in frames that are cut, queues are
 * short, and strangers are in the room. `mesh`: rings of more members than one has channels. `orphans`: tabs that are
 * closed for good beside others of their device. `filler`: more than a thousand keys. `merge`: values
 * with merge types, and nothing that loses any. `storage`: the same calm run each
 * time, in which one call to a store fails; the seed says which one, and how, so that 5 n seeds go through the first n
 * calls.
 */
export function optionsUnder(profile: Profile, seed: number): Options {
  // What is looked at alone is so on the store that does what stores promise.
  const drawn = { ...optionsOf(seed), ...(profile === 'all' ? {} : { browserStore: false }) }
  const chance = new Chance(seed, 'profile')
  switch (profile) {
    case 'all':
      return drawn
    case 'wipe':
      return { ...drawn, wipe: true, acts: chance.between(2, 3), graceMs: chance.between(2, 30) * 1000 }
    case 'identity':
      return {
        ...drawn,
        twins: chance.between(1, 3),
        restore: true,
        lockLossEveryMs: chance.between(5_000, 15_000),
        copies: chance.between(0, 2),
      }
    case 'forgetting':
      return forgetful(drawn, chance)
    case 'browser':
      return { ...drawn, browserStore: true }
    case 'apart':
      return onlyParted(drawn, chance)
    case 'orphans': {
      const nodes = Math.max(4, drawn.nodes)
      return { ...drawn, orphans: true, nodes, devices: chance.between(3, nodes - 1), twins: Math.max(1, drawn.twins) }
    }
    case 'filler':
      return { ...drawn, filler: chance.between(1_200, 1_600), nodes: chance.between(3, 4), chaosMs: 25_000, joins: 1 }
    case 'merge':
      return {
        ...without(drawn, ['wipe', 'restore', 'power', 'copy', 'rot', 'full', 'lock', 'leave']),
        tallies: true,
        nodes: Math.min(6, drawn.nodes),
        devices: Math.min(6, drawn.nodes, drawn.devices),
        thinkMs: Math.max(200, drawn.thinkMs),
        idle: false,
      }
    case 'mesh':
      return meshed(drawn)
    case 'wire':
      return {
        ...drawn,
        ...wireOf(seed, 1),
        garble: 0.003 * chance.fraction(),
        large: 0.05 * chance.fraction(),
        stranger: chance.happens(0.5),
      }
    case 'storage': {
      const [call, way] = [1 + Math.floor((seed - 1) / failureKinds.length), (seed - 1) % failureKinds.length]
      return { ...scripted(), failing: { call, kind: failureKinds[way] ?? 'abort' } }
    }
  }
}

/** A run with traffic, deletes, reloads, a node that joins and tries that are stored, and nothing that fails. */
function scripted(): Options {
  const calm = { ...without(optionsOf(1), Object.keys(faultGroups)), nodes: 4, devices: 4, clients: 3, keys: 4 }
  const traffic = {
    acts: 1,
    chaosMs: 20_000,
    thinkMs: 60,
    blind: 0.2,
    deletes: 0.2,
    expiring: 0,
    sessions: 0.3,
    delayMs: 5,
    many: 0,
    owners: 0.3,
    picky: 0,
    large: 0,
    repairs: 0,
  }
  return {
    ...calm,
    ...traffic,
    commitMs: 3,
    browserStore: false,
    graceMs: 600_000,
    reloadEveryMs: 4_000,
    joins: 1,
    checkpointEveryMs: 1_000,
  }
}
