/**
 * What the command line asks of every seed, and the options that come of it.
 */
import { faultGroups, without } from './fault-groups.ts'
import { type Options, optionsUnder, type Profile, profiles } from './options.ts'

export interface Settings {
  readonly profile?: Profile | undefined
  /** Least and greatest number of nodes at the start; drawn from the seed where it is not given. */
  readonly nodes?: readonly [number, number] | undefined
  /** Groups of faults to keep; all where it is not given. */
  readonly faults?: readonly string[] | undefined
}

/** Reads `5` or `3..12`. */
export function parseNodes(text: string): readonly [number, number] {
  const [low, high = low] = text.split('..').map(Number)
  if (low === undefined || high === undefined || !(low >= 2 && high >= low && high <= 50))
    throw new Error(`--nodes is a number from 2 to 50, or a range such as 3..12, not ${text}`)
  return [low, high]
}

/** Reads `loss,crash`, or `none`. */
export function parseFaults(text: string): readonly string[] {
  const names = text === 'none' ? [] : text.split(',')
  const unknown = names.filter((name) => !(name in faultGroups))
  if (unknown.length > 0)
    throw new Error(`--faults are none or some of ${Object.keys(faultGroups).join(', ')}, not ${unknown.join(', ')}`)
  return names
}

export function parseProfile(text: string): Profile {
  const found = profiles.find((profile) => profile === text)
  if (found === undefined) throw new Error(`--profile is one of ${profiles.join(', ')}, not ${text}`)
  return found
}

export function optionsFor(seed: number, { profile = 'all', nodes, faults }: Settings): Options {
  const drawn = optionsUnder(profile, seed)
  const kept =
    faults === undefined
      ? drawn
      : without(
          drawn,
          Object.keys(faultGroups).filter((name) => !faults.includes(name)),
        )
  if (nodes === undefined) return kept
  const count = nodes[0] + (seed % (nodes[1] - nodes[0] + 1))
  const devices = drawn.devices === drawn.nodes ? count : Math.min(count, drawn.devices)
  return { ...kept, nodes: count, devices }
}
