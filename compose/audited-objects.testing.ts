// A consistent server and its port as the audit reads them, for tests that change one thing.
import type { AuditPort } from '#contracts/neutron/audit.ts';
import type { AuditServer } from '#contracts/nova/audit.ts';

/** An active server on h1. */
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

/** The port of that server. */
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
