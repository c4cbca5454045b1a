/**
 * A record that one boot wrote blindly, as its `counter`th write of the key.
 */
import type { ActorId, HybridTime } from '../../src/core/ids.ts'
import { blindContext, delta } from '../../src/core/versioning/context.ts'
import type { Record } from '../../src/core/versioning/record.ts'

export const written = (counter: number, value: number = counter): Record =>
  delta(blindContext, {
    kind: 'value',
    dot: { actor: '00000000000000aa' as ActorId, counter },
    time: counter as HybridTime,
    value: Uint8Array.of(value),
    expiresAt: null,
  })
