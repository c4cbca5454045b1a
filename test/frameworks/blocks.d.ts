/** The guide's files, as the tests use them. Their own types are checked with the other code of the pages. */
declare module '*/svelte/main.ts' {
  export const app: Record<string, unknown>
}
declare module '*/svelte/Todos.svelte' {
  const Todos: import('svelte').Component<{ list: string }>
  export default Todos
}
declare module '*/vue/main.ts' {
  export const app: import('vue').App
}
declare module '*/vue/Todos.vue' {
  const Todos: import('vue').Component<{ list: string }>
  export default Todos
}
declare module '*/solid/main.tsx' {
  export const end: () => void
}
declare module '*/solid/Todos.tsx' {
  export const NodeContext: import('solid-js').Context<import('../../src/index.ts').TabringNode | null>
  export const List: import('solid-js').Component<{ list: string }>
}
declare module '*/react/main.tsx' {
  export const app: import('react-dom/client').Root
}
declare module '*/react/Todos.tsx' {
  export const List: (props: { list: string }) => import('react').ReactElement
}
