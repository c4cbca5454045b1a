/**
 * Plants a defect into the sources as they are bundled, or as tests load them.
 */
import type { Plugin } from 'vite'
import { editsOf, type Mutant } from './mutants.ts'

/** The source of a file with what a mutant makes of it. */
export function plantedIn(source: string, file: string, mutant: Mutant): string {
  return editsOf(mutant)
    .filter((edit) => file.endsWith(edit.file))
    .reduce((code, { from, to }) => {
      if (!code.includes(from)) throw new Error(`the source has changed: ${file} does not hold ${JSON.stringify(from)}`)
      return code.replace(from, () => to)
    }, source)
}

export function planting(mutant: Mutant, planted: (file: string) => void = () => {}): Plugin {
  return {
    name: `mutant: ${mutant.name}`,
    enforce: 'pre',
    transform: (code, id) => {
      const edit = editsOf(mutant).find(({ file }) => id.endsWith(file))
      if (edit === undefined) return null
      planted(edit.file)
      return plantedIn(code, id, mutant)
    },
  }
}
