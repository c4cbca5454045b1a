/**
 * What every transport must do, whatever it is made of.
 */
import { expect, test } from 'vitest'
import type { PeerId } from '../../src/core/ids.ts'
import type { Transport } from '../../src/ports.ts'

/** A transport and what it has told so far. */
export interface Station {
  readonly peer: PeerId
  readonly transport: Transport
}

export class Witness {
  readonly open = new Set<PeerId>()
  readonly closed: PeerId[] = []
  readonly messages: { from: PeerId; message: Uint8Array }[] = []
  /** Messages that came before their channel was said to be open. */
  early = 0
  /** Channels that were not admitted. */
  refused = 0
  /** Whether one channel more may open here. */
  hasRoom = true
  #checks: (() => void)[] = []

  /** `greeting` is sent to whoever is met, as soon as the channel is open. */
  constructor({ transport }: Station, greeting: Uint8Array | null = null) {
    const heard = () => {
      for (const check of this.#checks) check()
    }
    transport.start({
      opened: (peer) => {
        this.open.add(peer)
        if (greeting !== null) void transport.send(peer, greeting, 'control')
        heard()
      },
      closed: (peer) => {
        this.open.delete(peer)
        this.closed.push(peer)
        heard()
      },
      message: (from, message) => {
        this.messages.push({ from, message })
        if (!this.open.has(from)) this.early += 1
        heard()
      },
      signaling: () => {},
      introduce: () => {},
      admits: () => {
        if (!this.hasRoom) this.refused += 1
        heard()
        return this.hasRoom
      },
    })
  }

  /** Resolves once the condition holds. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => condition() && resolve()
      this.#checks.push(check)
      check()
    })
  }
}

const patterned = (length: number, seed: number) => Uint8Array.from({ length }, (_, at) => (at * 31 + seed) & 0xff)

/** `stations(count)` makes that many transports that can meet each other. */
export function describeTransport(stations: (count: number) => Promise<readonly Station[]>): void {
  async function connected(count: number) {
    const all = await stations(count)
    const witnesses = all.map((station) => new Witness(station))
    await Promise.all(witnesses.map((witness) => witness.until(() => witness.open.size === count - 1)))
    const [a, b] = all as [Station, Station]
    const [atA, atB] = witnesses as [Witness, Witness]
    const close = () => {
      for (const { transport } of all) transport.close()
    }
    return { all, a, b, atA, atB, close }
  }

  test('everybody meets everybody, and introductions come to an end', async () => {
    const { all, close } = await connected(3)
    await Promise.all(all.map(({ transport }) => transport.met()))
    close()
  })

  test('a peer wanted before any server has named it is met once one does, whichever of the two begins', async () => {
    for (const order of ['the first name comes later', 'the last name comes later']) {
      const all = await stations(2)
      const [there, newcomer] = (order.startsWith('the first') ? all.toReversed() : all) as [Station, Station]
      const atThere = new Witness(there)
      await there.transport.met()
      const atNewcomer = new Witness(newcomer)
      newcomer.transport.want(new Set([there.peer]))
      await Promise.all([
        atThere.until(() => atThere.open.has(newcomer.peer)),
        atNewcomer.until(() => atNewcomer.open.has(there.peer)),
      ])
      for (const { transport } of all) transport.close()
    }
  })

  test('first words, sent as soon as a channel opens, are heard by the other end, and not before it opened there', async () => {
    const all = await stations(4)
    const witnesses = all.map((station) => new Witness(station, Uint8Array.of(7)))
    await Promise.all(witnesses.map((witness) => witness.until(() => witness.messages.length === 3)))
    expect(witnesses.map((witness) => witness.early)).toEqual([0, 0, 0, 0])
    for (const { transport } of all) transport.close()
  })

  test('messages arrive whole, from one byte to several megabytes, and in order', async () => {
    const { a, b, atB, close } = await connected(2)
    const sizes = [1, 0, 16_383, 16_384, 16_385, 1_048_576, 5_000_000, 3]
    await Promise.all(sizes.map((size, seed) => a.transport.send(b.peer, patterned(size, seed), 'bulk')))
    await atB.until(() => atB.messages.length === sizes.length)
    for (const [seed, size] of sizes.entries()) {
      const message = atB.messages[seed]?.message ?? new Uint8Array(0)
      expect(message.length).toBe(size)
      expect(message.every((byte, at) => byte === ((at * 31 + seed) & 0xff))).toBe(true)
    }
    close()
  })

  test('a control message overtakes a backlog of 50 MiB of bulk, all of which arrives', async () => {
    const { a, b, atB, close } = await connected(2)
    const backlog = Array.from({ length: 50 }, () => a.transport.send(b.peer, new Uint8Array(1_048_576), 'bulk'))
    await a.transport.send(b.peer, Uint8Array.of(42), 'control')
    await atB.until(() => atB.messages.some(({ message }) => message.length === 1))
    expect(atB.messages.length).toBeLessThan(10)
    await Promise.all(backlog)
    await atB.until(() => atB.messages.length === 51)
    close()
  })

  test('what does not fit in the queue is refused at once, and what was taken still arrives', async () => {
    const { a, b, atB, close } = await connected(2)
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, () => a.transport.send(b.peer, new Uint8Array(16 * 1_048_576 - 1), 'bulk')),
    )
    const sent = outcomes.filter(({ status }) => status === 'fulfilled').length
    expect(sent).toBeGreaterThan(0)
    expect(sent).toBeLessThan(20)
    await atB.until(() => atB.messages.length === sent)
    close()
  })

  test('closing is noticed by the others, and what was waiting is rejected', async () => {
    const { a, b, atA, close } = await connected(2)
    const waiting = Array.from({ length: 50 }, () => a.transport.send(b.peer, new Uint8Array(1_048_576), 'bulk'))
    b.transport.close()
    const outcomes = await Promise.allSettled(waiting)
    expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true)
    await atA.until(() => atA.closed.includes(b.peer))
    await expect(a.transport.send(b.peer, Uint8Array.of(1), 'control')).rejects.toThrow()
    close()
  })

  test('nobody can be sent to who was never met', async () => {
    const { a, close } = await connected(2)
    await expect(a.transport.send('0000000000000000' as PeerId, Uint8Array.of(1), 'control')).rejects.toThrow()
    close()
  })
}
