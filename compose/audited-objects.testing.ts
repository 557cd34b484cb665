// A server and its port in order, for tests of the audit that change one thing.
import type { AuditPort } from '#contracts/neutron/audit.ts';
import type { AuditServer } from '#contracts/nova/audit.ts';

/** Active on h1. */
export const auditedServer = (change: Partial<AuditServer> = {}): AuditServer => ({
  id: 's1',
  name: 'vm',
  vmState: 'active',
  taskState: null,
  powerState: 1,
  host: 'h1',
  groupId: null,
  nodeUuid: 'n1',
  resources: {},
  ...change,
});

/** Of that server. */
export const auditedPort = (change: Partial<AuditPort> = {}): AuditPort => ({
  id: 'p1',
  networkId: 'n',
  projectId: 'p',
  status: 'ACTIVE',
  deviceId: 's1',
  deviceOwner: 'compute:nova',
  host: 'h1',
  ...change,
});
