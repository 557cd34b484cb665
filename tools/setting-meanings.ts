// What each setting of compose/config.ts is for, in an operator's words; the generator refuses a setting without one.
export const meanings: Readonly<Record<string, string>> = {
  'api.host': 'Address the APIs listen on; also in the catalog and in `openrc`.',
  'api.region': 'Name of the region.',
  'database.synchronous': 'SQLite\'s promise at a power failure: [ADR 4](../adr/0004-sqlite-synchronous-normal.md).',
  'keystone.tokenLifetimeMs': 'How long a token is valid.',
  'keystone.lockoutFailures': 'Wrong passwords in a row until a user is locked out; 0: never.',
  'keystone.lockoutMs': 'How long a lockout lasts.',
  'nova.shutdownTimeoutMs': 'How long a guest may take to shut down before its plug is pulled.',
  'nova.serviceDownMs': 'A host that has not reported for longer is down.',
  'nova.consoleTokenMs': 'How long the link of `console url show` opens a console.',
  'nova.maxBuildAttempts': 'Hosts tried for one server, the first included.',
  'nova.defaultZone': 'Availability zone of hosts whose aggregate names none.',
  'agent.cpuAllocationRatio': 'vCPUs sold for each core.',
  'agent.ramAllocationRatio': 'MiB sold for each MiB.',
  'agent.diskAllocationRatio': 'GiB sold for each GiB.',
  'agent.resumeGuests': 'Start guests again that a power failure of their host ended.',
  'agent.keepImagesMs': 'How long a host keeps a cached image that nothing uses.',
};
