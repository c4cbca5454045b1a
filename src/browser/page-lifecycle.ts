/**
 * Page lifecycle: the events of a tab's life (not in the paper).
 *
 * Between `freeze` and `resume` (Page Lifecycle; Chromium only) nothing runs. `pagehide` is the last event before a tab
 * closes, navigates or is put aside. A page that returns from the back-forward cache gets `pageshow` with `persisted`.
 */
import type { Lifecycle } from '../ports.ts'

export interface PageLifecycle extends Lifecycle {
  /** Stops listening. */
  end(): void
}

export function pageLifecycle(): PageLifecycle {
  const ends: (() => void)[] = []
  const listen = (target: EventTarget, type: string, listener: (event: Event) => void) => {
    target.addEventListener(type, listener)
    ends.push(() => target.removeEventListener(type, listener))
  }
  return {
    onSleep: (task) => listen(document, 'freeze', task),
    onSuspend: (task) => listen(globalThis, 'pagehide', task),
    onResume: (task) => {
      listen(document, 'resume', task)
      listen(globalThis, 'pageshow', (event) => event instanceof PageTransitionEvent && event.persisted && task())
    },
    end: () => {
      for (const end of ends.splice(0)) end()
    },
  }
}
