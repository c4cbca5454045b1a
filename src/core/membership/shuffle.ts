/**
 * Random order (Fisher and Yates).
 *
 * Probing takes its targets in such an order (SWIM, section 4.3), and gossip its receivers.
 */

/** The items in random order. `chance` is uniform in [0, 1). */
export function shuffled<T>(items: Iterable<T>, chance: () => number): T[] {
  const order = [...items]
  for (let at = order.length - 1; at > 0; at -= 1) {
    const other = Math.floor(chance() * (at + 1))
    const [a, b] = [order[at] as T, order[other] as T]
    order[at] = b
    order[other] = a
  }
  return order
}
