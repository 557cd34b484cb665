// The boundaries within a service: one folder for each role, which imports nothing of another role;
// a pure domain/; all SQL in store/; APIs that hold no driver. docs/architecture.md explains them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Import, Source } from './imports.ts';
import { importsOf, isTest, readSources } from './imports.ts';

/** Folders of a service that each of its roles may import; every other folder is a role. */
const shared: ReadonlySet<string> = new Set(['domain', 'store']);

// glance-api accesses its image store itself, as upstream's does.
const driversOfApis: ReadonlySet<string> = new Set(['services/glance/api -> ports/image-store.ts']);

interface Place {
  service: string;
  /** The folder within the service; '' for files at its root. */
  folder: string;
}

function placeOf(file: string): Place | undefined {
  const [top, service, ...rest] = file.split('/');
  if (top !== 'services' || service === undefined) return undefined;
  return { service, folder: rest.length > 1 ? (rest[0] ?? '') : '' };
}

/** Why the file may not import the target; undefined: it may. */
function refusal({ file, target, typeOnly }: Import): string | undefined {
  const from = placeOf(file);
  if (!from || isTest(file)) return undefined;
  const to = placeOf(target);
  const inner = to?.service === from.service ? to : undefined;
  if (from.folder === 'domain') {
    if (inner && inner.folder !== 'domain' && !typeOnly) return 'domain/ imports only types';
    if (/^(node:(?!crypto$|net$)|kysely|adapters\/|ports\/|platform\/(db|bus|http)\/)/.test(target))
      return typeOnly ? undefined : 'domain/ has no I/O';
    return undefined;
  }
  if (from.folder === 'api' && target.startsWith('ports/') && !typeOnly)
    return driversOfApis.has(`services/${from.service}/api -> ${target}`)
      ? undefined
      : 'an API has no driver';
  if (!inner || inner.folder === from.folder || inner.folder === '') return undefined;
  if (shared.has(inner.folder)) return undefined;
  return from.folder === ''
    ? 'the root of a service imports no role'
    : `${from.folder}/ imports another role, ${inner.folder}/`;
}

const queries = /\.(selectFrom|insertInto|updateTable|deleteFrom|mergeInto)\(|\bsql(<[^>]*>)?`/;
const waits = /\bawait\b|\basync\b|\bPromise\b/;
/** The text without its comments, which may mention what code must not do. */
const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/[^\n]*/g, '$1');

function contentViolations({ file, text }: Source): string[] {
  const place = placeOf(file);
  if (!place || isTest(file)) return [];
  const code = withoutComments(text);
  return [
    ...(place.folder !== 'store' && queries.test(code) ? [`${file}: SQL stands in store/`] : []),
    ...(place.folder === 'domain' && waits.test(code)
      ? [`${file}: domain/ waits for nothing`]
      : []),
    ...(place.folder === 'api' && driverInDeps.test(code) ? [`${file}: an API has no driver`] : []),
  ];
}

/**
 * An import of a driver's interface, which an API's deps must not even name; value types of ports
 * are allowed.
 */
const driverInDeps =
  /import type \{[^}]*\b(VolumeBackend|BackupStore|Hypervisor|Sdn)\b[^}]*\} from '#ports\//;

const importViolations = (imports: readonly Import[]): string[] =>
  imports.flatMap((each) => {
    const reason = refusal(each);
    return reason === undefined ? [] : [`${each.file} -> ${each.target}: ${reason}`];
  });

describe('within a service', () => {
  test('the boundaries are kept', async () => {
    const sources = await readSources();
    const inServices = sources.filter(({ file }) => placeOf(file));
    assert.ok(inServices.length > 300, `only ${inServices.length} files of services were seen`);
    const found = [
      ...importViolations(inServices.flatMap(importsOf)),
      ...inServices.flatMap(contentViolations),
    ];
    assert.deepEqual(found, []);
  });

  const inNova = (file: string, target: string, typeOnly = false): Import => ({
    file: `services/nova/${file}`,
    target,
    typeOnly,
  });
  const planted: Readonly<Record<string, readonly Import[]>> = {
    'a role that imports another': [
      inNova('api/servers/routes.ts', 'services/nova/conductor/role.ts'),
      inNova('conductor/role.ts', 'services/nova/scheduler/select-hosts.ts', true),
      inNova('rpc-clients.ts', 'services/nova/api/role.ts'),
      inNova('store/seed.ts', 'services/nova/api/flavors.ts'),
    ],
    'I/O in domain/': [
      inNova('domain/quota.ts', 'node:fs/promises'),
      inNova('domain/quota.ts', 'kysely'),
      inNova('domain/quota.ts', 'platform/db/transaction.ts'),
      inNova('domain/quota.ts', 'services/nova/store/quotas.ts'),
    ],
    'an API with a driver': [inNova('api/images.ts', 'ports/volume-backend.ts')],
  };
  for (const [what, imports] of Object.entries(planted))
    test(`${what} is found`, () => assert.equal(importViolations(imports).length, imports.length));

  const plantedTexts: Readonly<Record<string, readonly Source[]>> = {
    'SQL outside store/': [
      { file: 'services/nova/api/a.ts', text: "await db.selectFrom('servers').execute();" },
      { file: 'services/nova/conductor/a.ts', text: 'await sql<number>`select 1`.execute(db);' },
      { file: 'services/nova/deps.ts', text: "db.deleteFrom('servers')" },
    ],
    'a wait in domain/': [
      { file: 'services/nova/domain/a.ts', text: 'export async function a() {}' },
    ],
    'a driver among the deps of an API': [
      {
        file: 'services/cinder/api/a.ts',
        text: "import type { VolumeBackend } from '#ports/volume-backend.ts';",
      },
    ],
  };
  for (const [what, sources] of Object.entries(plantedTexts))
    test(`${what} is found`, () =>
      assert.equal(sources.flatMap(contentViolations).length, sources.length));
});
