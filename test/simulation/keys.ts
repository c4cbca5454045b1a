/**
 * The keys of simulated clients, as they are stored.
 */
import type { StoredKey } from '../../src/core/ids.ts'
import { storedKey } from '../../src/core/versioning/stored-key.ts'

export const keyNamed = (key: string): StoredKey => storedKey({ mode: 'siblings', collection: '', key })
