/**
 * What every kind of signaling must do.
 */
import { expect, test } from 'vitest'
import type { PeerId } from '../../src/core/ids.ts'
import type { Signaling } from '../../src/ports.ts'

export const peerName = (index: number): PeerId => index.toString(16).padStart(16, '0') as PeerId

interface Guest {
  readonly peer: PeerId
  readonly signaling: Signaling
  readonly present: Set<PeerId>
  readonly heard: { from: PeerId; body: string }[]
  /** Resolves once the condition holds. */
  until(condition: () => boolean): Promise<void>
}

function guest(peer: PeerId, signaling: Signaling): Guest {
  const checks: (() => void)[] = []
  const present = new Set<PeerId>()
  const heard: { from: PeerId; body: string }[] = []
  const tell = () => {
    for (const check of checks) check()
  }
  signaling.join(peer, {
    joined: (peers) => {
      for (const other of [peer, ...peers]) present.add(other)
      tell()
    },
    arrived: (other) => {
      present.add(other)
      tell()
    },
    gone: (other) => {
      present.delete(other)
      tell()
    },
    message: (from, body) => {
      heard.push({ from, body })
      tell()
    },
    state: () => {},
  })
  const until = (condition: () => boolean) =>
    new Promise<void>((resolve) => {
      const check = () => condition() && resolve()
      checks.push(check)
      check()
    })
  return { peer, signaling, present, heard, until }
}

/** `enter()` is one more way into the same room. */
export function describeSignaling(enter: () => Signaling): void {
  test('those in a room know of each other, of who arrives and who goes', async () => {
    const a = guest(peerName(1), enter())
    await a.until(() => a.present.has(a.peer))
    const b = guest(peerName(2), enter())
    await b.until(() => b.present.has(a.peer))
    await a.until(() => a.present.has(b.peer))
    b.signaling.close()
    await a.until(() => !a.present.has(b.peer))
    a.signaling.close()
  })

  test('a text reaches the one it is addressed to, in order, and nobody else', async () => {
    const guests = [3, 4, 5].map((index) => guest(peerName(index), enter()))
    const [a, b, c] = guests as [Guest, Guest, Guest]
    await Promise.all(guests.map((one) => one.until(() => guests.every((other) => one.present.has(other.peer)))))
    for (const body of ['first', 'zweitens ü', '三']) expect(a.signaling.send(b.peer, body)).toBe(true)
    await b.until(() => b.heard.length === 3)
    expect(b.heard).toEqual(['first', 'zweitens ü', '三'].map((body) => ({ from: a.peer, body })))
    expect(c.heard).toEqual([])
    for (const one of guests) one.signaling.close()
  })
}
