// The contract of ports/node-facts.ts as a test suite, run by every driver.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { NodeEvent, NodeFacts } from './node-facts.ts';

export interface NodeFixture {
  /** Opens a driver on the host, as a second agent of the same host would. */
  open(): NodeFacts;
  /** Defines a guest without pinning, and starts it. */
  startGuest(guest: {
    uuid: string;
    name: string;
    vcpus: number;
    memoryMib: number;
  }): Promise<void>;
  stopGuest(uuid: string): Promise<void>;
  removeGuest(uuid: string): Promise<void>;
  /** The hypervisor does not answer until `mendHypervisor`. */
  breakHypervisor(): Promise<void>;
  mendHypervisor(): Promise<void>;
  close(): Promise<void>;
}

const withinMs = 40_000;

export function ok<T>(outcome: Outcome<T>): T {
  assert.ok(!isFault(outcome), JSON.stringify(outcome));
  return outcome;
}

export function nodeFactsContract(driver: string, open: () => Promise<NodeFixture>): void {
  describe(`${driver} keeps the contract of node facts`, () => {
    let fixture: NodeFixture;
    let facts: NodeFacts;
    let events: NodeEvent[];
    const guest = { uuid: randomUUID(), name: 'plain', vcpus: 2, memoryMib: 64 };

    before(async () => {
      fixture = await open();
      facts = fixture.open();
      events = [];
      facts.onEvent((event) => events.push(event));
    });
    after(async () => {
      await facts?.close();
      await fixture?.close();
    });
    const untilEvent = async (kind: NodeEvent['kind']): Promise<unknown> =>
      await eventually(() => events.some((event) => event.kind === kind), {
        withinMs,
        what: `${kind} is told`,
      });

    it('says what the host is, twice the same', async () => {
      const system = ok(await facts.system());
      assert.deepEqual(ok(await facts.system()), system);
      assert.equal(system.kernelName, 'Linux');
      for (const field of ['kernelRelease', 'prettyName', 'machine', 'bootId'] as const)
        assert.ok(system[field], `${field} is told`);
    });

    it('says what the hypervisor is and has, by cells', async () => {
      const hypervisor = ok(await facts.hypervisor());
      assert.deepEqual(ok(await facts.hypervisor()), hypervisor, 'it does not change by itself');
      assert.match(hypervisor.libvirtVersion, /^\d+\.\d+\.\d+$/);
      assert.match(hypervisor.hypervisorVersion, /^\d+\.\d+\.\d+$/);
      assert.equal(hypervisor.cpuArch, hypervisor.domain.arch);
      assert.ok(hypervisor.cells.length > 0);
      for (const { cpus, memoryBytes } of hypervisor.cells) {
        assert.ok(cpus > 0);
        assert.ok(memoryBytes > 2 ** 28, `${memoryBytes} bytes of memory`);
      }
      assert.ok(hypervisor.domain.devices.includes('disk/virtio'));
      assert.ok(hypervisor.domain.cpuModes.includes('mode/custom'));
    });

    it('says which guests there are, with what they have, also without pinning', async () => {
      assert.deepEqual(ok(await facts.guests()), []);
      await fixture.startGuest(guest);
      const expected = {
        uuid: guest.uuid,
        name: guest.name,
        vcpus: 2,
        memoryBytes: 64 * 1024 * 1024,
        cells: [],
        hugePageBytes: null,
      };
      assert.deepEqual(ok(await facts.guests()), [{ ...expected, isActive: true }]);
      await untilEvent('changed');
      await fixture.stopGuest(guest.uuid);
      await eventually(async () => ok(await facts.guests())[0]?.isActive === false, {
        withinMs,
        what: 'the guest is off',
      });
      assert.deepEqual(ok(await facts.guests()), [{ ...expected, isActive: false }]);
    });

    it('a guest that stays is on no way out', async () => {
      await fixture.startGuest(guest);
      assert.deepEqual(ok(await facts.departing()), []);
      assert.equal(ok(await facts.migration(guest.uuid)), null);
      assert.equal(ok(await facts.migration(randomUUID())), null);
    });

    it('a hypervisor that does not answer is told, and when it is back', async () => {
      events.length = 0;
      await fixture.breakHypervisor();
      for (const answer of await Promise.all([facts.hypervisor(), facts.guests()]))
        assert.ok(isFault(answer) && ['unavailable', 'timeout'].includes(answer.kind));
      assert.ok(!isFault(await facts.system()), 'the host itself is there');
      const libvirtd = ok(await facts.units()).find(({ unit }) => unit === 'libvirtd.service');
      assert.equal(libvirtd?.isRunning, false);
      await fixture.mendHypervisor();
      await eventually(async () => !isFault(await facts.guests()), {
        withinMs,
        what: 'it answers again',
      });
      assert.ok(ok(await facts.units()).find(({ unit }) => unit === 'libvirtd.service')?.isRunning);
    });

    it('answers at once after it was closed', async () => {
      await facts.close();
      const answer = await facts.guests();
      assert.ok(isFault(answer));
      assert.equal(answer.kind, 'unavailable');
      facts = fixture.open();
      await fixture.removeGuest(guest.uuid);
      assert.deepEqual(ok(await facts.guests()), []);
    });
  });
}
