// Every regular expression of the product matches in linear time: a pattern that backtracks over a
// caller's text would let one request block all others. Literals are read from the sources, and
// patterns of request bodies from the routes, since some are composed.
import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { visitRegExpAST } from '@eslint-community/regexpp';
import { parse, tokTypes } from 'acorn';
import { getFirstConsumedChar, toCache } from 'regexp-ast-analysis';
import { analyse } from 'scslre';
import type { ApiCloud } from './api/api-cloud.ts';
import { startApiCloud } from './api/api-cloud.ts';
import { components } from './components.ts';

interface Pattern {
  where: string;
  source: string;
  flags: string;
}

const sources = `{${components.filter((folder) => !['test', 'tools'].includes(folder)).join(',')}}/**/*.ts`;
// Files that compose patterns at run time, but only from literals, never from a caller's text.
// first-error.ts takes the patterns of the routes' schemas.
const composed: readonly string[] = [
  'adapters/libvirt/pci-addresses.ts',
  'adapters/ontap/file-names.ts',
  'openstack/http/first-error.ts',
  'services/nova/domain/extra-specs.ts',
];

function superLinear({ where, source, flags }: Pattern): string[] {
  const { parsed, reports } = analyse({ source, flags });
  const found = reports.map(
    ({ type, character }) =>
      `${where}: /${source}/ is super-linear (${type}) on many ${JSON.stringify(character.pick)}`,
  );
  // A case that scslre does not detect: alternatives with a common beginning, repeated without
  // bound, such as `(a|a)*`.
  const cache = toCache(parsed.flags);
  visitRegExpAST(parsed.pattern, {
    onQuantifierEnter: ({ element, max }) => {
      if (max < manyRepeats || (element.type !== 'Group' && element.type !== 'CapturingGroup'))
        return;
      const first = element.alternatives.map(
        (alternative) => getFirstConsumedChar(alternative, 'ltr', cache).char,
      );
      if (
        first.some((char, index) =>
          first.slice(0, index).some((other) => !other.isDisjointWith(char)),
        )
      )
        found.push(`${where}: alternatives of /${source}/ begin alike and are repeated`);
    },
  });
  return found;
}
/** Up to this many repetitions, backtracking is harmless. */
const manyRepeats = 20;

/** The regular expression literals of a file, and whether the file builds others at run time. */
function patternsIn(file: string, text: string): { literals: Pattern[]; builds: boolean } {
  const literals: Pattern[] = [];
  const names: string[] = [];
  parse(stripTypeScriptTypes(text), {
    ecmaVersion: 'latest',
    sourceType: 'module',
    locations: true,
    onToken: (token) => {
      // acorn's types lack `value`.
      const { type, loc, value } = token as typeof token & { value: unknown };
      if (type === tokTypes.name) names.push(String(value));
      if (type !== tokTypes.regexp) return;
      // The value of a regexp token in acorn.
      const { pattern, flags } = value as { pattern: string; flags: string };
      literals.push({ where: `${file}:${loc?.start.line}`, source: pattern, flags });
    },
  });
  return { literals, builds: names.includes('RegExp') && /\bRegExp\(/.test(text) };
}

/** The patterns of strings and of keys anywhere in a schema. */
function patternsOf(where: string, schema: unknown, found: Pattern[] = []): Pattern[] {
  if (typeof schema !== 'object' || schema === null) return found;
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'pattern' && typeof value === 'string')
      found.push({ where, source: value, flags: 'u' });
    if (key === 'patternProperties')
      for (const source of Object.keys(value as object)) found.push({ where, source, flags: 'u' });
    patternsOf(where, value, found);
  }
  return found;
}

describe('regular expressions', () => {
  it('of the sources are linear', async () => {
    const found: Pattern[] = [];
    const building: string[] = [];
    for await (const file of glob(sources)) {
      if (/\.(test|testing|gen)\.ts$/.test(file)) continue;
      const { literals, builds } = patternsIn(file, await readFile(file, 'utf8'));
      found.push(...literals);
      if (builds) building.push(file);
    }
    assert.ok(found.length > 150, `only ${found.length} were seen`);
    assert.deepEqual(found.flatMap(superLinear), []);
    assert.deepEqual(
      building.sort(),
      composed,
      "files that build patterns at run time: none may take a caller's text",
    );
  });

  it('that are super-linear are found where one is planted', () => {
    const planted = [
      ...patternsIn(
        'planted.ts',
        'const x: number = 4 / 2; export const bad = `${"a".replace(/[.-]+$/, "")}` / 2;',
      ).literals,
      ...patternsOf('planted', {
        type: 'object',
        patternProperties: { '^(a|a)*$': {} },
        properties: {
          hostname: {
            anyOf: [{ type: 'string', pattern: '^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$' }],
          },
        },
      }),
    ];
    assert.deepEqual(
      planted.map((pattern) => superLinear(pattern).length > 0),
      [true, true, true],
    );
    assert.equal(
      patternsIn('planted.ts', 'export const of = (text: string) => new RegExp(text);').builds,
      true,
    );
  });
});

describe('patterns of bodies', () => {
  let cloud: ApiCloud;
  before(async () => void (cloud = await startApiCloud()));
  after(async () => await cloud.stop());

  it('are linear', () => {
    const found = cloud.plane.apis.flatMap(({ name, routes }) =>
      routes.flatMap(({ method, path, body }) =>
        patternsOf(`${name} ${method} ${path}`, body ?? {}),
      ),
    );
    assert.ok(found.length > 100, `only ${found.length} were seen`);
    assert.deepEqual(found.flatMap(superLinear), []);
  });
});
