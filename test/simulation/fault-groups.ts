/**
 * Fault groups: faults by name, as the command line and the shrinking switch them off.
 */
import type { Options } from './options.ts'

/** What can be switched off, all in all or by name, and what each name stands for. */
export const faultGroups: Readonly<Record<string, readonly (keyof Options)[]>> = {
  loss: ['loss'],
  duplication: ['duplication'],
  delay: ['tail'],
  partition: ['partitionEveryMs'],
  'one-way': ['oneWay'],
  clog: ['clogEveryMs'],
  disconnect: ['disconnectEveryMs'],
  crash: ['crashEveryMs'],
  reload: ['reloadEveryMs'],
  freeze: ['freezeEveryMs'],
  stall: ['stallEveryMs'],
  lock: ['lockLossEveryMs'],
  throttle: ['throttleEveryMs'],
  slow: ['slowEveryMs'],
  signaling: ['unsignaledEveryMs'],
  leap: ['leapMs'],
  frames: ['frameMs'],
  garble: ['garble'],
  stranger: ['stranger'],
  orphans: ['orphans'],
  wipe: ['wipe'],
  restore: ['restore'],
  power: ['powerCut'],
  rot: ['rotEveryMs'],
  full: ['diskRows'],
  abort: ['abort'],
  again: ['again'],
  hang: ['hang'],
  clock: ['skewMs'],
  join: ['joins'],
  leave: ['leaves'],
  twin: ['twins'],
  copy: ['copies'],
  capacity: ['mixed'],
  core: ['core'],
  apart: ['apart'],
}

/** These options without the faults of some groups. */
export function without(options: Options, groups: readonly string[]): Options {
  const off = groups.flatMap((group) => faultGroups[group] ?? [])
  return {
    ...options,
    ...Object.fromEntries(off.map((name) => [name, noneOf(options[name])])),
  }
}

function noneOf(option: Options[keyof Options]): null | false | 0 {
  if (typeof option === 'boolean') return false
  return typeof option === 'number' ? 0 : null
}
