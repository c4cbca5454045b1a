/**
 * The blocks of code in the README, the guides and the skill, as texts for a compiler.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** One block of a page. `name` ends with `.ts` or `.tsx`. Of a component it is the script. */
export interface Code {
  readonly name: string
  readonly code: string
}

const guides = readdirSync(join(root, 'docs/guides')).map((name) => `docs/guides/${name}`)

export const blocks: readonly Code[] = ['README.md', 'skills/tabring/SKILL.md', ...guides].flatMap((page) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/^```(tsx?|svelte|vue)\n(.*?)^```/gms)].map(
    ([, kind = '', code = ''], index) => ({
      name: `${page} block ${index + 1}.${kind.startsWith('ts') ? kind : 'ts'}`,
      code: kind.startsWith('ts') ? code : scriptOf(code),
    }),
  ),
)

/** The script of a component. The compiler of its framework reads the rest, in the tests that run it. */
function scriptOf(component: string): string {
  return /^<script.*?>\n(.*?)^<\/script>/ms.exec(component)?.[1]?.replace(/^ {2}/gm, '') ?? ''
}

/** A file of one piece of code: its imports, and the rest in a function. */
export function fileOf({ code }: Code): string {
  const [imports, rest] = [/^import .*$/gm, /^export (?=const|function)/gm]
  const jsx = code.includes("'solid-js") ? '/** @jsxImportSource solid-js */' : ''
  return `${jsx}
${(code.match(imports) ?? []).join('\n')}
export async function piece() {
${code.replace(imports, '').replace(rest, '')}
}
`
}
