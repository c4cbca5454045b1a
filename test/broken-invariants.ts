/**
 * Setup of all tests in Node: a broken invariant fails the run, even if its caller swallows the error.
 */
Object.assign(globalThis, {
  reportError: (error: unknown) =>
    queueMicrotask(() => {
      throw error
    }),
})
