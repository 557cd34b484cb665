// Objects are created, read, changed, applied and deleted as in Kubernetes.
import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { eventually } from '#platform/testing/eventually.ts';
import { patches, startWidgetServer, widgets } from './apiserver.testing.ts';

const kube = await startWidgetServer();
after(async () => await kube.close());

describe('objects of the API server', () => {
  let number = 0;
  let name: string;

  beforeEach(() => {
    name = `w${(number += 1)}`;
  });

  const create = async (spec: object, metadata: object = {}) =>
    await kube.must('POST', widgets, { body: { metadata: { name, ...metadata }, spec } });

  it('a new object gets its metadata and its defaults, and no status', async () => {
    const widget = await kube.must('POST', widgets, {
      body: { metadata: { name }, spec: { size: 2 }, status: { phase: 'mine' } },
    });
    assert.equal(widget.kind, 'Widget');
    assert.equal(widget.apiVersion, 'example.org/v1');
    assert.equal(widget.metadata.namespace, 'default');
    assert.equal(widget.metadata.generation, 1);
    assert.match(widget.metadata.uid ?? '', /^[0-9a-f-]{36}$/);
    assert.match(widget.metadata.creationTimestamp ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.deepEqual(widget['spec'], { size: 2, mode: 'plain' });
    assert.equal(widget['status'], undefined);
    assert.deepEqual(await kube.must('GET', `${widgets}/${name}`), widget);
  });

  it('a name is made from its beginning', async () => {
    const body = { metadata: { generateName: 'gen-' }, spec: { size: 1 } };
    const first = await kube.must('POST', widgets, { body });
    const second = await kube.must('POST', widgets, { body });
    assert.match(first.metadata.name ?? '', /^gen-[a-z0-9]{5}$/);
    assert.notEqual(first.metadata.name, second.metadata.name);
  });

  it('a validation error names each wrong field', async () => {
    const refused = async (metadata: object, spec: unknown) =>
      (await kube.ask('POST', widgets, { body: { metadata, spec } })).body;
    const cases: [object, unknown, RegExp][] = [
      [{ name }, {}, /spec\.size: Required value/],
      [{ name }, { size: 0 }, /spec\.size: Invalid value: 0: .*greater than or equal to 1/],
      [{ name }, { size: 'x' }, /spec\.size: Invalid value: "string": .*must be of type integer/],
      [
        { name },
        { size: 1, color: 'green' },
        /spec\.color: Unsupported value: "green": supported values: "red", "blue"/,
      ],
      [
        { name: 'Wrong_Name' },
        { size: 1 },
        /metadata\.name: Invalid value: "Wrong_Name": a lowercase RFC 1123/,
      ],
      [{ name, labels: { 'a b': 'c' } }, { size: 1 }, /metadata\.labels: Invalid value: "a b"/],
      [{}, { size: 1 }, /name or generateName is required/],
      [
        { name },
        { size: 1, parts: [{ name: 'a' }, { name: 'a' }] },
        /spec\.parts\[1\]: Duplicate value/,
      ],
    ];
    for (const [metadata, spec, words] of cases) {
      const status = await refused(metadata, spec);
      assert.equal(status.code, 422, JSON.stringify(status));
      assert.equal(status.reason, 'Invalid');
      assert.match(status.message, words);
    }
    assert.equal((await kube.ask('GET', `${widgets}/${name}`)).status, 404);
  });

  it('unknown fields are cut off, warned of, or refused', async () => {
    const body = { metadata: { name }, spec: { size: 1, wieght: 2 } };
    const strict = await kube.ask('POST', `${widgets}?fieldValidation=Strict`, { body });
    assert.equal(strict.status, 400);
    assert.match(strict.body.message, /strict decoding error: unknown field "spec\.wieght"/);
    const warned = await kube.ask('POST', widgets, { body });
    assert.equal(warned.status, 201);
    assert.match(warned.headers['warning'] ?? '', /299 - "unknown field \\"spec\.wieght\\""/);
    assert.deepEqual(warned.body.spec, { size: 1, mode: 'plain' });
  });

  it('rules of the schema see the object as it was', async () => {
    await create({ size: 1, color: 'red' });
    const changed = await kube.ask('PATCH', `${widgets}/${name}`, {
      type: patches.merge,
      body: { spec: { color: 'blue' } },
    });
    assert.equal(changed.status, 422);
    assert.match(changed.body.message, /spec: Invalid value: "object": color stays/);
  });

  it('a second object of the same name is a conflict; of another namespace it is not', async () => {
    await create({ size: 1 });
    const again = await kube.ask('POST', widgets, {
      body: { metadata: { name }, spec: { size: 1 } },
    });
    assert.equal(again.status, 409);
    assert.equal(again.body.reason, 'AlreadyExists');
    await kube.must('POST', widgets.replace('default', 'kube-public'), {
      body: { metadata: { name }, spec: { size: 1 } },
    });
  });

  it('a write that comes late is refused; one that changes nothing makes no revision', async () => {
    const widget = await create({ size: 1 });
    const path = `${widgets}/${name}`;
    const next = await kube.must('PUT', path, {
      body: { ...widget, spec: { size: 2, mode: 'plain' } },
    });
    assert.equal(next.metadata.generation, 2);
    const late = await kube.ask('PUT', path, { body: { ...widget, spec: { size: 3 } } });
    assert.equal(late.status, 409);
    assert.match(
      late.body.message,
      /the object has been modified; please apply your changes to the latest version/,
    );
    const same = await kube.must('PUT', path, { body: next });
    assert.equal(same.metadata.resourceVersion, next.metadata.resourceVersion);
  });

  it('the status is written by its own path alone, and makes no generation', async () => {
    const widget = await create({ size: 1 });
    const path = `${widgets}/${name}`;
    const ignored = await kube.must('PATCH', path, {
      type: patches.merge,
      body: { status: { phase: 'a' } },
    });
    assert.equal(ignored['status'], undefined);
    const written = await kube.must('PATCH', `${path}/status`, {
      type: patches.merge,
      body: { spec: { size: 9 }, status: { phase: 'b' } },
    });
    assert.deepEqual(written['status'], { phase: 'b' });
    assert.deepEqual(written['spec'], widget['spec']);
    assert.equal(written.metadata.generation, 1);
  });

  it('many writers of one object lose nothing', async () => {
    await create({ size: 1 });
    const path = `${widgets}/${name}`;
    const parts = Array.from({ length: 8 }, (_, index) => `p${index}`);
    await Promise.all(
      parts.map(async (part) =>
        kube.must('PATCH', path, {
          type: patches.merge,
          body: { metadata: { labels: { [part]: 'yes' } } },
        }),
      ),
    );
    const { metadata } = await kube.must('GET', path);
    assert.deepEqual(Object.keys(metadata.labels ?? {}).sort(), parts);
  });

  it('JSON patches test, add, move and remove', async () => {
    await create({ size: 1, parts: [{ name: 'a' }] });
    const path = `${widgets}/${name}`;
    const patched = await kube.must('PATCH', path, {
      type: patches.json,
      body: [
        { op: 'test', path: '/spec/size', value: 1 },
        { op: 'add', path: '/spec/parts/-', value: { name: 'b', weight: 1 } },
        { op: 'replace', path: '/spec/size', value: 4 },
        { op: 'remove', path: '/spec/parts/0' },
      ],
    });
    assert.deepEqual(patched['spec'], {
      size: 4,
      mode: 'plain',
      parts: [{ name: 'b', weight: 1 }],
    });
    const failed = await kube.ask('PATCH', path, {
      type: patches.json,
      body: [{ op: 'test', path: '/spec/size', value: 1 }],
    });
    assert.equal(failed.status, 422);
  });

  it('server-side apply owns what it sets, gives it up, and says whose a field is', async () => {
    const path = `${widgets}/${name}`;
    const applied = async (manager: string, spec: object, query = '') =>
      await kube.ask('PATCH', `${path}?fieldManager=${manager}${query}`, {
        type: patches.apply,
        body: { apiVersion: 'example.org/v1', kind: 'Widget', metadata: { name }, spec },
      });
    const first = await applied('one', { size: 1, parts: [{ name: 'a', weight: 1 }] });
    assert.equal(first.status, 201);
    const second = await applied('two', { size: 1, parts: [{ name: 'b', weight: 2 }] });
    assert.deepEqual(second.body.spec.parts, [
      { name: 'a', weight: 1 },
      { name: 'b', weight: 2 },
    ]);
    const conflict = await applied('two', { size: 2, parts: [{ name: 'b', weight: 2 }] });
    assert.equal(conflict.status, 409);
    assert.equal(
      conflict.body.message,
      'Apply failed with 1 conflict: conflict with "one": .spec.size',
    );
    assert.equal(conflict.body.details.causes[0].reason, 'FieldManagerConflict');
    const forced = await applied(
      'two',
      { size: 2, parts: [{ name: 'b', weight: 2 }] },
      '&force=true',
    );
    assert.equal(forced.body.spec.size, 2);
    const without = await applied('one', { parts: [] });
    assert.deepEqual(without.body.spec.parts, [{ name: 'b', weight: 2 }]);
    assert.equal(without.body.spec.size, 2, 'the other one owns it now');
  });

  it('a dry run answers as if, and changes nothing', async () => {
    const body = { metadata: { name }, spec: { size: 1 } };
    assert.equal((await kube.ask('POST', `${widgets}?dryRun=All`, { body })).status, 201);
    assert.equal((await kube.ask('GET', `${widgets}/${name}`)).status, 404);
    await create({ size: 1 });
    assert.equal((await kube.ask('DELETE', `${widgets}/${name}?dryRun=All`)).status, 200);
    assert.equal((await kube.ask('GET', `${widgets}/${name}`)).status, 200);
  });

  it('a deletion waits for finalizers, and takes no new ones', async () => {
    await create({ size: 1 }, { finalizers: ['example.org/wait'] });
    const path = `${widgets}/${name}`;
    const deleted = await kube.must('DELETE', path);
    assert.ok(deleted.metadata.deletionTimestamp);
    const added = await kube.ask('PATCH', path, {
      type: patches.merge,
      body: { metadata: { finalizers: ['example.org/wait', 'example.org/more'] } },
    });
    assert.equal(added.status, 422);
    assert.match(added.body.message, /no new finalizers can be added/);
    await kube.must('PATCH', path, {
      type: patches.merge,
      body: { metadata: { finalizers: null } },
    });
    assert.equal((await kube.ask('GET', path)).status, 404);
  });

  it('a deletion for another object of that name is refused', async () => {
    await create({ size: 1 });
    const wrong = await kube.ask('DELETE', `${widgets}/${name}`, {
      body: { preconditions: { uid: 'another' } },
    });
    assert.equal(wrong.status, 409);
    assert.match(wrong.body.message, /Precondition failed: UID in precondition: another/);
  });

  it('deleting an object deletes or orphans its dependents', async () => {
    const owner = await create({ size: 1 });
    const reference = {
      apiVersion: 'example.org/v1',
      kind: 'Widget',
      name,
      uid: owner.metadata.uid,
    };
    const ofOwner = (each: string) => `/api/v1/namespaces/default/configmaps/${each}`;
    const make = async (each: string) =>
      await kube.must('POST', '/api/v1/namespaces/default/configmaps', {
        body: { metadata: { name: each, ownerReferences: [reference] } },
      });
    await make(`${name}-child`);
    await kube.must('DELETE', `${widgets}/${name}`);
    await eventually(async () => (await kube.ask('GET', ofOwner(`${name}-child`))).status === 404, {
      withinMs: 10_000,
      what: 'the dependent is collected',
    });
    const second = await create({ size: 1 });
    reference.uid = second.metadata.uid;
    await make(`${name}-orphan`);
    await kube.must('DELETE', `${widgets}/${name}`, { body: { propagationPolicy: 'Orphan' } });
    await eventually(async () => (await kube.ask('GET', `${widgets}/${name}`)).status === 404, {
      withinMs: 10_000,
      what: 'the owner is gone',
    });
    const orphan = await kube.must('GET', ofOwner(`${name}-orphan`));
    assert.equal(orphan.metadata.ownerReferences, undefined);
  });

  it('an owner deleted in the foreground goes last', async () => {
    const owner = await create({ size: 1 });
    await kube.must('POST', '/api/v1/namespaces/default/configmaps', {
      body: {
        metadata: {
          name: `${name}-child`,
          finalizers: ['example.org/wait'],
          ownerReferences: [
            {
              apiVersion: 'example.org/v1',
              kind: 'Widget',
              name,
              uid: owner.metadata.uid,
              blockOwnerDeletion: true,
            },
          ],
        },
      },
    });
    const child = `/api/v1/namespaces/default/configmaps/${name}-child`;
    await kube.must('DELETE', `${widgets}/${name}`, { body: { propagationPolicy: 'Foreground' } });
    await eventually(
      async () => (await kube.must('GET', child)).metadata.deletionTimestamp !== undefined,
      { withinMs: 10_000, what: 'the dependent is being deleted' },
    );
    assert.equal((await kube.ask('GET', `${widgets}/${name}`)).status, 200);
    await kube.must('PATCH', child, {
      type: patches.merge,
      body: { metadata: { finalizers: [] } },
    });
    await eventually(async () => (await kube.ask('GET', `${widgets}/${name}`)).status === 404, {
      withinMs: 10_000,
      what: 'the owner is gone',
    });
  });

  it('a scale reads and writes where the definition says', async () => {
    await create({ size: 2 });
    const path = `${widgets}/${name}/scale`;
    assert.equal((await kube.must('GET', path))['spec'].replicas, 2);
    const scaled = await kube.must('PATCH', path, {
      type: patches.merge,
      body: { spec: { replicas: 5 } },
    });
    assert.equal(scaled['spec'].replicas, 5);
    assert.equal((await kube.must('GET', `${widgets}/${name}`))['spec'].size, 5);
  });
});
