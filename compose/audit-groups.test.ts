// The audit finds servers that violate their group's policy, and offloaded servers with a host.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { AuditServer, NovaAudit } from '#contracts/nova/audit.ts';
import { compareGroups } from './audit-groups.ts';

const member = (id: string, change: Partial<AuditServer> = {}): AuditServer => ({
  id,
  name: id,
  vmState: 'active',
  taskState: null,
  powerState: 1,
  host: 'h1',
  nodeUuid: 'n1',
  groupId: 'g',
  resources: {},
  ...change,
});
const found = (group: Partial<NovaAudit['groups'][number]>, ...servers: AuditServer[]): string[] =>
  compareGroups({
    servers,
    groups: [{ id: 'g', policy: 'anti-affinity', maxPerHost: 1, ...group }],
    moves: [],
    interfaces: [],
    volumes: [],
    nodes: [],
    sagas: [],
  }).map(({ what }) => what);

it('two members of an anti-affinity group on one host, unless its rule allows them', () => {
  const [one, two] = [member('1'), member('2')];
  assert.deepEqual(found({}, one, two), ['anti-affinity broken']);
  assert.deepEqual(found({ maxPerHost: 2 }, one, two), []);
  assert.deepEqual(found({}, one, { ...two, host: 'h2' }), []);
  assert.deepEqual(found({}, one, { ...two, groupId: null }), []);
  assert.deepEqual(found({}, one, { ...two, taskState: 'deleting' }), []);
  assert.deepEqual(found({ policy: 'soft-anti-affinity' }, one, two), []);
});

it('members of an affinity group on two hosts', () => {
  const [one, two] = [member('1'), member('2', { host: 'h2' })];
  assert.deepEqual(found({ policy: 'affinity' }, one, two), ['affinity broken']);
  assert.deepEqual(found({ policy: 'affinity' }, one, { ...two, host: null }), []);
  assert.deepEqual(found({ policy: 'soft-affinity' }, one, two), []);
});

it('an offloaded server that has a host', () => {
  const offloaded = member('1', { vmState: 'shelved_offloaded' });
  assert.deepEqual(found({}, offloaded), ['offloaded server on a host']);
  assert.deepEqual(found({}, { ...offloaded, host: null }), []);
});
