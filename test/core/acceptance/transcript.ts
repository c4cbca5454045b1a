/**
 * Transcripts: text files that tell a story, and play it. The method is that of etcd's raft, `testdata/*.txt`.
 *
 * A line that begins with `> ` is a step. The indented lines after it are what the rules answer. All other lines are
 * prose. A test plays the steps again and compares the whole file. `npx vitest run test/core/acceptance -u` writes the
 * answers anew; a reviewer then reads the difference.
 */
import { expect } from 'vitest'

/** The same text, with the answers of `play` after each step. */
function retold(text: string, play: (step: string) => readonly string[]): string {
  const lines = text.split('\n').filter((line) => !line.startsWith('  '))
  const told = lines.flatMap((line) =>
    line.startsWith('> ') ? [line, ...play(line.slice(2)).map((answer) => `  ${answer}`)] : [line],
  )
  return told.join('\n')
}

/** Plays a story. Each chapter, a line that begins with `# `, has a world of its own. */
export async function play(
  path: string,
  text: string,
  world: () => (step: string) => readonly string[],
): Promise<void> {
  const chapters = text.split(/^(?=# )/m)
  expect(chapters.length).toBeGreaterThan(1)
  await expect(chapters.map((chapter) => retold(chapter, world())).join('')).toMatchFileSnapshot(path)
}

/** The answers to a step: the first of these patterns that it matches tells how to play it. */
export function playOne(
  step: string,
  patterns: readonly (readonly [RegExp, (...words: readonly string[]) => readonly string[]])[],
): readonly string[] {
  for (const [pattern, answer] of patterns) {
    const words = pattern.exec(step)
    if (words !== null) return answer(...words.slice(1))
  }
  throw new Error(`a step that no story knows: ${step}`)
}
