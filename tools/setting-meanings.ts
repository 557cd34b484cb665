// The description of each setting of compose/config.ts and compose/process-config.ts for operators;
// generate-docs.ts refuses a setting without one.
export const meanings: Readonly<Record<string, string>> = {
  acceleration:
    'How guests on real hosts run: `kvm`, `tcg` (emulated), or `auto`: the faster of the two, measured once a boot with a real kernel. `up --acceleration` overrides it.',
  'api.host': 'Address the APIs listen on; also in the catalog and in `openrc`.',
  'api.region': 'Name of the region.',
  'api.metricsFrom':
    'Who may read /metrics of the API port, which names hosts: programs of this machine, or everybody who reaches the port.',
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
  'nova.resizeConfirmWindowMs':
    'A resize that waits for a confirmation longer is confirmed by itself; 0: never.',
  'nova.vifPluggingTimeoutMs': "How long Neutron may take to plug a new server's interfaces.",
  'nova.maxBuildAttempts': 'Hosts tried for one server, the first included.',
  'nova.shelvedOffloadMs':
    'How long a shelved server stays on its host; 0: not at all; -1: until an administrator offloads it.',
  'nova.defaultZone': 'Availability zone of hosts whose aggregate names none.',
  'neutron.publicCidr':
    'Addresses of the external network `public`, an IPv4 CIDR; empty: a /24 of 172.24.0.0/16 that the machine does not use.',
  'neutron.dnsServers': 'Name servers of the network `demo`, separated by commas.',
  'neutron.agentDownMs': 'A network agent that has not been heard for longer is down.',
  'cortex.enabled':
    'Nova asks Cortex which hosts are best, and Cortex explains its decisions ([placement decisions](../how-to/placement-decisions.md)). Of an embedded cloud.',
  'cortex.schedulersNeedToken':
    "Schedulers that ask Cortex need a token. A Nova that is not this cloud's sends none: set it to false for one, where the network keeps others away.",
  'cinder.copyTimeoutMs':
    'How long copying a whole volume may take: from an image, to a backup, to another volume.',
  'ha.enabled':
    'Hosts are watched: one that dies is fenced by its BMC, and its servers are evacuated. [How-to](../how-to/high-availability.md).',
  'ha.agentTimeoutMs': 'A host whose agent has not been heard for longer is suspect.',
  'ha.storageTimeoutMs':
    "A host's mark on the shared storage that has not changed for longer counts against it.",
  'ha.confirmMs': 'How long two sources must agree before a host is fenced.',
  'ha.startGraceMs':
    'How long a host may take to be heard after a start of the HA Service before it is suspect.',
  'ha.maxHosts': 'Hosts that may fail together; if more do, none is fenced.',
  'ha.maxZonePercent': 'The same as a part of the hosts of a zone. One host may always be fenced.',
  'ha.fencingVerifications': 'Times in a row that a BMC must say that its host is off.',
  'ha.bmcGiveUpMs': 'A BMC that has not answered for longer does not count.',
  'ha.selfFencingMs':
    'A host that reaches neither the HA Service, nor a neighbour, nor the shared storage for so long is reset by its watchdog; 0: it is not. Where no BMC answers, the service waits 10 s longer before it moves anything.',
  'ha.fencingRetryMs': 'How long after a failure fencing is tried again.',
  'ha.evacuationsAtOnce': 'Evacuations at a time.',
  'ha.evacuationsPerTarget': 'Of these to one host.',
  'ha.evacuationAttempts': 'How often an evacuation is tried for one server.',
  'ha.evacuationTimeoutMs': 'How long one may take.',
  'ha.guestRestarts':
    'How often a guest whose process died is started again on its host; 0: never.',
  'ha.guestForgetMs':
    'A guest that has run for so long since its last start may be started as often anew.',
  'ha.hypervisorAwayMs':
    'A host whose libvirtd has not answered for longer gets no new servers: its compute service is disabled until it answers.',
  'ha.neighboursPerSide': 'A host looks at so many hosts before it and behind it, by name.',
  'ontap.origin':
    'Management address of a NetApp filer, `https://…`, which becomes the backend `ontap`; empty: there is none.',
  'ontap.user': 'Its user, with the role `vsadmin-volume` or a wider one.',
  'ontap.password': 'And the password. `cobalt.yaml` should be readable by root alone then.',
  'ontap.caFile': "Certificate (PEM) that signed the filer's own, where no public authority did.",
  'ontap.svm': 'The storage virtual machine.',
  'ontap.volume': 'Its volume (FlexVol) that holds the files; mounted and exported by NFS.',
  'ontap.nfsServer': 'The address at which hosts reach it by NFS.',
  'nova.liveMigrationCompletionTimeoutMs':
    'How long a live migration may take for each GiB of memory (2 at least), and of local disks, before `liveMigrationTimeoutAction` is taken; 0: for ever. Upstream: `live_migration_completion_timeout`, in seconds.',
  'nova.liveMigrationTimeoutAction':
    '`abort`: the server stays; `force_complete`: it is paused, or runs on by post-copy, until it has moved.',
  'nova.liveMigrationPermitPostCopy':
    'A server may run at its destination before all of its memory is there: it moves for sure, but is lost if a host or the network fails then.',
  'nova.liveMigrationPermitAutoConverge':
    'A server that changes memory faster than it is sent is slowed down.',
  'nova.liveMigrationBandwidth': 'MiB/s for each live migration; 0: as fast as the network is.',
  'agent.maxConcurrentLiveMigrations':
    'Live migrations out of a host at a time, the others are queued; 0: any number.',
  'agent.cpuAllocationRatio': 'vCPUs sold for each core.',
  'agent.ramAllocationRatio': 'MiB sold for each MiB.',
  'agent.diskAllocationRatio': 'GiB sold for each GiB.',
  'agent.resumeGuests': 'Start guests again that a power failure of their host ended.',
  'agent.keepImagesMs': 'How long a host keeps a cached image that nothing uses.',
  'bmc.timing':
    'How the emulated BMCs of local hosts carry out power orders: before they answer, or as a task after an answer 202.',
  'cloud.origin':
    'Where clients reach the cloud, e.g. `https://cloud.example.org`: in the catalog and in links. Behind it all services have their paths (`/compute`, ...).',
  'process.name':
    "Name of the process among all of the cloud: owner of its sagas and leases, so never that of another machine's process. Empty: the machine's name and its first role.",
  'tls.caFile':
    'Certificates (PEM) of authorities that the process trusts besides the public ones: for the broker, MariaDB and `https` endpoints. Read at the start.',
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
  'endpoints.ha': 'The same for the HA Service.',
  'bus.hosts':
    'RabbitMQ brokers, `host:port`, separated by commas; another one is tried when one fails. Empty: the roles of one process have only each other.',
  'bus.tls': 'The brokers are reached by TLS; their certificates are checked.',
  'bus.user': 'User at the broker.',
  'bus.passwordFile': 'File with the password.',
  'bus.vhost': 'Virtual host at the broker.',
  'bus.prefix': 'Names of queues and exchanges begin with it.',
  'mariadb.host': 'MariaDB server. Empty, and no `socketPath`: SQLite in the state folder.',
  'mariadb.port': 'Its port.',
  'mariadb.socketPath': 'Its socket, instead of host and port.',
  'mariadb.tls': 'It is reached by TLS; its certificate is checked.',
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
