// Which notifications of monitors lead to a recovery, as a table.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { NotificationType } from '#contracts/ha/masakari.ts';
import { wantedBy } from './notification.ts';

const cases: [NotificationType, object, 'recover' | 'ignore'][] = [
  [
    'COMPUTE_HOST',
    { event: 'STOPPED', host_status: 'NORMAL', cluster_status: 'OFFLINE' },
    'recover',
  ],
  ['COMPUTE_HOST', { event: 'STOPPED', host_status: 'NORMAL' }, 'recover'],
  [
    'COMPUTE_HOST',
    { event: 'STOPPED', host_status: 'UNKNOWN', cluster_status: 'OFFLINE' },
    'ignore',
  ],
  ['COMPUTE_HOST', { event: 'STOPPED', host_status: 'NORMAL', cluster_status: 'ONLINE' }, 'ignore'],
  ['COMPUTE_HOST', { event: 'STOPPED' }, 'ignore'],
  ['COMPUTE_HOST', { event: 'STARTED', host_status: 'NORMAL', cluster_status: 'ONLINE' }, 'ignore'],
  ['PROCESS', { event: 'STOPPED', process_name: 'nova-compute' }, 'recover'],
  ['PROCESS', { event: 'STARTED', process_name: 'nova-compute' }, 'ignore'],
  ['PROCESS', { event: 'STOPPED', process_name: 'libvirtd' }, 'ignore'],
  ['VM', { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_FAILED', instance_uuid: 'x' }, 'recover'],
  ['VM', { event: 'IO_ERROR', vir_domain_event: 'IO_ERROR_REPORT', instance_uuid: 'x' }, 'recover'],
  [
    'VM',
    {
      event: 'QEMU_GUEST_AGENT_ERROR',
      vir_domain_event: 'STOPPED_FAILED',
      instance_uuid: 'x',
    },
    'recover',
  ],
  [
    'VM',
    { event: 'LIFECYCLE', vir_domain_event: 'STOPPED_SHUTDOWN', instance_uuid: 'x' },
    'ignore',
  ],
  ['VM', { event: 'IO_ERROR', vir_domain_event: 'STOPPED_FAILED', instance_uuid: 'x' }, 'ignore'],
];

it('a notification is acted upon when a monitor is certain of a failure, and on nothing else', () => {
  for (const [type, payload, kind] of cases)
    assert.equal(wantedBy(type, payload).kind, kind, `${type} ${JSON.stringify(payload)}`);
});
