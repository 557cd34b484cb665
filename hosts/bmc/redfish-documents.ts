// The documents of an emulated BMC's Redfish tree, built from its state. Pure. Types and paths are
// DMTF's (DSP8010); only properties with a real value behind them are shown.
import { createHash } from 'node:crypto';
import type { Json } from '#contracts/common/json.ts';
import type { BmcState, LogRecord, Sensor, Subscription } from './bmc-files.ts';
import type { ChassisFacts } from './chassis.ts';
import { resetTypes } from './power-orders.ts';
import type { PowerTask } from './power-orders.ts';
import { sessionTimeoutMs } from './sessions.ts';
import type { BmcSession } from './sessions.ts';
import type { VendorProfile } from './vendor-profiles.ts';

export interface Snapshot {
  host: string;
  version: string;
  profile: VendorProfile;
  state: BmcState;
  facts: ChassisFacts;
  power: 'On' | 'Off' | 'PoweringOn' | 'PoweringOff';
  tasks: readonly PowerTask[];
  sessions: readonly BmcSession[];
  nowMs: number;
}

type Document = Record<string, Json>;

export const bootTargets = ['None', 'Pxe', 'Hdd', 'Cd', 'UefiHttp', 'BiosSetup'] as const;
export const bootModes = ['UEFI', 'Legacy'] as const;
export const root = '/redfish/v1';

export interface Paths {
  system: string;
  manager: string;
  chassis: string;
  log: string;
}

export const pathsOf = ({ systemId, managerId, chassisId }: VendorProfile): Paths => ({
  system: `${root}/Systems/${systemId}`,
  manager: `${root}/Managers/${managerId}`,
  chassis: `${root}/Chassis/${chassisId}`,
  log: `${root}/Systems/${systemId}/LogServices/Log`,
});

/** The document at the path (without trailing slash); undefined if there is none. */
export function documentAt(path: string, snapshot: Snapshot): Document | undefined {
  const { profile, state, facts, tasks, sessions } = snapshot;
  const at = pathsOf(profile);
  switch (path) {
    case '/redfish':
      return { v1: `${root}/` };
    case root:
      return serviceRoot(snapshot);
    case `${root}/Systems`:
      return collection(path, 'ComputerSystem', [at.system]);
    case at.system:
      return system(snapshot, at);
    case `${at.system}/Processors`:
      return collection(path, 'Processor', [`${path}/CPU1`]);
    case `${at.system}/Processors/CPU1`:
      return resource(path, 'Processor.v1_0_0.Processor', 'CPU1', {
        ProcessorType: 'CPU',
        Model: facts.processorModel,
        TotalCores: facts.processors,
        TotalThreads: facts.processors,
        Status: health,
      });
    case `${at.system}/EthernetInterfaces`:
      return collection(
        path,
        'EthernetInterface',
        facts.interfaces.map(({ id }) => `${path}/${id}`),
      );
    case `${at.system}/LogServices`:
      return collection(path, 'LogService', [at.log]);
    case at.log:
      return resource(path, 'LogService.v1_0_0.LogService', 'Log', {
        OverWritePolicy: 'WrapsWhenFull',
        DateTime: isoTime(snapshot.nowMs),
        Entries: link(`${path}/Entries`),
      });
    case `${at.log}/Entries`:
      return {
        ...collection(path, 'LogEntry', []),
        'Members@odata.count': state.log.length,
        Members: state.log.map((record) => logEntry(path, record)),
      };
    case `${root}/Managers`:
      return collection(path, 'Manager', [at.manager]);
    case at.manager:
      return manager(snapshot, at);
    case `${root}/Chassis`:
      return collection(path, 'Chassis', [at.chassis]);
    case at.chassis:
      return chassis(snapshot, at);
    case `${at.chassis}/Thermal`:
      return thermal(path, snapshot);
    case `${at.chassis}/Power`:
      return electricity(path, snapshot);
    case `${root}/SessionService`:
      return resource(path, 'SessionService.v1_1_0.SessionService', 'SessionService', {
        ServiceEnabled: true,
        SessionTimeout: sessionTimeoutMs / 1_000,
        Sessions: link(`${path}/Sessions`),
      });
    case `${root}/SessionService/Sessions`:
      return collection(
        path,
        'Session',
        sessions.map(({ id }) => `${path}/${id}`),
      );
    case `${root}/EventService`:
      return resource(path, 'EventService.v1_3_0.EventService', 'EventService', {
        ServiceEnabled: true,
        EventFormatTypes: ['Event'],
        Subscriptions: link(`${path}/Subscriptions`),
      });
    case `${root}/EventService/Subscriptions`:
      return collection(
        path,
        'EventDestination',
        state.subscriptions.map(({ id }) => `${path}/${id}`),
      );
    case `${root}/TaskService`:
      return resource(path, 'TaskService.v1_1_0.TaskService', 'TaskService', {
        ServiceEnabled: true,
        Tasks: link(`${path}/Tasks`),
      });
    case `${root}/TaskService/Tasks`:
      return collection(
        path,
        'Task',
        tasks.map(({ id }) => `${path}/${id}`),
      );
    default:
      return memberAt(path, snapshot, at);
  }
}

/** The document of a log entry, session, task, ... at this path; undefined: there is none. */
function memberAt(path: string, snapshot: Snapshot, at: Paths): Document | undefined {
  const slash = path.lastIndexOf('/');
  const [parent, id] = [path.slice(0, slash), path.slice(slash + 1)];
  const { state, facts, tasks, sessions } = snapshot;
  const member = <T extends { id: string | number }>(all: readonly T[]): T | undefined =>
    all.find((member) => String(member.id) === id);
  switch (parent) {
    case `${at.system}/EthernetInterfaces`: {
      const networkInterface = member(facts.interfaces);
      return (
        networkInterface &&
        resource(path, 'EthernetInterface.v1_4_0.EthernetInterface', id, {
          MACAddress: networkInterface.macAddress,
          PermanentMACAddress: networkInterface.macAddress,
          Status: health,
        })
      );
    }
    case `${at.log}/Entries`: {
      const entry = member(state.log);
      return entry && logEntry(parent, entry);
    }
    case `${root}/SessionService/Sessions`: {
      const session = member(sessions);
      return session && sessionDocument(session);
    }
    case `${root}/EventService/Subscriptions`: {
      const subscription = member(state.subscriptions);
      return subscription && subscriptionDocument(subscription);
    }
    case `${root}/TaskService/Tasks`: {
      const task = member(tasks);
      return task && taskDocument(task);
    }
    default:
      return undefined;
  }
}

/** The document's ETag: a hash of its content. */
export const etagOf = (document: Document): string =>
  createHash('sha256').update(JSON.stringify(document)).digest('hex').slice(0, 16);

export const isoTime = (ms: number): string => new Date(ms).toISOString();

const link = (path: string): Json => ({ '@odata.id': path });

const resource = (path: string, type: string, id: string, rest: Document): Document => ({
  '@odata.id': path,
  '@odata.type': `#${type}`,
  Id: id,
  Name: id,
  ...rest,
});

const collection = (path: string, of: string, members: readonly string[]): Document => ({
  '@odata.id': path,
  '@odata.type': `#${of}Collection.${of}Collection`,
  Name: `${of} collection`,
  'Members@odata.count': members.length,
  Members: members.map(link),
});

const health: Json = { State: 'Enabled', Health: 'OK' };

function serviceRoot({ state, profile }: Snapshot): Document {
  const services = ['Systems', 'Managers', 'Chassis', 'SessionService', 'EventService'];
  return resource(root, 'ServiceRoot.v1_5_0.ServiceRoot', 'RootService', {
    RedfishVersion: '1.8.0',
    UUID: state.uuid,
    Vendor: profile.manufacturer,
    ...Object.fromEntries(services.map((name) => [name, link(`${root}/${name}`)])),
    Tasks: link(`${root}/TaskService`),
    Links: { Sessions: link(`${root}/SessionService/Sessions`) },
  });
}

function system(snapshot: Snapshot, at: Paths): Document {
  const { host, profile, state, facts, power } = snapshot;
  return resource(at.system, 'ComputerSystem.v1_10_0.ComputerSystem', profile.systemId, {
    Name: host,
    HostName: host,
    SystemType: 'Virtual',
    UUID: state.uuid,
    Manufacturer: profile.manufacturer,
    Model: facts.model,
    SerialNumber: state.serialNumber,
    BiosVersion: 'none',
    PowerState: power,
    IndicatorLED: state.indicatorLed,
    Status: power === 'Off' ? { State: 'Disabled', Health: 'OK' } : health,
    MemorySummary: { TotalSystemMemoryGiB: facts.memoryGib, Status: health },
    ProcessorSummary: { Count: facts.processors, Model: facts.processorModel, Status: health },
    Boot: {
      BootSourceOverrideEnabled: state.boot.enabled,
      BootSourceOverrideTarget: state.boot.target,
      'BootSourceOverrideTarget@Redfish.AllowableValues': [...bootTargets],
      ...(profile.bootMode === 'unknown' ? {} : { BootSourceOverrideMode: 'UEFI' }),
    },
    Processors: link(`${at.system}/Processors`),
    EthernetInterfaces: link(`${at.system}/EthernetInterfaces`),
    LogServices: link(`${at.system}/LogServices`),
    Links: { Chassis: [link(at.chassis)], ManagedBy: [link(at.manager)] },
    Actions: {
      '#ComputerSystem.Reset': {
        target: `${at.system}/Actions/ComputerSystem.Reset`,
        'ResetType@Redfish.AllowableValues': [...resetTypes],
      },
    },
    Oem: { CobaltCore: { LastBootSource: state.bootedFrom } },
  });
}

const manager = ({ profile, version, state, nowMs }: Snapshot, at: Paths): Document =>
  resource(at.manager, 'Manager.v1_5_0.Manager', profile.managerId, {
    ManagerType: 'BMC',
    Manufacturer: profile.manufacturer,
    Model: 'CobaltCore emulated BMC',
    UUID: state.uuid,
    FirmwareVersion: version,
    PowerState: 'On',
    DateTime: isoTime(nowMs),
    Status: health,
    Links: { ManagerForServers: [link(at.system)], ManagerForChassis: [link(at.chassis)] },
    Actions: {
      '#Manager.Reset': {
        target: `${at.manager}/Actions/Manager.Reset`,
        'ResetType@Redfish.AllowableValues': ['GracefulRestart', 'ForceRestart'],
      },
    },
  });

const chassis = ({ profile, state, power }: Snapshot, at: Paths): Document =>
  resource(at.chassis, 'Chassis.v1_9_0.Chassis', profile.chassisId, {
    ChassisType: 'RackMount',
    Manufacturer: profile.manufacturer,
    SerialNumber: state.serialNumber,
    PowerState: power,
    IndicatorLED: state.indicatorLed,
    Status: health,
    Thermal: link(`${at.chassis}/Thermal`),
    Power: link(`${at.chassis}/Power`),
    Links: { ComputerSystems: [link(at.system)], ManagedBy: [link(at.manager)] },
  });

/** The sensor's reading. While the host is off, fans stand still and no power is drawn. */
const reading = ({ kind, value }: Sensor, power: Snapshot['power']): number =>
  power === 'Off' && (kind === 'fan' || kind === 'power') ? 0 : value;

const sensorsOf = ({ state }: Snapshot, kind: Sensor['kind']): Sensor[] =>
  state.sensors.filter((sensor) => sensor.kind === kind);

const thermal = (path: string, snapshot: Snapshot): Document =>
  resource(path, 'Thermal.v1_4_0.Thermal', 'Thermal', {
    Temperatures: sensorsOf(snapshot, 'temperature').map((sensor, index) => ({
      '@odata.id': `${path}#/Temperatures/${index}`,
      MemberId: String(index),
      Name: sensor.name,
      ReadingCelsius: reading(sensor, snapshot.power),
      Status: health,
    })),
    Fans: sensorsOf(snapshot, 'fan').map((sensor, index) => ({
      '@odata.id': `${path}#/Fans/${index}`,
      MemberId: String(index),
      Name: sensor.name,
      Reading: reading(sensor, snapshot.power),
      ReadingUnits: 'RPM',
      Status: health,
    })),
  });

const electricity = (path: string, snapshot: Snapshot): Document =>
  resource(path, 'Power.v1_5_0.Power', 'Power', {
    PowerControl: sensorsOf(snapshot, 'power').map((sensor, index) => ({
      '@odata.id': `${path}#/PowerControl/${index}`,
      MemberId: String(index),
      Name: sensor.name,
      PowerConsumedWatts: reading(sensor, snapshot.power),
      Status: health,
    })),
    Voltages: sensorsOf(snapshot, 'voltage').map((sensor, index) => ({
      '@odata.id': `${path}#/Voltages/${index}`,
      MemberId: String(index),
      Name: sensor.name,
      ReadingVolts: reading(sensor, snapshot.power),
      Status: health,
    })),
  });

const logEntry = (entries: string, record: LogRecord): Document =>
  resource(`${entries}/${record.id}`, 'LogEntry.v1_4_0.LogEntry', String(record.id), {
    EntryType: 'Event',
    Created: isoTime(record.atMs),
    Severity: record.severity,
    MessageId: record.messageId,
    Message: record.message,
  });

export const sessionDocument = ({ id, userName }: BmcSession): Document =>
  resource(`${root}/SessionService/Sessions/${id}`, 'Session.v1_1_0.Session', id, {
    UserName: userName,
  });

export const subscriptionDocument = ({ id, destination, context }: Subscription): Document =>
  resource(
    `${root}/EventService/Subscriptions/${id}`,
    'EventDestination.v1_5_0.EventDestination',
    String(id),
    { Destination: destination, Context: context, Protocol: 'Redfish', EventFormatType: 'Event' },
  );

export const taskDocument = (task: PowerTask): Document =>
  resource(`${root}/TaskService/Tasks/${task.id}`, 'Task.v1_4_0.Task', String(task.id), {
    Name: `ComputerSystem.Reset ${task.resetType}`,
    TaskState: task.state,
    TaskStatus: task.state === 'Exception' ? 'Critical' : 'OK',
    PercentComplete: task.state === 'Running' ? 0 : 100,
    StartTime: isoTime(task.startedAtMs),
    ...(task.endedAtMs === null ? {} : { EndTime: isoTime(task.endedAtMs) }),
    Messages: task.message === '' ? [] : [{ Message: task.message, Severity: 'Critical' }],
  });
