// CustomResourceDefinitions that are hostile or wrong, or that are changed or deleted while they
// have objects.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openDatabase } from '#platform/db/database.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { KubeTables } from '../store/tables.ts';
import type { TestApiserver } from './apiserver.testing.ts';
import {
  patches,
  startTestApiserver,
  untilFurnished,
  widgetDefinition,
} from './apiserver.testing.ts';

const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/**
 * A definition named `<plural>.things.org` with one version and this schema; `more` adds further
 * fields.
 */
function definition(plural: string, schema: unknown, more: Record<string, unknown> = {}) {
  const group = 'things.org';
  return {
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Cluster',
      names: { plural, kind: `${plural[0]?.toUpperCase()}${plural.slice(1)}` },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
      ...more,
    },
  };
}

const free = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

describe('definitions', () => {
  let kube: TestApiserver;
  before(async () => {
    kube = await startTestApiserver();
    await untilFurnished(kube);
  });
  after(async () => await kube.close());

  const served = async (path: string): Promise<void> => {
    await eventually(async () => (await kube.ask('GET', path)).status === 200, {
      withinMs: 5_000,
      what: `${path} is served`,
    });
  };
  const conditions = async (name: string): Promise<Record<string, string>> => {
    const list = (await kube.must('GET', `${crds}/${name}`))['status']?.conditions ?? [];
    return Object.fromEntries(
      list.map(({ type, status, reason }: Record<string, string>) => [type, `${status} ${reason}`]),
    );
  };

  it('of the wrong shape are refused, and harm nothing', async () => {
    const wrong: object[] = [
      { metadata: { name: 'x' }, spec: 5 },
      { metadata: { name: 'x' } },
      definition('a', free, { names: { plural: 'a', kind: {} } }),
      definition('a', free, { names: { plural: 'a', kind: 'A', shortNames: 5 } }),
      definition('a', free, { names: { plural: 'a.b', kind: 'A' } }),
      definition('a', free, { versions: {} }),
      definition('a', free, { versions: [null] }),
      definition('a', free, { versions: [] }),
      definition('a', free, { scope: 'Everywhere' }),
      definition('a', free, { group: 'apps' }),
      definition('a', { type: 'object', properties: 'abc' }),
      definition('a', { type: 'object', required: 5 }),
      definition('a', { type: 'object', properties: { a: { type: 'string', pattern: '(' } } }),
      definition('a', { type: 'object', properties: { a: { type: 'string', enum: 5 } } }),
      definition('a', { type: 'object', properties: { a: null } }),
      definition('a', { type: 'object', additionalProperties: 'yes' }),
      definition('a', { type: 'object', 'x-kubernetes-validations': [{ rule: '('.repeat(9000) }] }),
      definition('a', { type: 'object', 'x-kubernetes-validations': [{ rule: 'self.' }] }),
      definition('a', { type: 'array', items: free }),
      definition('a', {
        type: 'object',
        properties: { a: { type: 'string', pattern: '((a{900}){900}){900}' } },
      }),
    ];
    for (const body of wrong) {
      const { status } = await kube.ask('POST', crds, { body });
      assert.ok(
        status === 422 || status === 400,
        `${status}: ${JSON.stringify(body).slice(0, 200)}`,
      );
    }
    assert.deepEqual((await kube.must('GET', crds)).items, []);
  });

  it('fields called __proto__ and constructor are like others', async () => {
    const bytes = JSON.stringify(
      definition('protos', { type: 'object', properties: { spec: 'HERE' } }),
    ).replace(
      '"HERE"',
      '{"type":"object","properties":{"__proto__":{"type":"object","properties":{"a":{"type":"integer"}},"default":{"a":1}},"constructor":{"type":"string"}}}',
    );
    await kube.must('POST', crds, { bytes });
    await served('/apis/things.org/v1/protos');
    const creation = await kube.raw('POST', '/apis/things.org/v1/protos', {
      bytes: '{"metadata":{"name":"p"},"spec":{"constructor":"x"}}',
    });
    assert.equal(creation.status, 201);
    const { text } = (await kube.raw('GET', '/apis/things.org/v1/protos/p')).body as {
      text: string;
    };
    assert.match(text, /"spec":\{"constructor":"x","__proto__":\{"a":1\}\}/);
    const wrong = await kube.ask('PATCH', '/apis/things.org/v1/protos/p', {
      bytes: '{"spec":{"__proto__":{"a":"text"}}}',
      type: patches.merge,
    });
    assert.equal(wrong.status, 422);
    assert.equal(({} as Record<string, unknown>)['a'], undefined);
    assert.equal((await kube.ask('GET', '/openapi/v3/apis/things.org/v1')).status, 200);
  });

  it('names that others have are not accepted, and take nothing from them', async () => {
    await kube.must('POST', crds, { body: definition('firsts', free) });
    await served('/apis/things.org/v1/firsts');
    await kube.must('POST', crds, {
      body: definition('seconds', free, {
        names: { plural: 'seconds', singular: 'second', kind: 'Firsts' },
      }),
    });
    await kube.must('POST', crds, {
      body: {
        ...definition('clusterroles', free, {
          group: 'rbac.authorization.k8s.io',
          names: { plural: 'clusterroles', kind: 'Other' },
        }),
        metadata: { name: 'clusterroles.rbac.authorization.k8s.io' },
      },
    });
    await eventually(
      async () =>
        (await conditions('seconds.things.org'))['NamesAccepted'] === 'False KindConflict',
      { withinMs: 5_000, what: 'the second definition is not accepted' },
    );
    await eventually(
      async () =>
        (await conditions('clusterroles.rbac.authorization.k8s.io'))['NamesAccepted'] ===
        'False PluralConflict',
      { withinMs: 5_000, what: 'a built-in kind stays what it is' },
    );
    assert.equal((await kube.ask('GET', '/apis/things.org/v1/seconds')).status, 404);
    const roles = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
    await kube.must('POST', roles, { body: { metadata: { name: 'kept' }, rules: [] } });
    await kube.must('DELETE', `${crds}/clusterroles.rbac.authorization.k8s.io`);
    await kube.must('DELETE', `${crds}/firsts.things.org`);
    await served('/apis/things.org/v1/seconds');
    assert.equal((await kube.ask('GET', `${roles}/kept`)).status, 200, 'deleted by another one');
  });

  it('scope, group, plural and kind stay, and so does a version that is stored', async () => {
    await kube.must('POST', crds, { body: definition('stays', free) });
    await served('/apis/things.org/v1/stays');
    const changed = async (spec: object) =>
      (await kube.ask('PATCH', `${crds}/stays.things.org`, { type: patches.merge, body: { spec } }))
        .status;
    assert.equal(await changed({ scope: 'Namespaced' }), 422);
    assert.equal(await changed({ group: 'other.org' }), 422);
    assert.equal(await changed({ names: { plural: 'others' } }), 422);
    assert.equal(await changed({ names: { kind: 'Other' } }), 422);
    assert.equal(
      await changed({
        versions: [{ name: 'v2', served: true, storage: true, schema: { openAPIV3Schema: free } }],
      }),
      422,
    );
    assert.equal(await changed({ names: { shortNames: ['st'] } }), 200);
  });

  it('each version shows all objects as its own, whichever they were written in', async () => {
    const versionOf = (name: string, storage: boolean) => ({
      name,
      served: true,
      storage,
      schema: { openAPIV3Schema: free },
    });
    const [old, next] = ['/apis/things.org/v1/verses', '/apis/things.org/v2/verses'];
    await kube.must('POST', crds, {
      body: definition('verses', free, {
        versions: [versionOf('v1', true), versionOf('v2', false)],
      }),
    });
    await served(next);
    await kube.must('POST', old, { body: { metadata: { name: 'a' }, spec: { n: 1 } } });
    await kube.must('POST', next, { body: { metadata: { name: 'b' }, spec: { n: 2 } } });
    await kube.must('PATCH', `${crds}/verses.things.org`, {
      type: patches.merge,
      body: { spec: { versions: [versionOf('v1', false), versionOf('v2', true)] } },
    });
    await eventually(
      async () =>
        (await kube.must('GET', `${crds}/verses.things.org`))['status'].storedVersions.length === 2,
      { withinMs: 5_000, what: 'both versions are stored' },
    );
    for (const [path, version] of [
      [old, 'things.org/v1'],
      [next, 'things.org/v2'],
    ] as const) {
      for (const name of ['a', 'b'])
        assert.equal((await kube.must('GET', `${path}/${name}`)).apiVersion, version);
      for (const { apiVersion } of (await kube.must('GET', path)).items)
        assert.equal(apiVersion, version);
    }
    // The same manager applies in one version, then in the other: it is one owner, not two.
    for (const [path, apiVersion] of [
      [old, 'things.org/v1'],
      [next, 'things.org/v2'],
    ] as const)
      await kube.must('PATCH', `${path}/c?fieldManager=me`, {
        type: patches.apply,
        body: {
          apiVersion,
          kind: 'Verses',
          metadata: { name: 'c' },
          spec: { [apiVersion.at(-1)!]: 1 },
        },
      });
    const { spec, metadata } = await kube.must('GET', `${next}/c`);
    assert.deepEqual(spec, { 2: 1 });
    assert.equal(metadata.managedFields.length, 1);
  });

  it('a deleted one takes its objects with it, also those that are being made', async () => {
    const path = '/apis/things.org/v1/gones';
    await kube.must('POST', crds, { body: definition('gones', free) });
    await served(path);
    await kube.must('POST', path, {
      body: { metadata: { name: 'held', finalizers: ['things.org/held'] } },
    });
    const makes = Array.from({ length: 50 }, async (_, index) => {
      if (index === 20) await kube.must('DELETE', `${crds}/gones.things.org`);
      return await kube.ask('POST', path, { body: { metadata: { name: `g${index}` } } });
    });
    for (const { status } of await Promise.all(makes))
      assert.ok([200, 201, 405].includes(status), String(status));
    await eventually(async () => (await kube.must('GET', path)).items.length === 1, {
      withinMs: 5_000,
      what: 'all are gone but the one with a finalizer',
    });
    assert.equal(
      (await kube.ask('POST', path, { body: { metadata: { name: 'late' } } })).status,
      405,
    );
    await kube.must('PATCH', `${path}/held`, {
      type: patches.merge,
      body: { metadata: { finalizers: null } },
    });
    await eventually(
      async () => (await kube.ask('GET', `${crds}/gones.things.org`)).status === 404,
      { withinMs: 5_000, what: 'the definition is gone' },
    );
    await kube.must('POST', crds, { body: definition('gones', free) });
    await served(path);
    assert.deepEqual((await kube.must('GET', path)).items, []);
  });
});

it('a server starts again with whatever definitions it has taken', async () => {
  const database = openDatabase<KubeTables>(
    { dialect: 'sqlite', path: ':memory:' },
    { log: silentLog },
  );
  const first = await startTestApiserver({ database });
  await first.must('POST', crds, {
    body: definition('nulls', {
      ...free,
      properties: { a: { type: 'string', pattern: null, enum: null } },
      required: null,
    }),
  });
  await first.must('POST', crds, { body: widgetDefinition() });
  await eventually(
    async () => (await first.ask('GET', '/apis/things.org/v1/nulls')).status === 200,
    { withinMs: 5_000, what: 'it is served' },
  );
  await first.close();
  const second = await startTestApiserver({ database });
  await second.must('POST', '/apis/things.org/v1/nulls', {
    body: { metadata: { name: 'n' }, a: 'x' },
  });
  await second.close();
  await database.close();
});
