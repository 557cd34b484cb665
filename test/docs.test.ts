// The documents are true: every link has a target, every file that they name exists, the reference
// matches the code.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { glob, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { createProgram } from '#cli/program.ts';
import { version } from '#compose/version.ts';
import { generateReference, referenceFolder } from '#tools/generate-docs.ts';
import { components, root } from './components.ts';
import { documentsInOrder } from './documents/commands-of-documents.ts';

const folders = [...components, 'docs'];

async function documents(): Promise<{ path: string; text: string }[]> {
  const paths = await Array.fromAsync(
    glob(['*.md', `{${folders.join(',')}}/**/*.md`], { cwd: root }),
  );
  return await Promise.all(
    paths.map(async (path) => ({ path, text: await readFile(join(root, path), 'utf8') })),
  );
}

const withoutCode = (text: string): string =>
  text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
/** GitHub's anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
const anchorsIn = (text: string): string[] =>
  [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));

export function brokenLinks(
  path: string,
  text: string,
  targets: { exists(file: string): boolean; anchors(file: string): readonly string[] },
): string[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']): string[] => {
    if (/^(https?|mailto):/.test(link)) return [];
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? path : join(dirname(path), file);
    if (!targets.exists(target)) return [`${path}: ${link}`];
    return anchor === undefined ||
      !target.endsWith('.md') ||
      targets.anchors(target).includes(anchor)
      ? []
      : [`${path}: ${link}`];
  });
}

// Folders that docs/architecture.md announces for later; an entry must go once its folder exists.
const planned = ['hosts/gardenlinux/'];

/**
 * Files named in backticks, e.g. `platform/log.ts`, that do not exist, and planned ones that do.
 * Paths like `hosts/h1/…` are in the state folder, not in the repository.
 */
export function unknownFiles(
  path: string,
  text: string,
  exists: (file: string) => boolean,
): string[] {
  return [...text.matchAll(/`([a-z]+\/[\w./-]+)`/g)]
    .map(([, name = '']) => name)
    .filter(
      (name) =>
        folders.includes(name.split('/')[0] ?? '') &&
        !/^hosts\/h[\dN]/.test(name) &&
        exists(name) === planned.includes(name),
    )
    .map((name) => `${path}: ${name}`);
}

test('every link in the documents leads somewhere', async () => {
  const found = await documents();
  const textOf = new Map(found.map(({ path, text }) => [path, text]));
  const targets = {
    exists: (file: string) => existsSync(join(root, file)),
    anchors: (file: string) => anchorsIn(textOf.get(file) ?? ''),
  };
  assert.ok(found.length > 15, `only ${found.length} documents were seen`);
  assert.deepEqual(
    found.flatMap(({ path, text }) => brokenLinks(path, text, targets)),
    [],
  );
});

test('every file of the repository that a document names exists', async () => {
  assert.deepEqual(
    (await documents()).flatMap(({ path, text }) =>
      unknownFiles(path, text, (file) => existsSync(join(root, file))),
    ),
    [],
  );
});

test('every `./cobalt` command in the documents exists', async () => {
  const commands = (await createProgram(undefined)).commands.map((command) => command.name());
  const named = (await documents()).flatMap(({ path, text }) =>
    [...text.matchAll(/\.\/cobalt ([a-z]+)/g)].map(([, name]) => ({ path, name })),
  );
  assert.ok(commands.length > 5 && named.length > 20);
  // Exceptions: `serve` is announced for the distributed cloud; `./cobalt has been …` quotes the
  // launcher.
  assert.deepEqual(
    named.filter(({ name = '' }) => !commands.includes(name) && name !== 'serve' && name !== 'has'),
    [],
  );
});

test('every kind of difference that the audit knows is explained', async () => {
  const sources = await Promise.all(
    ['audit', 'audit-ports', 'audit-volumes'].map(
      async (name) => await readFile(join(root, `compose/${name}.ts`), 'utf8'),
    ),
  );
  const kinds = new Set(
    [...sources.join('\n').matchAll(/what: '([^']+)'/g)].map(([, kind]) => kind),
  );
  const page = await readFile(join(root, 'docs/how-to/troubleshoot.md'), 'utf8');
  assert.ok(kinds.size > 10);
  assert.deepEqual(
    [...kinds].filter((kind) => !page.includes(`\`${kind}\``)),
    [],
  );
});

test('a planted lie is seen', () => {
  const targets = { exists: (file: string) => file === 'docs/a.md', anchors: () => ['here'] };
  assert.deepEqual(
    brokenLinks('docs/b.md', '[x](a.md) [x](a.md#here) `[x](no.md)` [x](https://e.org/)', targets),
    [],
  );
  assert.deepEqual(brokenLinks('docs/b.md', '[x](a.md#there) [x](c.md)', targets), [
    'docs/b.md: a.md#there',
    'docs/b.md: c.md',
  ]);
  assert.deepEqual(
    unknownFiles(
      'README.md',
      '`cli/main.ts` `cli/nothing.ts` `example/x.ts`',
      (file) => file === 'cli/main.ts',
    ),
    ['README.md: cli/nothing.ts'],
  );
});

test('every legal fault of a route is listed once', async () => {
  const routes = (await generateReference()).get('routes.md') ?? '';
  const lists = [...routes.matchAll(/\| ([^|]*) \|$/gm)].map(([, list = '']) => list.split(', '));
  assert.ok(lists.length > 500, 'the routes were found');
  assert.deepEqual(
    lists.filter((list) => new Set(list).size < list.length),
    [],
  );
});

test('the version is that of the newest release in the changelog', async () => {
  const changelog = await readFile(join(root, 'CHANGELOG.md'), 'utf8');
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    version: string;
  };
  assert.deepEqual(
    { changelog: /^## (\S+)/m.exec(changelog)?.[1], lock: lock.version },
    { changelog: version, lock: version },
  );
});

test('the reference is what the code says (UPDATE=1 rewrites it)', async () => {
  const pages = await generateReference();
  if (process.env['UPDATE'])
    for (const [name, text] of pages) await writeFile(join(referenceFolder, name), text);
  assert.deepEqual((await readdir(referenceFolder)).sort(), [...pages.keys()].sort());
  for (const [name, text] of pages) {
    const [written, now] = [
      (await readFile(join(referenceFolder, name), 'utf8')).split('\n'),
      text.split('\n'),
    ];
    const difference = {
      missing: now.filter((line) => !written.includes(line)),
      stale: written.filter((line) => !now.includes(line)),
    };
    assert.deepEqual(
      difference,
      { missing: [], stale: [] },
      `docs/reference/${name} is stale. UPDATE=1 ./cobalt test docs writes it anew; then read what changed: ${JSON.stringify(difference)}`,
    );
    assert.ok(written.join('\n') === text, `docs/reference/${name} has its lines in another order`);
  }
});

test('the commands of every how-to are run by test/documents', async () => {
  const howTos = await Array.fromAsync(glob('*.md', { cwd: join(root, 'docs/how-to') }));
  assert.deepEqual([...howTos, 'README.md'].sort(), documentsInOrder.toSorted());
});
