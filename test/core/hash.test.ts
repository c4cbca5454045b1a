import { md5 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { digestOf, keyHashOf, sha256Of, tokenOf } from '../../src/core/hash.ts'
import type { NodeId } from '../../src/core/ids.ts'
import { storedKey } from '../../src/core/stored-key.ts'

test('a hash is that of its bytes alone, whatever was hashed before', () => {
  const play = (texts: readonly string[]) => {
    for (const text of texts) {
      const bytes = utf8ToBytes(text)
      const sha = sha256(bytes)
      expect(sha256Of(bytes)).toEqual(sha)
      expect(digestOf(bytes)).toBe(bytesToHex(sha.subarray(0, 16)))
      const key = storedKey({ collection: 'c', group: null, key: text })
      const [keySha, keyMd] = [sha256(utf8ToBytes(key)), md5(utf8ToBytes(key))]
      expect(keyHashOf(key)).toEqual(Uint8Array.of(...keyMd.subarray(0, 2), ...keySha.subarray(2, 16)))
      expect(tokenOf(text as NodeId, 7)).toBe(bytesToHex(md5(utf8ToBytes(`${text}:7`))))
    }
  }
  // Around the length of a block, and of its padding.
  fc.assert(fc.property(fc.array(fc.string({ maxLength: 140, unit: 'binary' }), { maxLength: 5 }), play))
})
