// The audit finds each kind of difference between volumes, attachments, guests' disks and backends,
// and finds nothing where all agree.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { ObservedVolumes } from './audit-volumes.ts';
import { compareVolumes } from './audit-volumes.ts';
import { auditedServer } from './audited-objects.testing.ts';

type Seen = { -readonly [K in keyof ObservedVolumes]: ObservedVolumes[K] };

const right = (): Seen => ({
  nova: {
    groups: [],
    moves: [],
    servers: [auditedServer()],
    interfaces: [],
    nodes: [],
    sagas: [],
    volumes: [{ serverId: 's1', volumeId: 'v1', attachmentId: 'a1', connected: true }],
  },
  cinder: {
    volumes: [{ id: 'v1', projectId: 'p', status: 'in-use', sizeGib: 1, backend: 'nfs' }],
    snapshots: [],
    attachments: [{ id: 'a1', volumeId: 'v1', serverId: 's1', status: 'attached' }],
    stuck: [],
    backends: { nfs: { missing: [], unknown: [], strays: [] } },
    backups: { missing: [], unknown: [] },
  },
  guests: new Map([['s1', ['v1']]]),
});

const wrong: Readonly<Record<string, (observed: Seen) => void>> = {
  'volume of a server without an attachment': ({ cinder }) =>
    cinder.volumes.forEach((volume) => {
      volume.status = 'available';
      cinder.attachments.length = 0;
    }),
  'attachment without a server': (observed) => {
    observed.nova.volumes.length = 0;
    observed.guests = new Map();
  },
  'volume in use by nobody': ({ cinder }) =>
    void cinder.volumes.push({
      id: 'v2',
      projectId: 'p',
      status: 'in-use',
      sizeGib: 1,
      backend: 'nfs',
    }),
  'disks differ': (observed) => void (observed.guests = new Map([['s1', []]])),
  'stuck volume': ({ cinder }) =>
    void cinder.stuck.push({ kind: 'snapshot', id: 'x', status: 'creating' }),
  'volume without data': ({ cinder }) =>
    void (cinder.backends = { nfs: { missing: ['v1'], unknown: [], strays: [] } }),
  'data without a volume': ({ cinder }) =>
    void (cinder.backends = { nfs: { missing: [], unknown: ['v9'], strays: [] } }),
  'stray file': ({ cinder }) =>
    void (cinder.backends = { nfs: { missing: [], unknown: [], strays: ['x.tmp'] } }),
  'backup differs': ({ cinder }) => void (cinder.backups = { missing: ['b1'], unknown: [] }),
};

describe('the audit of volumes', () => {
  it('finds nothing where all agree', () => assert.deepEqual(compareVolumes(right()), []));
  for (const [what, change] of Object.entries(wrong)) {
    it(`finds: ${what}`, () => {
      const observed = right();
      change(observed);
      assert.deepEqual(
        compareVolumes(observed).map((difference) => difference.what),
        [what],
      );
    });
  }
  it('leaves alone what is under way, and who cannot be asked', () => {
    const observed = right();
    observed.cinder.volumes.forEach((volume) => (volume.status = 'detaching'));
    observed.guests = new Map([['s1', []]]);
    observed.cinder.backends = { nfs: 'the share is away' };
    observed.cinder.backups = 'the store is away';
    assert.deepEqual(compareVolumes(observed), []);
  });
  it('has a case for every kind in its source', () => {
    const source = readFileSync(new URL('audit-volumes.ts', import.meta.url), 'utf8');
    const kinds = [...source.matchAll(/what: '([^']+)'/g)].map(([, kind]) => kind ?? '');
    assert.ok(kinds.length > 7);
    assert.deepEqual(
      kinds.filter((kind) => !(kind in wrong)),
      [],
    );
  });
});
