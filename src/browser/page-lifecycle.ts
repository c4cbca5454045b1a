/**
 * Word of the tab's life. `pagehide` is the last event that comes before a tab closes, navigates or is put aside; a page that
 * comes back from the back-forward cache gets `pageshow` with `persisted`.
 */
import type { Lifecycle } from '../ports.ts'

export interface PageLifecycle extends Lifecycle {
  /** Stops listening. */
  end(): void
}

export function pageLifecycle(): PageLifecycle {
  const ends: (() => void)[] = []
  const listen = (type: 'pagehide' | 'pageshow', listener: (event: PageTransitionEvent) => void) => {
    addEventListener(type, listener)
    ends.push(() => removeEventListener(type, listener))
  }
  return {
    onSuspend: (task) => listen('pagehide', task),
    onResume: (task) => listen('pageshow', (event) => event.persisted && task()),
    end: () => {
      for (const end of ends.splice(0)) end()
    },
  }
}
