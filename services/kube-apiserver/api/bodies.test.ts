// Malformed and hostile request bodies, patches and applied configurations.
import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { eventually } from '#platform/testing/eventually.ts';
import { patches, startWidgetServer, widgets } from './apiserver.testing.ts';

const maps = '/api/v1/namespaces/default/configmaps';

const kube = await startWidgetServer();
after(async () => await kube.close());

describe('bodies', () => {
  let number = 0;
  let name: string;
  beforeEach(() => {
    name = `b${(number += 1)}`;
  });

  const deep = (open: string, close: string, depth: number): string =>
    open.repeat(depth) + close.repeat(depth);

  it('that are too deep, too many, no text or no JSON are refused', async () => {
    const map = (data: string): string => `{"metadata":{"name":"${name}"},"data":${data}}`;
    const wrong: [string | Buffer, string?][] = [
      [map(deep('[', ']', 100_000))],
      [map(deep('{"a":', '}', 300).replace('}', '1}'))],
      [map(`[${'1,'.repeat(1_000_000)}1]`)],
      [Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
      [map('{"a":"\\ud800"}')],
      ['{"metadata":'],
      ['[]'],
      ['null'],
      ['5'],
      [map('{}').replace('"data"', '"metadata":{"labels":{"a":5}},"x"')],
      ['{"metadata":{"name":"x","finalizers":"y"}}'],
      ['{"metadata":[]}'],
      [deep('[', ']', 5_000), 'application/yaml'],
      [
        `a: &a [x]\n${Array.from({ length: 30 }, (_, i) => `b${i}: &b${i} [*${i ? `b${i - 1}` : 'a'}, *${i ? `b${i - 1}` : 'a'}]`).join('\n')}`,
        'application/yaml',
      ],
      ['a: *missing', 'application/yaml'],
    ];
    for (const [bytes, type = 'application/json'] of wrong) {
      const startedAt = performance.now();
      const { status } = await kube.ask('POST', maps, { bytes, type });
      const shown = bytes.toString().slice(0, 80);
      assert.ok(status === 400 || status === 413 || status === 422, `${status}: ${shown}`);
      assert.ok(performance.now() - startedAt < 1_000, `it took too long: ${shown}`);
    }
  });

  it('in protobuf that are cut off, endless or unknown are refused, in linear time', async () => {
    const varint = (value: number): number[] =>
      value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
    const field = (number: number, content: Buffer): Buffer =>
      Buffer.concat([Buffer.from([number * 8 + 2, ...varint(content.length)]), content]);
    const envelope = (apiVersion: string, kind: string, raw: Buffer): Buffer =>
      Buffer.concat([
        Buffer.from('k8s\0'),
        field(1, Buffer.concat([field(1, Buffer.from(apiVersion)), field(2, Buffer.from(kind))])),
        field(2, raw),
      ]);
    const whole = envelope(
      'v1',
      'ConfigMap',
      Buffer.concat([
        field(1, field(1, Buffer.from('proto'))),
        field(2, Buffer.concat([field(1, Buffer.from('__proto__')), field(2, Buffer.from('x'))])),
      ]),
    );
    const creation = await kube.raw('POST', maps, { bytes: whole });
    assert.equal(creation.status, 201);
    assert.match(JSON.stringify(creation.body), /"data":\{"__proto__":"x"\}/);
    for (let length = 4; length < whole.length; length += 1) {
      const { status } = await kube.ask('POST', maps, { bytes: whole.subarray(0, length) });
      assert.ok([400, 409, 415, 422].includes(status), `${length}: ${status}`);
    }
    const finalizers = Buffer.concat(
      Array.from({ length: 400_000 }, () => field(14, Buffer.from('a/b'))),
    );
    const startedAt = performance.now();
    await kube.ask('POST', maps, { bytes: envelope('v1', 'ConfigMap', field(1, finalizers)) });
    assert.ok(performance.now() - startedAt < 5_000);
    const refused = async (bytes: Buffer): Promise<number> =>
      (await kube.ask('POST', maps, { bytes })).status;
    assert.equal(await refused(envelope('batch/v1', 'Job', Buffer.alloc(0))), 415);
    const noText = field(1, field(1, Buffer.from([0xff, 0xfe])));
    assert.equal(await refused(envelope('v1', 'ConfigMap', noText)), 400);
    assert.equal(await refused(Buffer.concat([Buffer.from('k8s\0'), Buffer.alloc(30, 0xff)])), 400);
  });

  it('warnings of unknown fields are a header whatever the fields are called', async () => {
    const { status, headers } = await kube.ask('POST', widgets, {
      body: {
        metadata: { name },
        spec: {
          size: 1,
          'ключ\r\n': 1,
          ...Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`f${index}`, 1])),
        },
      },
    });
    assert.equal(status, 201);
    assert.match(headers['warning'] ?? '', /^299 - "unknown field [\x20-\x7e]*$/);
    assert.ok((headers['warning'] ?? '').length <= 4_096);
  });

  it('built-in kinds that are nonsense harm no list', async () => {
    const nonsense: [string, object][] = [
      ['/api/v1/nodes', { metadata: { name }, status: { conditions: {}, addresses: 5 } }],
      [
        '/api/v1/namespaces/default/pods',
        { metadata: { name }, spec: { containers: 5 }, status: { containerStatuses: {} } },
      ],
      ['/api/v1/namespaces/default/secrets', { metadata: { name }, stringData: { a: 5 } }],
      ['/api/v1/namespaces', { metadata: { name }, spec: { finalizers: 5 }, status: 'x' }],
      ['/api/v1/namespaces/default/events', { metadata: { name }, lastTimestamp: 5, count: {} }],
    ];
    for (const [path, body] of nonsense) {
      await kube.must('POST', path, { body });
      const { status } = await kube.ask('GET', path, {
        accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
      });
      assert.equal(status, 200, path);
    }
    await kube.must('DELETE', `/api/v1/namespaces/${name}`);
    await eventually(
      async () => (await kube.ask('GET', `/api/v1/namespaces/${name}`)).status === 404,
      { withinMs: 5_000, what: 'the namespace goes' },
    );
  });

  it('patches change nothing of what the server alone writes', async () => {
    const creation = await kube.must('POST', widgets, {
      body: { metadata: { name, labels: { a: 'b' } }, spec: { size: 1 } },
    });
    const path = `${widgets}/${name}`;
    const op = (at: string, value: unknown) => [{ op: 'replace', path: at, value }];
    const refused: [unknown, string][] = [
      [op('/metadata/uid', 'x'), patches.json],
      [op('/metadata/name', 'x'), patches.json],
      [op('/metadata/namespace', 'kube-system'), patches.json],
      [op('/apiVersion', 'v1'), patches.json],
      [op('/kind', 'Gadget'), patches.json],
      [op('', null), patches.json],
      [op('/metadata', null), patches.json],
      [op('/metadata/resourceVersion', '1'), patches.json],
      [[null], patches.json],
      [[{ op: 'add', path: 5 }], patches.json],
      [[{ op: 'copy', path: '/spec/x', from: '/nowhere' }], patches.json],
      [{}, patches.json],
      [{ metadata: null }, patches.merge],
      [{ metadata: { name: null } }, patches.merge],
      [5, patches.merge],
      [null, patches.merge],
      [[], patches.merge],
      [{ spec: { size: 2 } }, patches.strategic],
    ];
    for (const [body, type] of refused) {
      const { status } = await kube.ask('PATCH', path, { bytes: JSON.stringify(body), type });
      assert.ok([400, 409, 415, 422].includes(status), `${status}: ${JSON.stringify(body)}`);
    }
    const assertUnchanged = async (body: unknown, type: string): Promise<void> =>
      void (await kube.must('PATCH', path, { bytes: JSON.stringify(body), type }));
    await assertUnchanged(op('/metadata/creationTimestamp', '1970-01-01T00:00:00Z'), patches.json);
    await assertUnchanged(
      { metadata: { deletionTimestamp: '1970-01-01T00:00:00Z', generation: 50 } },
      patches.merge,
    );
    const now = await kube.must('GET', path);
    assert.deepEqual(
      { ...now.metadata, managedFields: 0, resourceVersion: 0 },
      { ...creation.metadata, managedFields: 0, resourceVersion: 0 },
    );
    // A client may clear managedFields, but entries that it made up are ignored.
    const owners = { manager: 'x', operation: 'Apply', fieldsV1: { 'k:no json': {}, f: 5 } };
    await kube.ask('PATCH', path, {
      bytes: JSON.stringify({ metadata: { managedFields: [owners] } }),
      type: patches.merge,
    });
    const applied = await kube.ask('PATCH', `${path}?fieldManager=me`, {
      bytes: JSON.stringify({ metadata: { name }, spec: { size: 7 } }),
      type: patches.apply,
    });
    assert.ok([200, 409].includes(applied.status), String(applied.status));
  });

  it('a namespace keeps what holds it, but by its own path', async () => {
    const path = `/api/v1/namespaces/${name}`;
    await kube.must('POST', '/api/v1/namespaces', { body: { metadata: { name } } });
    const body = { spec: { finalizers: [] } };
    const patched = await kube.must('PATCH', path, { type: patches.merge, body });
    assert.deepEqual(patched['spec'], { finalizers: ['kubernetes'] });
    const other = { metadata: { name }, spec: { finalizers: ['kubernetes', 'a/b'] } };
    assert.deepEqual((await kube.must('PUT', path, { body: other }))['spec'], patched['spec']);
    assert.deepEqual(
      (await kube.must('PUT', `${path}/finalize`, { body: other }))['spec'],
      other.spec,
    );
    await kube.must('DELETE', path);
    await eventually(async () => (await kube.must('GET', path))['spec'].finalizers.length === 1, {
      withinMs: 5_000,
      what: 'the other one is waited for',
    });
    await kube.must('PUT', `${path}/finalize`, { body: { metadata: { name }, ...body } });
    await eventually(async () => (await kube.ask('GET', path)).status === 404, {
      withinMs: 5_000,
      what: 'it is gone',
    });
  });

  it('strategic merge patches with odd directives are answered, and keep the object whole', async () => {
    const node = `/api/v1/nodes/${name}`;
    await kube.must('POST', '/api/v1/nodes', {
      body: { metadata: { name }, spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } },
    });
    const sent = [
      '{"$patch":"delete"}',
      '{"$patch":"replace","metadata":{}}',
      '{"metadata":{"$patch":"delete"}}',
      '{"spec":{"taints":[{"$patch":"delete"}]}}',
      '{"spec":{"taints":[null,5,{"key":null}]}}',
      '{"spec":{"$setElementOrder/taints":5,"$deleteFromPrimitiveList/taints":"x"}}',
      '{"spec":{"$retainKeys":5,"__proto__":{"a":1}}}',
      '{"metadata":{"labels":{"__proto__":"x"}}}',
    ];
    for (const bytes of sent) {
      const { status } = await kube.ask('PATCH', node, { bytes, type: patches.strategic });
      assert.ok([200, 400, 422].includes(status), `${status}: ${bytes}`);
      assert.equal((await kube.must('GET', node)).metadata.name, name);
    }
  });

  describe('server-side apply', () => {
    const send = async (body: unknown, query = 'fieldManager=me', path = '') =>
      await kube.ask('PATCH', `${widgets}/${name}${path}?${query}`, {
        bytes: JSON.stringify(body),
        type: patches.apply,
      });

    it('refuses another namespace, name, uid or version than the object has', async () => {
      assert.equal((await send({ metadata: { name }, spec: { size: 1 } })).status, 201);
      const metadata: [object, number][] = [
        [{ name, namespace: 'kube-system' }, 400],
        [{ name: 'other' }, 400],
        [{ name, uid: 'x' }, 409],
        [{ name, resourceVersion: '1' }, 409],
        [{ name, managedFields: [{}] }, 400],
      ];
      for (const [each, status] of metadata)
        assert.equal(
          (await send({ metadata: each, spec: { size: 2 } })).status,
          status,
          JSON.stringify(each),
        );
      assert.equal((await kube.must('GET', `${widgets}/${name}`))['spec'].size, 1);
    });

    it('refuses items without their key, and two of one key', async () => {
      const parts = async (...list: unknown[]) =>
        (await send({ metadata: { name }, spec: { size: 1, parts: list } })).status;
      assert.equal(await parts({ weight: 1 }), 422);
      assert.equal(await parts({ name: null }), 422);
      assert.equal(await parts({ name: 'a' }, { name: 'a', weight: 2 }), 422);
      assert.equal(await parts(null), 422);
      assert.equal(await parts({ name: 'a' }, { name: 'b' }), 201);
    });

    it('of an object owns no status, and of its status nothing else', async () => {
      const status = { size: 3, phase: 'up' };
      assert.equal((await send({ metadata: { name }, spec: { size: 1 }, status })).status, 201);
      const owned = async (): Promise<Record<string, string[]>> => {
        const { metadata } = await kube.must('GET', `${widgets}/${name}`);
        return Object.fromEntries(
          metadata.managedFields.map((each: any) => [
            each.subresource ?? '',
            Object.keys(each.fieldsV1).sort(),
          ]),
        );
      };
      assert.deepEqual(await owned(), { '': ['f:spec'] });
      const labels = { a: 'b' };
      const body = { metadata: { name, labels }, spec: { size: 9 }, status };
      assert.equal((await send(body, 'fieldManager=me', '/status')).status, 200);
      assert.deepEqual(await owned(), { '': ['f:spec'], status: ['f:status'] });
      const now = await kube.must('GET', `${widgets}/${name}`);
      assert.deepEqual(
        [now['spec'].size, now['status'], now.metadata.labels],
        [1, status, undefined],
      );
      // Applying the object without a status does not remove the status.
      assert.equal((await send({ metadata: { name }, spec: { size: 2 } })).status, 200);
      assert.deepEqual((await kube.must('GET', `${widgets}/${name}`))['status'], status);
    });
  });
});
