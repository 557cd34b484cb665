// Translates a BMC's documents into the port's terms. Pure. Schemas: DMTF DSP8010, ComputerSystem,
// Manager, Thermal, Power, LogEntry.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type {
  BmcEvent,
  BmcInventory,
  BootOverride,
  BootTarget,
  PowerState,
  SensorReading,
} from '#ports/bmc.ts';
import { listAt, numberAt, objectAt, textAt } from './json-at.ts';
import { nonsense, shown } from './redfish-faults.ts';

const powerStates = ['On', 'Off', 'PoweringOn', 'PoweringOff'] as const;
const bootTargets: readonly BootTarget[] = ['None', 'Pxe', 'Hdd', 'Cd', 'UefiHttp', 'BiosSetup'];

/**
 * The power state in a System document. `Paused` counts as on: the processor is stopped, but memory
 * and connections are kept.
 */
export function powerStateIn(system: Json): Outcome<PowerState> {
  const text = textAt(system, 'PowerState');
  if (text === 'Paused') return 'On';
  const state = powerStates.find((known) => known === text);
  return state ?? nonsense('power state', `it says ${shown(text)}`);
}

export function bootOverrideIn(system: Json): Outcome<BootOverride> {
  const boot = objectAt(system, 'Boot');
  if (boot === undefined) return fault('notImplemented', 'the BMC has no boot override');
  const enabled = textAt(boot, 'BootSourceOverrideEnabled') || 'Disabled';
  const text = textAt(boot, 'BootSourceOverrideTarget') || 'None';
  if (enabled === 'Disabled' || text === 'None') return { enabled: 'Disabled', target: 'None' };
  const target = bootTargets.find((known) => known === text);
  if (!target || (enabled !== 'Once' && enabled !== 'Continuous'))
    return nonsense('boot override', `it says ${shown(enabled)} and ${shown(text)}`);
  return { enabled, target };
}

export function inventoryIn(
  system: Json,
  manager: Json | undefined,
  interfaces: readonly Json[],
): BmcInventory {
  const processors = objectAt(system, 'ProcessorSummary');
  return {
    uuid: textAt(system, 'UUID').toLowerCase(),
    manufacturer: textAt(system, 'Manufacturer'),
    model: textAt(system, 'Model'),
    serialNumber: textAt(system, 'SerialNumber'),
    biosVersion: textAt(system, 'BiosVersion'),
    firmwareVersion: textAt(manager, 'FirmwareVersion'),
    memoryGib: numberAt(objectAt(system, 'MemorySummary'), 'TotalSystemMemoryGiB'),
    processors: { count: numberAt(processors, 'Count'), model: textAt(processors, 'Model') },
    interfaces: interfaces.map((one) => ({
      id: textAt(one, 'Id'),
      macAddress: (textAt(one, 'MACAddress') || textAt(one, 'PermanentMACAddress')).toLowerCase(),
    })),
  };
}

type Kind = SensorReading['kind'];
/** The lists in Thermal and Power documents, and the property with the value. */
const sensorLists: readonly [
  list: string,
  value: string,
  kind: Kind,
  unit: SensorReading['unit'],
][] = [
  ['Temperatures', 'ReadingCelsius', 'temperature', 'Cel'],
  ['Fans', 'Reading', 'fan', 'RPM'],
  ['PowerControl', 'PowerConsumedWatts', 'power', 'W'],
  ['Voltages', 'ReadingVolts', 'voltage', 'V'],
];

export const sensorsIn = (document: Json): SensorReading[] =>
  sensorLists.flatMap(([list, value, kind, unit]) =>
    listAt(document, list)
      .filter((sensor) => textAt(objectAt(sensor, 'Status'), 'State') !== 'Absent')
      .map((sensor) => ({
        name: textAt(sensor, 'Name') || textAt(sensor, 'FanName') || textAt(sensor, 'MemberId'),
        kind,
        value: numberAt(sensor, value),
        unit: textAt(sensor, 'ReadingUnits') === 'Percent' ? 'Percent' : unit,
        health: severityIn(objectAt(sensor, 'Status'), 'Health'),
      })),
  );

/** Pairs of ReadingType and ReadingUnits of a Sensor that the port has. */
const sensorTypes: Readonly<Record<string, { kind: Kind; unit: SensorReading['unit'] }>> = {
  'Temperature Cel': { kind: 'temperature', unit: 'Cel' },
  'Rotational RPM': { kind: 'fan', unit: 'RPM' },
  'Percent %': { kind: 'fan', unit: 'Percent' },
  'Power W': { kind: 'power', unit: 'W' },
  'Voltage V': { kind: 'voltage', unit: 'V' },
};

/** The readings in a member of Sensors, which replaces Thermal and Power since Redfish 2020.4. */
export function sensorOf(sensor: Json): SensorReading[] {
  const words = `${textAt(sensor, 'ReadingType')} ${textAt(sensor, 'ReadingUnits')}`;
  const type = Object.hasOwn(sensorTypes, words) ? sensorTypes[words] : undefined;
  const status = objectAt(sensor, 'Status');
  const isFan = type?.unit !== 'Percent' || /fan/i.test(textAt(sensor, 'Name'));
  if (!type || !isFan || textAt(status, 'State') === 'Absent') return [];
  return [
    {
      name: textAt(sensor, 'Name') || textAt(sensor, 'Id'),
      ...type,
      value: numberAt(sensor, 'Reading'),
      health: severityIn(status, 'Health'),
    },
  ];
}

/**
 * The log's events, oldest first whichever way the BMC lists them. Entries without an id are left
 * out.
 */
export const eventsIn = (entries: readonly Json[]): BmcEvent[] =>
  entries
    .map((entry) => {
      const at = Date.parse(textAt(entry, 'Created') || textAt(entry, 'EventTimestamp'));
      return {
        id: textAt(entry, 'Id'),
        atMs: Number.isNaN(at) ? null : at,
        severity: severityIn(entry, 'Severity'),
        message: textAt(entry, 'Message'),
        messageId: textAt(entry, 'MessageId'),
      };
    })
    .filter(({ id }) => id !== '')
    .sort(inOrder);

/** Orders events by time, and at the same time by id where ids are numbers. */
const inOrder = (a: BmcEvent, b: BmcEvent): number =>
  (a.atMs ?? 0) - (b.atMs ?? 0) || (Number(a.id) || 0) - (Number(b.id) || 0);

function severityIn(document: Json | undefined, key: string): BmcEvent['severity'] {
  const text = textAt(document, key);
  return text === 'Warning' || text === 'Critical' ? text : 'OK';
}
