/**
 * A cluster in memory for one test, which is closed after it.
 */
import { afterEach } from 'vitest'
import { type MemoryCluster, openCluster } from '../../src/memory/open-cluster.ts'

let cluster: MemoryCluster | undefined
afterEach(() => cluster?.close())

export async function ring(nodes: number): Promise<MemoryCluster> {
  cluster = await openCluster({ nodes })
  return cluster
}

/** The deadline of what happens in a moment. */
export const soon = { timeout: 15_000, interval: 10 } as const
