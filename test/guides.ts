/**
 * The blocks of code in the README, the guides and the skill, as texts for a compiler.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** One block of a page. `name` ends with `.ts` or `.tsx`. */
export interface Code {
  readonly name: string
  readonly code: string
}

const guides = readdirSync(join(root, 'docs/guides')).map((name) => `docs/guides/${name}`)

export const blocks: readonly Code[] = ['README.md', 'skills/tabring/SKILL.md', ...guides].flatMap((page) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/^```(tsx?)\n(.*?)^```/gms)].map(
    ([, kind, code = ''], index) => ({
      name: `${page} block ${index + 1}.${kind}`,
      code,
    }),
  ),
)

/** A file of one piece of code: its imports, and the rest in a function. */
export function fileOf({ code }: Code): string {
  const [imports, rest] = [/^import .*$/gm, /^export (?=const)/gm]
  return `${(code.match(imports) ?? []).join('\n')}
export async function piece() {
${code.replace(imports, '').replace(rest, '')}
}
`
}
