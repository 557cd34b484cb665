// The meaning of each setting of compose/config.ts, for operators; the generator refuses a setting
// without one.
export const meanings: Readonly<Record<string, string>> = {
  acceleration:
    'How guests on real hosts run: `kvm`, `tcg` (emulated), or `auto`: the faster of the two, measured once a boot with a real kernel. `up --acceleration` overrides it.',
  'api.host': 'Address the APIs listen on; also in the catalog and in `openrc`.',
  'api.region': 'Name of the region.',
  'database.synchronous':
    "SQLite's promise at a power failure: [ADR 4](../adr/0004-sqlite-synchronous-normal.md).",
  'keystone.tokenLifetimeMs': 'How long a token is valid.',
  'keystone.lockoutFailures': 'Wrong passwords in a row until a user is locked out; 0: never.',
  'keystone.lockoutMs': 'How long a lockout lasts.',
  'keystone.passwordsWaiting':
    'Passwords that may wait to be checked; a further one is answered 503 with `Retry-After`.',
  'keystone.passwordsWaitingPerSource':
    'Of these from one address (IPv6: one /64); a further one is answered 429 with `Retry-After`. Behind a proxy all logins come from its address: raise it there.',
  'glance.requireFormatMatch': "Refuse data that is not of its image's `disk_format`.",
  'glance.keepDeletedMs':
    'How long the record of a deleted image is kept; its id is never given again.',
  'nova.keepDeletedMs':
    'How long a deleted server, its actions and their events are kept (`server list --deleted`, `changes-since`).',
  'nova.shutdownTimeoutMs': 'How long a guest may take to shut down before its plug is pulled.',
  'nova.serviceDownMs': 'A host that has not reported for longer is down.',
  'nova.consoleTokenMs': 'How long the link of `console url show` opens a console.',
  'nova.vifPluggingTimeoutMs': "How long Neutron may take to plug a new server's interfaces.",
  'nova.maxBuildAttempts': 'Hosts tried for one server, the first included.',
  'nova.defaultZone': 'Availability zone of hosts whose aggregate names none.',
  'neutron.publicCidr':
    'Addresses of the external network `public`, an IPv4 CIDR; empty: a /24 of 172.24.0.0/16 that the machine does not use.',
  'neutron.dnsServers': 'Name servers of the network `demo`, separated by commas.',
  'neutron.agentDownMs': 'A network agent that has not been heard for longer is down.',
  'cinder.copyTimeoutMs':
    'How long copying a whole volume may take: from an image, to a backup, to another volume.',
  'ontap.origin':
    'Management address of a NetApp filer, `https://…`, which becomes the backend `ontap`; empty: there is none.',
  'ontap.user': 'Its user, with the role `vsadmin-volume` or a wider one.',
  'ontap.password': 'And the password. `cobalt.yaml` should be readable by root alone then.',
  'ontap.caFile': "Certificate (PEM) that signed the filer's own, where no public authority did.",
  'ontap.svm': 'The storage virtual machine.',
  'ontap.volume': 'Its volume (FlexVol) that holds the files; mounted and exported by NFS.',
  'ontap.nfsServer': 'The address at which hosts reach it by NFS.',
  'agent.cpuAllocationRatio': 'vCPUs sold for each core.',
  'agent.ramAllocationRatio': 'MiB sold for each MiB.',
  'agent.diskAllocationRatio': 'GiB sold for each GiB.',
  'agent.resumeGuests': 'Start guests again that a power failure of their host ended.',
  'agent.keepImagesMs': 'How long a host keeps a cached image that nothing uses.',
};
