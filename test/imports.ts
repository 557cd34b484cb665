// Finds the imports in the repository's files, for the tests of its architecture.
import { glob, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { components, root } from './components.ts';

export interface Import {
  file: string;
  /** A path from the repository's root, or the name of a package. */
  target: string;
  /** `import type`: erased at run time. */
  typeOnly?: boolean;
}

export interface Source {
  file: string;
  text: string;
}

// `import … from 'x'`, `export … from 'x'`, `import 'x'`, `import('x')`.
const importPattern =
  /(?:^|\n)(import|export)\s(type\s)?[^'"=;()]*?from\s+['"]([^'"]+)['"]|(?:^|\n)import\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;

export async function readSources(): Promise<Source[]> {
  const sources: Source[] = [];
  for await (const file of glob(`{${components.join(',')}}/**/*.ts`, { cwd: root }))
    sources.push({ file, text: await readFile(join(root, file), 'utf8') });
  return sources;
}

export function importsOf({ file, text }: Source): Import[] {
  return [...text.matchAll(importPattern)].map(([, , type, ...specifiers]) => {
    const specifier = specifiers.find((part) => part !== undefined) ?? '';
    const target = specifier.startsWith('#')
      ? specifier.slice(1)
      : specifier.startsWith('.')
        ? relative(root, join(root, dirname(file), specifier))
        : specifier;
    return { file, target, typeOnly: type !== undefined };
  });
}

/** Whether the file is a test, a contract suite or a fixture. */
export const isTest = (file: string): boolean => /\.(test|testing)\.ts$/.test(file);
