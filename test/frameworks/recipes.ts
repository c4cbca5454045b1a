/**
 * The files that the guide of frameworks shows, compiled as those of an application are. Each block begins with the name
 * of its file. `recipes/vue/Todos.vue` is the file of that name in the section on Vue; its imports find the blocks of
 * that section, then those shown for all.
 */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PluginOption } from 'vite'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const guide = at('../../docs/guides/frameworks.md')
const folder = at('recipes')

/** The blocks of a page, by `section/file`. What stands in other sections is for all, and has no section. */
function blocksOf(page: string): ReadonlyMap<string, string> {
  const frameworks = new Set(['svelte', 'vue', 'solid', 'react'])
  return new Map(
    page.split(/^## /m).flatMap((section) => {
      const title = /^.*/.exec(section)?.[0].toLowerCase() ?? ''
      const blocks = [...section.matchAll(/^```\w+\n(?:\/\/|<!--) (\S+)[^\n]*\n(.*?)^```/gms)]
      return blocks.map(
        ([, file, code = '']) => [frameworks.has(title) ? `${title}/${file}` : `${file}`, code] as const,
      )
    }),
  )
}

/** What the guide takes from tabring, and the node, which is that of the test. */
const sources: Readonly<Record<string, string>> = {
  tabring: at('../../src/index.ts'),
  'tabring/react': at('../../src/react/react.ts'),
  './node': at('opening.ts'),
}

/** Serves the blocks of the guide as files. */
function blocksAsFiles(): PluginOption {
  const blocks = () => blocksOf(readFileSync(guide, 'utf8'))
  const nameOf = (path: string) => path.slice(folder.length + 1)
  return {
    name: 'blocks-as-files',
    enforce: 'pre',
    resolveId(source, importer) {
      const direct = /^(?:\.|.*\/test\/frameworks)\/recipes\/(.*)/.exec(source)?.[1]
      if (direct !== undefined) return `${folder}/${direct}`
      if (importer === undefined || !importer.startsWith(`${folder}/`)) return null
      const known = sources[source]
      if (known !== undefined) return known
      if (!source.startsWith('./')) return null
      const section = nameOf(importer).split('/')[0]
      const wanted = [...blocks().keys()].find(
        (name) =>
          (name.startsWith(`${section}/`) || !name.includes('/')) &&
          basename(name).replace(/\.tsx?$/, '') === source.slice(2),
      )
      return wanted === undefined ? null : `${folder}/${wanted}`
    },
    load(id) {
      return id.startsWith(`${folder}/`) ? (blocks().get(nameOf(id)) ?? null) : null
    },
  }
}

/** The plugins that an application has, and the guide's blocks. Other jobs of the configuration load none of them. */
export async function recipes(): Promise<PluginOption[]> {
  const { svelte } = await import('@sveltejs/vite-plugin-svelte')
  const { default: vue } = await import('@vitejs/plugin-vue')
  const { default: solid } = await import('vite-plugin-solid')
  return [blocksAsFiles(), svelte({ configFile: false }), vue(), solid({ include: /recipes\/solid\//, ssr: true })]
}
