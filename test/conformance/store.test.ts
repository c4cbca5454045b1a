import { describe } from 'vitest'
import { MemoryDisk, memoryStore } from '../../src/memory/memory-store.ts'
import { describeStore } from './store.ts'

const disks = new Map<string, MemoryDisk>()
describe('the store in memory', () =>
  describeStore(async (name) => {
    const disk = disks.get(name) ?? new MemoryDisk()
    disks.set(name, disk)
    return memoryStore(disk)
  }))
