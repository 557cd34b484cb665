// libvirt's remote procedures and their arguments, as tables. Numbers and layouts: libvirt's
// src/remote/remote_protocol.x, qemu_protocol.x and src/rpc/virkeepaliveprotocol.x, which libvirt
// promises never to change.
import {
  array,
  bytes,
  chars,
  double,
  hyper,
  int,
  nothing,
  optional,
  string,
  struct,
  uhyper,
  uint,
  uuid,
  XdrError,
  type Codec,
  type ValueOf,
} from '#platform/xdr.ts';

export const REMOTE_PROGRAM = 0x20008086;
export const QEMU_PROGRAM = 0x20008087;
export const KEEPALIVE_PROGRAM = 0x6b656570;

/** One procedure: what goes out and what comes back. */
export interface Procedure<A, R> {
  program: number;
  number: number;
  name: string;
  args: Codec<A>;
  result: Codec<R>;
}

/** How libvirt names a domain on the wire. `id` is -1 while the domain is not running. */
export const domain = struct({ name: string, uuid, id: int });
export type Domain = ValueOf<typeof domain>;

/** A value whose type travels with it: numbers, big integers, booleans or text. */
export type ParameterValue = number | bigint | boolean | string;

const parameterValue: Codec<ParameterValue> = {
  read: (from) => {
    const type = int.read(from);
    switch (type) {
      case 1:
        return int.read(from);
      case 2:
        return uint.read(from);
      case 3:
        return hyper.read(from);
      case 4:
        return uhyper.read(from);
      case 5:
        return double.read(from);
      case 6:
        return int.read(from) !== 0;
      case 7:
        return string.read(from);
      default:
        throw new XdrError(`typed parameter of unknown type ${type}`);
    }
  },
  write: (to, value) => {
    switch (typeof value) {
      case 'number':
        int.write(to, 1);
        int.write(to, value);
        break;
      case 'bigint':
        int.write(to, 4);
        uhyper.write(to, value);
        break;
      case 'boolean':
        int.write(to, 6);
        int.write(to, value ? 1 : 0);
        break;
      case 'string':
        int.write(to, 7);
        string.write(to, value);
        break;
      default:
        throw new XdrError(`a typed parameter cannot hold ${typeof value}`);
    }
  },
};
export const parameters = array(struct({ field: string, value: parameterValue }));

/** The body of a reply with status 1 (virNetMessageError). */
export const errorBody = struct({
  code: int,
  domain: int,
  message: optional(string),
  level: int,
  dom: optional(domain),
  str1: optional(string),
  str2: optional(string),
  str3: optional(string),
  int1: int,
  int2: int,
  net: optional(struct({ name: string, uuid })),
});

const withFlags = struct({ domain, flags: uint });
const onlyDomain = struct({ domain });
const returnsDomain = struct({ domain });
const returnsXml = struct({ xml: string });

function procedure<A, R>(
  name: string,
  number: number,
  args: Codec<A>,
  result: Codec<R>,
  program = REMOTE_PROGRAM,
): Procedure<A, R> {
  return { program, number, name, args, result };
}

/**
 * Every procedure that this client can call. Units are libvirt's: memory in KiB, times in ns,
 * unless a name says otherwise.
 */
export const remote = {
  authList: procedure('authList', 66, nothing, struct({ types: array(int) })),
  connectOpen: procedure(
    'connectOpen',
    1,
    struct({ name: optional(string), flags: uint }),
    nothing,
  ),
  connectClose: procedure('connectClose', 2, nothing, nothing),
  connectSupportsFeature: procedure(
    'connectSupportsFeature',
    60,
    struct({ feature: int }),
    struct({ supported: int }),
  ),
  connectGetVersion: procedure('connectGetVersion', 4, nothing, struct({ version: uhyper })),
  connectGetLibVersion: procedure(
    'connectGetLibVersion',
    157,
    nothing,
    struct({ version: uhyper }),
  ),
  connectGetHostname: procedure('connectGetHostname', 59, nothing, struct({ hostname: string })),
  connectGetCapabilities: procedure('connectGetCapabilities', 7, nothing, returnsXml),
  connectGetDomainCapabilities: procedure(
    'connectGetDomainCapabilities',
    342,
    struct({
      emulator: optional(string),
      arch: optional(string),
      machine: optional(string),
      virtType: optional(string),
      flags: uint,
    }),
    returnsXml,
  ),
  connectBaselineHypervisorCpu: procedure(
    'connectBaselineHypervisorCpu',
    394,
    struct({
      emulator: optional(string),
      arch: optional(string),
      machine: optional(string),
      virtType: optional(string),
      cpus: array(string),
      flags: uint,
    }),
    returnsXml,
  ),
  connectCompareHypervisorCpu: procedure(
    'connectCompareHypervisorCpu',
    393,
    struct({
      emulator: optional(string),
      arch: optional(string),
      machine: optional(string),
      virtType: optional(string),
      cpu: string,
      flags: uint,
    }),
    struct({ result: int }),
  ),
  connectListAllDomains: procedure(
    'connectListAllDomains',
    273,
    struct({ needResults: int, flags: uint }),
    struct({ domains: array(domain), count: uint }),
  ),
  connectGetAllDomainStats: procedure(
    'connectGetAllDomainStats',
    344,
    struct({ domains: array(domain), stats: uint, flags: uint }),
    struct({ records: array(struct({ domain, parameters })) }),
  ),
  connectDomainEventCallbackRegisterAny: procedure(
    'connectDomainEventCallbackRegisterAny',
    316,
    struct({ eventId: int, domain: optional(domain) }),
    struct({ callbackId: int }),
  ),
  connectDomainEventCallbackDeregisterAny: procedure(
    'connectDomainEventCallbackDeregisterAny',
    317,
    struct({ callbackId: int }),
    nothing,
  ),
  nodeGetInfo: procedure(
    'nodeGetInfo',
    6,
    nothing,
    struct({
      model: chars(32),
      memoryKib: uhyper,
      cpus: int,
      mhz: int,
      nodes: int,
      sockets: int,
      cores: int,
      threads: int,
    }),
  ),
  nodeGetMemoryStats: procedure(
    'nodeGetMemoryStats',
    228,
    struct({ count: int, cell: int, flags: uint }),
    struct({ stats: array(struct({ field: string, value: uhyper })), count: int }),
  ),
  domainLookupByUuid: procedure('domainLookupByUuid', 24, struct({ uuid }), returnsDomain),
  domainLookupByName: procedure('domainLookupByName', 23, struct({ name: string }), returnsDomain),
  domainDefineXmlFlags: procedure(
    'domainDefineXmlFlags',
    350,
    struct({ xml: string, flags: uint }),
    returnsDomain,
  ),
  domainUndefineFlags: procedure('domainUndefineFlags', 231, withFlags, nothing),
  domainCreateXml: procedure(
    'domainCreateXml',
    10,
    struct({ xml: string, flags: uint }),
    returnsDomain,
  ),
  domainCreateWithFlags: procedure('domainCreateWithFlags', 196, withFlags, returnsDomain),
  domainDestroyFlags: procedure('domainDestroyFlags', 234, withFlags, nothing),
  domainShutdownFlags: procedure('domainShutdownFlags', 258, withFlags, nothing),
  domainReboot: procedure('domainReboot', 27, withFlags, nothing),
  domainReset: procedure('domainReset', 245, withFlags, nothing),
  domainSuspend: procedure('domainSuspend', 34, onlyDomain, nothing),
  domainResume: procedure('domainResume', 28, onlyDomain, nothing),
  domainManagedSave: procedure('domainManagedSave', 182, withFlags, nothing),
  domainHasManagedSaveImage: procedure(
    'domainHasManagedSaveImage',
    183,
    withFlags,
    struct({ result: int }),
  ),
  domainManagedSaveRemove: procedure('domainManagedSaveRemove', 184, withFlags, nothing),
  domainGetState: procedure('domainGetState', 212, withFlags, struct({ state: int, reason: int })),
  domainGetXmlDesc: procedure('domainGetXmlDesc', 14, withFlags, returnsXml),
  domainGetMetadata: procedure(
    'domainGetMetadata',
    265,
    struct({ domain, type: int, uri: optional(string), flags: uint }),
    struct({ metadata: string }),
  ),
  domainScreenshot: procedure(
    'domainScreenshot',
    211,
    struct({ domain, screen: uint, flags: uint }),
    struct({ mime: optional(string) }),
  ),
  domainAttachDeviceFlags: procedure(
    'domainAttachDeviceFlags',
    160,
    struct({ domain, xml: string, flags: uint }),
    nothing,
  ),
  domainDetachDeviceAlias: procedure(
    'domainDetachDeviceAlias',
    392,
    struct({ domain, alias: string, flags: uint }),
    nothing,
  ),
  domainUpdateDeviceFlags: procedure(
    'domainUpdateDeviceFlags',
    174,
    struct({ domain, xml: string, flags: uint }),
    nothing,
  ),
  domainGetBlockInfo: procedure(
    'domainGetBlockInfo',
    194,
    struct({ domain, path: string, flags: uint }),
    struct({ allocation: uhyper, capacity: uhyper, physical: uhyper }),
  ),
  domainBlockResize: procedure(
    'domainBlockResize',
    251,
    struct({ domain, disk: string, size: uhyper, flags: uint }),
    nothing,
  ),
  domainBlockCopy: procedure(
    'domainBlockCopy',
    345,
    struct({ domain, path: string, destination: string, parameters, flags: uint }),
    nothing,
  ),
  domainBlockJobAbort: procedure(
    'domainBlockJobAbort',
    237,
    struct({ domain, path: string, flags: uint }),
    nothing,
  ),
  domainGetBlockJobInfo: procedure(
    'domainGetBlockJobInfo',
    238,
    struct({ domain, path: string, flags: uint }),
    struct({ found: int, type: int, bandwidth: uhyper, cur: uhyper, end: uhyper }),
  ),
  domainSnapshotCreateXml: procedure(
    'domainSnapshotCreateXml',
    185,
    struct({ domain, xml: string, flags: uint }),
    struct({ name: string, domain }),
  ),
  domainFsFreeze: procedure(
    'domainFsFreeze',
    335,
    struct({ domain, mountpoints: array(string), flags: uint }),
    struct({ filesystems: int }),
  ),
  domainFsThaw: procedure(
    'domainFsThaw',
    336,
    struct({ domain, mountpoints: array(string), flags: uint }),
    struct({ filesystems: int }),
  ),
  domainMigratePerform3Params: procedure(
    'domainMigratePerform3Params',
    305,
    struct({ domain, destination: optional(string), parameters, cookie: bytes, flags: uint }),
    struct({ cookie: bytes }),
  ),
  domainGetJobStats: procedure(
    'domainGetJobStats',
    298,
    withFlags,
    struct({ type: int, parameters }),
  ),
  domainAbortJob: procedure('domainAbortJob', 164, onlyDomain, nothing),
  domainMigrateStartPostCopy: procedure('domainMigrateStartPostCopy', 364, withFlags, nothing),
  domainPinVcpuFlags: procedure(
    'domainPinVcpuFlags',
    225,
    struct({ domain, vcpu: uint, cpumap: bytes, flags: uint }),
    nothing,
  ),
} as const;

/** libvirt's QEMU program: the guest agent. `timeoutS` -2 waits for ever, 0 not at all. */
export const qemu = {
  agentCommand: procedure(
    'agentCommand',
    3,
    struct({ domain, command: string, timeoutS: int, flags: uint }),
    struct({ result: optional(string) }),
    QEMU_PROGRAM,
  ),
} as const;

/**
 * One event: the id it is registered by, the procedure number of its messages, and their layout.
 */
export interface EventKind<P> {
  id: number;
  messageNumber: number;
  message: Codec<P>;
}

function eventKind<P>(id: number, messageNumber: number, message: Codec<P>): EventKind<P> {
  return { id, messageNumber, message };
}

/** Events by their ids (virDomainEventID in libvirt-domain.h). */
export const events = {
  lifecycle: eventKind(0, 318, struct({ callbackId: int, domain, event: int, detail: int })),
  reboot: eventKind(1, 319, struct({ callbackId: int, domain })),
  watchdog: eventKind(3, 321, struct({ callbackId: int, domain, action: int })),
  controlError: eventKind(7, 325, struct({ callbackId: int, domain })),
  ioErrorReason: eventKind(
    6,
    324,
    struct({ callbackId: int, domain, path: string, device: string, action: int, reason: string }),
  ),
  agentLifecycle: eventKind(18, 348, struct({ callbackId: int, domain, state: int, reason: int })),
  migrationIteration: eventKind(20, 359, struct({ callbackId: int, domain, iteration: int })),
  jobCompleted: eventKind(21, 363, struct({ callbackId: int, domain, parameters })),
} as const;
export type EventName = keyof typeof events;
export type EventMessage<N extends EventName> = ValueOf<(typeof events)[N]['message']>;
