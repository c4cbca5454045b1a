/**
 * Events in the order of their times, then of their asking: a binary heap without closures, since a simulated year has many.
 */
export interface Event {
  readonly at: number
  readonly turn: number
  readonly kind: number
  readonly node: number
  readonly body: unknown
  readonly from: number
}

const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.turn < b.turn)

export class EventHeap {
  readonly #events: Event[] = []
  #turn = 0

  push(at: number, kind: number, node: number, body: unknown, from: number): void {
    this.#turn += 1
    const event = { at, turn: this.#turn, kind, node, body, from }
    const events = this.#events
    let index = events.length
    events.push(event)
    while (index > 0) {
      const up = (index - 1) >> 1
      const parent = events[up] as Event
      if (isBefore(parent, event)) break
      events[index] = parent
      index = up
    }
    events[index] = event
  }

  pop(): Event | undefined {
    const events = this.#events
    const first = events[0]
    const last = events.pop()
    if (last === undefined || events.length === 0) return first
    let index = 0
    for (;;) {
      let down = 2 * index + 1
      if (down >= events.length) break
      if (down + 1 < events.length && isBefore(events[down + 1] as Event, events[down] as Event)) down += 1
      const child = events[down] as Event
      if (isBefore(last, child)) break
      events[index] = child
      index = down
    }
    events[index] = last
    return first
  }
}
