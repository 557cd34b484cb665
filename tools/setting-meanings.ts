// The meaning of each setting of compose/config.ts and compose/process-config.ts, for operators:
// the generator refuses a setting without one.
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
  'cloud.origin':
    'Where clients reach the cloud, e.g. `https://cloud.example.org`: in the catalog and in links. Behind it all services have their paths (`/compute`, ...).',
  'process.name':
    "Name of the process among all of the cloud: owner of its sagas and leases, so never that of another machine's process. Empty: the machine's name and its first role.",
  'listen.host': 'Address the process listens on.',
  'listen.port': 'And its port; 0: nowhere.',
  'listen.certFile': 'Certificate chain (PEM) for TLS; read again when it changes.',
  'listen.keyFile': 'Its key (PEM).',
  'endpoints.identity': 'Where processes reach Keystone; empty: behind `cloud.origin`.',
  'endpoints.image': 'The same for Glance.',
  'endpoints.placement': 'The same for Placement.',
  'endpoints.compute': 'The same for Nova.',
  'endpoints.network': 'The same for Neutron.',
  'endpoints.metadata': "The same for Nova's metadata API of guests.",
  'endpoints.volume': 'The same for Cinder.',
  'bus.hosts':
    'RabbitMQ brokers, `host:port`, separated by commas; another one is tried when one fails. Empty: the roles of one process have only each other.',
  'bus.user': 'User at the broker.',
  'bus.passwordFile': 'File with the password.',
  'bus.vhost': 'Virtual host at the broker.',
  'bus.prefix': 'Names of queues and exchanges begin with it.',
  'mariadb.host': 'MariaDB server. Empty, and no `socketPath`: SQLite in the state folder.',
  'mariadb.port': 'Its port.',
  'mariadb.socketPath': 'Its socket, instead of host and port.',
  'mariadb.user': 'User there.',
  'mariadb.passwordFile': 'File with the password.',
  'mariadb.databasePrefix': 'Names of the databases begin with it, the service follows.',
  'mariadb.maxConnections': 'Connections of a process to each database at most.',
  'secrets.folder':
    'Folder with the files `admin`, `demo`, `service` and `metadata`, the same on each machine. Empty: those of the state folder, made at first.',
  'storage.nfsServer': 'NFS server of the volumes.',
  'storage.nfsPath': 'The path it exports.',
  'storage.imageFolder':
    "Glance's images; shared by all its processes. Empty: in the state folder.",
  'storage.backupFolder':
    'Backups of volumes; shared by all cinder-backup. Empty: in the state folder.',
  'storage.simulated': 'Volumes that are only recorded, for trials with simulated hosts.',
  'ovn.northbound': "Remotes of OVN's northbound database, e.g. `tcp:10.0.0.1:6641`.",
  'ovn.southbound': 'The same for the southbound database.',
  'ovn.simulatedHosts': 'A network that is only recorded, with so many hosts; for trials. 0: OVN.',
  'host.simulated': 'Hosts of `simulated-hosts`.',
  'host.firstSimulated': 'Number of the first of them.',
  'host.index': 'Number of the host of `local-host`, from 1: `h1`, ...',
  'host.networkFacts': 'File that says what its network is; written by `up --distributed`.',
  'host.share': "The part of the machine that is the host's.",
};
