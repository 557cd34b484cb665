// Reads documents as BMCs of several vendors and ages write them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { pathIn } from './json-at.ts';
import { quirksOf, resetTypeFor } from './quirks.ts';
import {
  bootOverrideIn,
  eventsIn,
  inventoryIn,
  powerStateIn,
  sensorOf,
  sensorsIn,
} from './read-documents.ts';

test('a power state is one of four, or a fault: never Off by default', () => {
  for (const state of ['On', 'Off', 'PoweringOn', 'PoweringOff'])
    assert.equal(powerStateIn({ PowerState: state }), state);
  assert.equal(powerStateIn({ PowerState: 'Paused' }), 'On');
  for (const system of [{}, null, { PowerState: null }, { PowerState: 'off' }, { PowerState: 0 }])
    assert.ok(isFault(powerStateIn(system)), JSON.stringify(system));
});

test('an override that is disabled or has no target is none', () => {
  const none = { enabled: 'Disabled', target: 'None' };
  const read = (enabled: unknown, target: unknown) =>
    bootOverrideIn({
      Boot: { BootSourceOverrideEnabled: enabled, BootSourceOverrideTarget: target },
    } as never);
  assert.deepEqual(read('Disabled', 'Pxe'), none);
  assert.deepEqual(read('Once', 'None'), none);
  assert.deepEqual(read(null, null), none);
  assert.deepEqual(read('Once', 'Pxe'), { enabled: 'Once', target: 'Pxe' });
  assert.ok(isFault(read('Once', 'Floppy')));
  assert.ok(isFault(bootOverrideIn({})));
});

test('an inventory is empty where the BMC says nothing', () => {
  const empty = inventoryIn({}, undefined, [{}]);
  assert.deepEqual(empty, {
    uuid: '',
    manufacturer: '',
    model: '',
    serialNumber: '',
    biosVersion: '',
    firmwareVersion: '',
    memoryGib: null,
    processors: { count: null, model: '' },
    interfaces: [{ id: '', macAddress: '' }],
  });
  const { uuid } = inventoryIn({ UUID: '4C4C4544-0051-4710-8052-B2C04F4D3732' }, undefined, []);
  assert.equal(uuid, '4c4c4544-0051-4710-8052-b2c04f4d3732');
});

test('sensors of Thermal and Power, and those of newer BMCs', () => {
  const thermal = {
    Temperatures: [
      { Name: 'Inlet', ReadingCelsius: 24, Status: { State: 'Enabled', Health: 'Warning' } },
      { Name: 'CPU 2', ReadingCelsius: 0, Status: { State: 'Absent' } },
    ],
    Fans: [
      { FanName: 'Fan 1', Reading: 31, ReadingUnits: 'Percent' },
      { MemberId: '2', Reading: null, ReadingUnits: 'RPM' },
    ],
  };
  assert.deepEqual(sensorsIn(thermal), [
    { name: 'Inlet', kind: 'temperature', value: 24, unit: 'Cel', health: 'Warning' },
    { name: 'Fan 1', kind: 'fan', value: 31, unit: 'Percent', health: 'OK' },
    { name: '2', kind: 'fan', value: null, unit: 'RPM', health: 'OK' },
  ]);
  const inlet = { Name: 'Inlet', ReadingType: 'Temperature', ReadingUnits: 'Cel', Reading: 24.5 };
  assert.deepEqual(sensorOf(inlet), [
    { name: 'Inlet', kind: 'temperature', value: 24.5, unit: 'Cel', health: 'OK' },
  ]);
  for (const other of [
    { Name: 'CPU usage', ReadingType: 'Percent', ReadingUnits: '%', Reading: 3 },
    { ReadingType: 'constructor', ReadingUnits: '' },
    {},
    null,
  ])
    assert.deepEqual(sensorOf(other), []);
});

test('a log is read oldest first, whichever way the BMC lists it', () => {
  const entry = (id: string, created: string) => ({ Id: id, Created: created, Message: id });
  const [a, b, c] = [
    entry('9', '2026-11-29T10:00:00Z'),
    entry('10', '2026-11-29T10:00:00Z'),
    entry('2', '2026-11-29T11:00:00+02:00'),
  ];
  for (const listed of [
    [a, b, c],
    [c, b, a],
  ])
    assert.deepEqual(
      eventsIn(listed).map(({ id }) => id),
      ['2', '9', '10'],
    );
  assert.deepEqual(eventsIn([{ Message: 'without an id' }, null, 7]), []);
  const [{ atMs } = { atMs: 0 }] = eventsIn([entry('1', 'yesterday')]);
  assert.equal(atMs, null);
});

test('only paths of Redfish are followed, whichever host an address names', () => {
  for (const [address, path] of [
    ['/redfish/v1/Systems/1', '/redfish/v1/Systems/1'],
    ['https://elsewhere.example/redfish/v1/Tasks/1?x=1', '/redfish/v1/Tasks/1?x=1'],
    ['//elsewhere.example/redfish/v1/x', '/redfish/v1/x'],
    ['/redfish/../etc/passwd', ''],
    ['/rest/v1', ''],
    ['javascript:alert(1)', ''],
    ['http://', ''],
    ['', ''],
  ] as const)
    assert.equal(pathIn(address), path, address);
});

test('a vendor is known by its manufacturer, and another one is treated as usual', () => {
  for (const [manufacturer, vendor] of [
    ['Dell Inc.', 'Dell'],
    ['HPE', 'HPE'],
    ['Hewlett Packard Enterprise', 'HPE'],
    ['Lenovo', 'Lenovo'],
    ['Supermicro', 'Supermicro'],
    ['Super Micro Computer, Inc.', 'Supermicro'],
    ['Sushy Emulator', 'other'],
    ['', 'other'],
  ] as const)
    assert.equal(quirksOf(manufacturer).vendor, vendor, manufacturer);
  assert.equal(resetTypeFor('On', ['ForceOn']), 'ForceOn');
  assert.equal(resetTypeFor('ForceRestart', ['On', 'PowerCycle']), 'PowerCycle');
  assert.equal(resetTypeFor('ForceOff', undefined), 'ForceOff');
  // A gentler order never takes the place of the wanted one.
  assert.equal(resetTypeFor('ForceOff', ['GracefulShutdown', 'PushPowerButton']), undefined);
});
