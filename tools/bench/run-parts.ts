// Runs the parts of a benchmark one after the other. Called by each benchmark that has several.
import type { Figure } from './report.ts';

/**
 * Runs the parts, and returns their figures. `say` gets the name of each part's function before the
 * part starts.
 */
export async function runParts<Parameters extends unknown[]>(
  parts: readonly ((...parameters: Parameters) => Promise<Figure[]>)[],
  say: (text: string) => void,
  ...parameters: Parameters
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const part of parts) {
    say(part.name);
    figures.push(...(await part(...parameters)));
  }
  return figures;
}
