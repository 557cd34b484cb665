// Shared by the suites ports/hypervisor*.testing.ts: the driver's fixture, guest definitions, and
// assertions on outcomes.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import type { GuestNic, GuestSpec, GuestState, GuestVolume } from '#contracts/nova/guest.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { Hypervisor } from './hypervisor.ts';

/** A driver over one host, and what the suite needs to know of it. */
export interface HypervisorFixture {
  hypervisor: Hypervisor;
  /** Closes the driver and opens another one over the same host, as a restart of the agent does. */
  reopen(): Promise<Hypervisor>;
  /**
   * Boots a guest that prints `<hostname of its config drive> login:` and obeys ACPI. Its images
   * are already in the cache.
   */
  bootable: Pick<GuestSpec, 'kernel' | 'rootDisk'>;
  /** A disk image of 16 MiB virtual size, as bytes. */
  disk: { bytes: Buffer; diskFormat: 'qcow2' | 'raw' };
  /** A driver over another host, which has the images of `bootable` as well. The test closes it. */
  elsewhere(): Promise<Hypervisor>;
  /** Writes a marker to the root disk of a guest that is off, on the first host. */
  writeRoot(uuid: string): Promise<void>;
  /** Whether that marker is on the guest's root disk. */
  readRoot(host: 'here' | 'elsewhere', uuid: string): Promise<'written' | 'blank'>;
  /** How long a guest may take to boot with this driver, ms. */
  bootMs: number;
  /** Creates a volume of 1 GiB that the host can reach. */
  volume(): Promise<VolumeConnection>;
  /** Creates an image whose backing file is the given volume's, as an online snapshot needs it. */
  overlay(of: VolumeConnection): Promise<VolumeConnection>;
  close(): Promise<void>;
}

/** The part of a fixture that is needed to create guests. */
export type GuestFixture = Pick<
  HypervisorFixture,
  'hypervisor' | 'bootable' | 'bootMs' | 'volume' | 'close'
>;

/** One run of the suite. Its fields `fixture` and `hypervisor` are set when `open` has resolved. */
export class ContractRun<F extends GuestFixture = HypervisorFixture> {
  hypervisor!: Hypervisor;
  fixture!: F;
  #guests = 0;

  async open(setup: () => Promise<F>): Promise<void> {
    this.fixture = await setup();
    this.hypervisor = this.fixture.hypervisor;
  }

  /** The definition of a new guest: bootable, without network and volumes. */
  readonly guest = (overrides: Partial<GuestSpec> = {}): GuestSpec => {
    this.#guests += 1;
    const displayName = overrides.displayName ?? `vm-${this.#guests}`;
    return {
      uuid: randomUUID(),
      name: `instance-${String(this.#guests).padStart(8, '0')}`,
      displayName,
      projectId: 'p1',
      userId: 'u1',
      vcpus: 1,
      memoryMib: 128,
      ephemeralGib: 0,
      swapMib: 0,
      ...this.fixture.bootable,
      configDrive: {
        'openstack/latest/meta_data.json': Buffer.from(
          JSON.stringify({ hostname: displayName }),
        ).toString('base64'),
      },
      machineType: null,
      cpuModel: null,
      nics: [],
      volumes: [],
      ...overrides,
    };
  };

  readonly nic = (): GuestNic => {
    const portId = randomUUID();
    return {
      portId,
      mac: `fa:16:3e:${portId.slice(0, 6).replace(/(..)(?=.)/g, '$1:')}`,
      mtu: 1442,
      bridge: 'br-int',
      model: 'virtio',
    };
  };

  readonly volume = async (device: string): Promise<GuestVolume> => ({
    volumeId: randomUUID(),
    connection: await this.fixture.volume(),
    device,
    bus: 'virtio',
    bootIndex: null,
  });

  readonly expectState = async (uuid: string, state: GuestState): Promise<void> => {
    assert.equal(await this.hypervisor.state(uuid), state);
    const listed = ok(await this.hypervisor.list()).find((each) => each.uuid === uuid);
    assert.equal(listed?.state ?? 'absent', state);
  };

  /** Waits until the guest has printed its banner for the `times`-th time. */
  readonly booted = async (spec: GuestSpec, times = 1): Promise<unknown> => {
    const banner = `${spec.displayName} login:`;
    return await eventually(
      async () =>
        ok(await this.hypervisor.consoleLog(spec.uuid, 64 * 1024)).split(banner).length > times,
      { withinMs: this.fixture.bootMs, what: `boot ${times} of ${spec.displayName}` },
    );
  };
}

/** The value; a fault fails the test with its message. */
export function ok<T>(outcome: Outcome<T>): T {
  if (isFault(outcome)) assert.fail(`${outcome.kind}: ${outcome.message}`);
  return outcome;
}

export function assertFault(outcome: unknown, kind: string): void {
  assert.ok(isFault(outcome), `expected ${kind}, got ${JSON.stringify(outcome)}`);
  assert.equal(outcome.kind, kind, outcome.message);
}
