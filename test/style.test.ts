// The rules of CONTRIBUTING.md's style that formatter and linter do not check: length of files,
// width of comments, form of own imports, case of constants. Run by `./cobalt check`.
import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { componentOf, components, root } from './components.ts';

const maxColumns = 100;
const maxLines = 500;

interface Source {
  file: string;
  text: string;
}

/**
 * What is wrong in one file, as `file:line: what`. Generated files are not checked. `fileNames`:
 * names, without folders, of all files of the repository.
 */
export function styleFaults({ file, text }: Source, fileNames: ReadonlySet<string>): string[] {
  const lines = text.split('\n');
  const opening =
    /^(\/\/|\/\*|#!)/.test(text) || file.endsWith('.test.ts')
      ? []
      : [`${file}:1: a file opens with a comment that says what it is for`];
  const length = text.endsWith('\n') ? lines.length - 1 : lines.length;
  const tooLong =
    length <= maxLines
      ? []
      : [`${file}:${maxLines}: a file has at most ${maxLines} lines: split it by subject`];
  const ofLines = lines.flatMap((line, index) =>
    [
      ...wideComment(line),
      ...deadReference(line, fileNames),
      ...importForm(file, line),
      ...constantCase(file, line),
    ].map((fault) => `${file}:${index + 1}: ${fault}`),
  );
  return [...opening, ...tooLong, ...ofLines];
}

/**
 * Comments that are too wide. Exempt: words that cannot be broken (URLs), and the linter's
 * directives.
 */
function wideComment(line: string): string[] {
  const comment = /^\s*(?:\/\/|\/\*\*?|\*) (.*)$/.exec(line)?.[1];
  if (comment === undefined || line.length <= maxColumns) return [];
  if (/^oxlint-|^https?:\S+$/.test(comment) || !comment.includes(' ')) return [];
  return /\shttps?:\S+$/.test(line) && line.replace(/\shttps?:\S+$/, '').length <= maxColumns
    ? []
    : [`the comment is wider than ${maxColumns} columns`];
}

const commentOf = (line: string): string | undefined =>
  /^\s*(?:\/\/|\/\*\*?|\*) (.*)$/.exec(line)?.[1] ?? /\s\/\/ (.*)$/.exec(line)?.[1];

/**
 * Files that a comment names and that are not in the repository. Upstream's files are Python's, so
 * they do not match.
 */
function deadReference(line: string, fileNames: ReadonlySet<string>): string[] {
  const comment = commentOf(line)?.replace(/https?:\S+/g, '') ?? '';
  return [...comment.matchAll(/(?<![*\w.-])(?:[\w.-]+\/)*(\w[\w.-]*\.(?:ts|md|sh))\b(?!\.\w)/g)]
    .filter(([, name = '']) => !fileNames.has(name) && name.length > 'x.ts'.length)
    .map(([path]) => `the comment names ${path}, which is not in the repository`);
}

/** Imports must be relative within a component, and `#component/…` across components. */
function importForm(file: string, line: string): string[] {
  const specifier = /(?:from |import\(|^import )'([#.][^']+)'/.exec(line)?.[1];
  if (specifier === undefined) return [];
  const target = specifier.startsWith('#')
    ? specifier.slice(1)
    : relative(root, join(root, dirname(file), specifier));
  if (!components.includes(target.split('/')[0] ?? '')) return [];
  // contracts/common is a component of its own only for the dependency rules.
  const isOwn =
    componentOf(target).replace('/common', '') === componentOf(file).replace('/common', '');
  if (isOwn === specifier.startsWith('.')) return [];
  return [`import '${specifier}' ${isOwn ? 'by its relative path' : `as '#${target}'`}`];
}

/**
 * Constants are camelCase, too; numbers of libvirt's protocol keep the names of libvirt's source.
 */
const constantCase = (file: string, line: string): string[] =>
  file.startsWith('adapters/libvirt/rpc/') || !/^(export )?const [A-Z][A-Z0-9_]*\b/.test(line)
    ? []
    : ['a constant is written in camelCase'];

test('every file follows the rules that the formatter does not check', async () => {
  const faults: string[] = [];
  const fileNames = new Set<string>();
  const everything = glob('{*,{docs,test,tools,.ci}/**/*,{' + components.join(',') + '}/**/*}', {
    cwd: root,
  });
  for await (const file of everything) fileNames.add(basename(file));
  let files = 0;
  for await (const file of glob(`{${components.join(',')}}/**/*.ts`, { cwd: root })) {
    if (file.endsWith('.gen.ts')) continue;
    files += 1;
    faults.push(
      ...styleFaults({ file, text: await readFile(join(root, file), 'utf8') }, fileNames),
    );
  }
  assert.ok(files > 800, `only ${files} files were seen: the check looks at the wrong place`);
  assert.deepEqual(faults, []);
});

test('a planted fault of each kind is seen', () => {
  const planted: [string, string][] = [
    [`// ${'word '.repeat(25)}`, 'the comment is wider than 100 columns'],
    ["import { x } from '#platform/x.ts';", "import '#platform/x.ts' by its relative path"],
    ['import { y } from ' + "'../ports/y.ts';", "import '../ports/y.ts' as '#ports/y.ts'"],
    ['export const a = 5;', 'a file opens with a comment that says what it is for'],
    [
      `// x\n${'const a = 5;\n'.repeat(maxLines)}`,
      `a file has at most ${maxLines} lines: split it by subject`,
    ],
    ['export const LIMIT_MS = 5;', 'a constant is written in camelCase'],
    ['// See old-name.ts.\n', 'the comment names old-name.ts, which is not in the repository'],
  ];
  for (const [text, fault] of planted)
    assert.ok(
      styleFaults({ file: 'platform/planted.ts', text }, new Set()).some((one) =>
        one.endsWith(fault),
      ),
      fault,
    );
});
