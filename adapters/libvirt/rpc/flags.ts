// Constants of libvirt's public headers (libvirt-domain.h, virterror.h) that the driver uses; named
// as there, without the prefix.

/** virDomainState: the state of a domain. */
export const STATE = {
  noState: 0,
  running: 1,
  blocked: 2,
  paused: 3,
  shutdown: 4,
  shutoff: 5,
  crashed: 6,
  pmSuspended: 7,
} as const;
/** virDomainPausedReason: QEMU is being set up, the guest has not run yet. */
export const PAUSED_STARTING_UP = 11;
/**
 * virDomainPausedReason: while a guest is migrating in, and for the last moment of migrating out.
 */
export const PAUSED_MIGRATION = 2;
/**
 * virDomainShutoffReason of guests that ended without a request: the process died (crashed), also
 * while it was being started (failed), libvirtd found it missing (daemon), or libvirtd has no
 * reason (unknown), as after a power failure of the host or before a guest's first start.
 */
export const SHUTOFF_UNASKED: ReadonlySet<number> = new Set([0, 3, 6, 8]);

/** virDomainShutoffReason: the guest was migrated to another host. */
export const SHUTOFF_MIGRATED = 4;

/** virDomainEventType: kinds of lifecycle events. */
export const LIFECYCLE = {
  defined: 0,
  undefined: 1,
  started: 2,
  suspended: 3,
  resumed: 4,
  stopped: 5,
  shutdown: 6,
  pmSuspended: 7,
  crashed: 8,
} as const;
/** virDomainEventStoppedDetailType: why a domain ended. */
export const STOPPED = {
  shutdown: 0,
  destroyed: 1,
  crashed: 2,
  migrated: 3,
  saved: 4,
  failed: 5,
} as const;

/**
 * virDomainEventResumedDetailType: the guest has been resumed here after a migration, completed or
 * in its post-copy phase.
 */
export const RESUMED_HERE: ReadonlySet<number> = new Set([1, 3]);

export const LIST_MANAGED_SAVE = 256;
/** virDomainStatsTypes: groups of statistics to read. */
export const STATS = {
  state: 1,
  cpuTotal: 2,
  balloon: 4,
  vcpu: 8,
  interface: 16,
  block: 32,
} as const;
export const XML_SECURE_INACTIVE = 1 | 2;
/** virDomainXMLFlags: with secrets, and without anything that only this host understands. */
export const XML_SECURE_MIGRATABLE = 1 | 8;
/** virDomainModificationImpact: change the running domain, its definition, or both. */
export const AFFECT = { live: 1, config: 2 } as const;
/** virDomainBlockResizeFlags: the size is in bytes. */
export const BLOCK_RESIZE_BYTES = 1;
/**
 * virDomainBlockCopyFlags. A transient job ends with the guest's process, and is allowed on a guest
 * with a persistent definition.
 */
export const BLOCK_COPY = { transientJob: 4, synchronousWrites: 8 } as const;
/** virDomainSnapshotCreateFlags: how a snapshot is taken. */
export const SNAPSHOT = { noMetadata: 4, diskOnly: 16, reuseExternal: 32, atomic: 128 } as const;
/** virDomainMigrateFlags: how a domain is migrated. */
export const MIGRATE = {
  live: 1,
  peerToPeer: 2,
  persistDestination: 8,
  undefineSource: 16,
  nonSharedIncremental: 128,
  abortOnError: 4096,
  autoConverge: 8192,
  postCopy: 32768,
  tls: 65536,
} as const;
/** virDomainJobType: whether a job is in progress, or how it ended. */
export const JOB_TYPE = {
  none: 0,
  bounded: 1,
  unbounded: 2,
  completed: 3,
  failed: 4,
  cancelled: 5,
} as const;
/** virDomainJobOperation: a migration out of this host. */
export const JOB_MIGRATION_OUT = 5;
/** virCPUCompareResult: the host's CPU lacks features of the guest's CPU. */
export const CPU_INCOMPATIBLE = 0;
export const DEFINE_VALIDATE = 1;
/**
 * managed save + snapshots metadata + nvram + checkpoints metadata: without these flags `undefine`
 * refuses a guest that has one of them.
 */
export const UNDEFINE_ALL = 1 | 2 | 4 | 16;
export const SHUTDOWN = { acpi: 1, agent: 2 } as const;
export const BASELINE_EXPAND_FEATURES = 1;
/** virDrvFeature, as asked by CONNECT_SUPPORTS_FEATURE. */
export const FEATURE_PROGRAM_KEEPALIVE = 10;

/** virErrorNumber: codes of the errors that the driver handles. */
export const ERROR = {
  internal: 1,
  noSupport: 3,
  noConnect: 5,
  invalidArg: 8,
  operationFailed: 9,
  xml: 27,
  system: 38,
  noDomain: 42,
  operationInvalid: 55,
  operationTimeout: 68,
  operationAborted: 78,
  configUnsupported: 67,
  agentUnresponsive: 86,
  agentUnsynced: 97,
  deviceMissing: 99,
} as const;
