/**
 * The stranger: a tab with another build of the library, in the same room.
 *
 * Its hello names another protocol version. It and the ring refuse each other, say so, and lose nothing by that.
 */

import type { DeviceId, PeerId } from '../../src/core/ids.ts'
import { decodeMessage, encodeMessage } from '../../src/core/wire/message-codec.ts'
import { TabringError } from '../../src/errors.ts'
import { memoryStore } from '../../src/memory/memory-store.ts'
import { checkConfig } from '../../src/node/api/config.ts'
import { partsOf, StorageNode } from '../../src/node/storage-node.ts'
import type { Transport, TransportHandlers } from '../../src/ports.ts'
import { Chance } from './chance.ts'
import type { Violation } from './checker.ts'
import { ahead } from './virtual-clock.ts'
import type { World } from './world.ts'

/** Its place in the network, which is none of the ring's. */
const strangePlace = 1_000
const nobodyThere = 'a stranger alone'

export class Stranger {
  readonly #world: World
  #node: StorageNode | undefined
  #refusals = 0
  /** What came of waiting for a ring of two. */
  #joined = 'still waiting'

  constructor(world: World) {
    this.#world = world
  }

  start(): void {
    const { clock, network, options, counters } = this.#world
    const chance = new Chance(options.seed, 'wire')
    const gate = (task: () => void) => task()
    const peer = `5${'0'.repeat(15)}` as PeerId
    const ports = {
      clock: clock.seenBy(gate, { skewMs: 0, alignMs: 0 }),
      random: chance.random,
      store: memoryStore(),
      transport: otherBuild(network.transport(peer, strangePlace, gate, () => true)),
      lifecycle: { onSleep: () => {}, onSuspend: () => {}, onResume: () => {} },
    }
    const config = checkConfig({ cluster: 'simulation', graceMs: options.graceMs })
    void StorageNode.open(ports, config, 'device of a stranger' as DeviceId).then((node) => {
      this.#node = node
      node.on('connection', ({ state }) => {
        if (state === 'refused') this.#refusals += 1
      })
      node.joined({ timeoutMs: 300_000 }).then(
        () => {
          this.#joined = 'joined'
        },
        (error: unknown) => {
          this.#joined = error instanceof TabringError ? error.code : String(error)
        },
      )
      void node.put(nobodyThere, null, nobodyThere)
      counters.count('fault: a stranger in the room')
    })
  }

  /** What should not be in the end. */
  async violations(): Promise<readonly Violation[]> {
    const node = this.#node
    const { clock, counters, serving } = this.#world
    if (node === undefined) return []
    const { values } = await ahead(clock, node.get<string>(nobodyThere))
    const ring = serving.map(({ node: other }) => other)
    const wrong = [
      values.join() === nobodyThere ? '' : `it holds ${values}`,
      partsOf(node).membership.view.size === 1 ? '' : `it knows ${partsOf(node).membership.view.size} members`,
      ring.some((other) => partsOf(other).membership.view.has(node.id)) ? 'the ring takes it for a member' : '',
      this.#refusals > 0 ? '' : 'it was never refused',
      this.#joined === 'cluster-mismatch' ? '' : `joined came to: ${this.#joined}`,
    ].filter((text) => text !== '')
    counters.count('path: node of another version refused')
    counters.count('refusals that a stranger heard of', this.#refusals)
    await node.close()
    return wrong.map((witness) => ({ class: 'STRANGER' as const, key: '', subject: node.id, witness }))
  }
}

/** Says and hears in its hellos that the others have another version. */
function otherBuild(transport: Transport): Transport {
  const withVersion = (bytes: Uint8Array, by: number): Uint8Array => {
    const message = decodeMessage(bytes)
    if (message?.kind !== 'hello') return bytes
    const { hello } = message
    return encodeMessage({ kind: 'hello', hello: { ...hello, protocolVersion: hello.protocolVersion + by } })
  }
  return {
    ...transport,
    start: (handlers: TransportHandlers) =>
      transport.start({ ...handlers, message: (peer, bytes) => handlers.message(peer, withVersion(bytes, 1)) }),
    send: (peer, bytes, lane) => transport.send(peer, withVersion(bytes, -1), lane),
  }
}
