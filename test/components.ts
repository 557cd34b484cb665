// The list of the repository's components, for the tests of dependency rules and style.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The top-level code folders, which package.json maps to import names (`#platform/*`). */
export const components: readonly string[] = Object.keys(
  (
    JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      imports: Record<string, string>;
    }
  ).imports,
).map((name) => name.slice(1, -2));

/**
 * The component of a file: its first folder, with the second where a folder holds several
 * components.
 */
export function componentOf(file: string): string {
  const [first = '', second = ''] = file.split('/');
  if (['adapters', 'services', 'agents', 'operators'].includes(first)) return `${first}/${second}`;
  if (file.startsWith('contracts/common/')) return 'contracts/common';
  return first;
}
