// The part of the hypervisor contract suite about a guest's power states: boot, pause, suspend,
// rescue, rebuild.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import net from 'node:net';
import { it } from 'node:test';
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import type { GuestState } from '#contracts/nova/guest.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { assertFault, ok, type ContractRun } from './hypervisor-fixture.testing.ts';

export function powerContract(run: ContractRun): void {
  const { guest, expectState, booted } = run;

  it('boots a guest that reads its config drive and tells its name on the console', async () => {
    const spec = guest({ displayName: 'first-light', ephemeralGib: 1, swapMib: 16 });
    ok(await run.hypervisor.create(spec));
    await expectState(spec.uuid, 'running');
    await booted(spec);
    assert.equal(ok(await run.hypervisor.consoleLog(spec.uuid, 5)).length, 5);
    const diagnostics = ok(await run.hypervisor.diagnostics(spec.uuid));
    assert.equal(diagnostics.state, 'running');
    assert.equal(diagnostics.memoryMib, 128);
    await speaksRfb(await run.hypervisor.vncSocket(spec.uuid));

    ok(await run.hypervisor.create(spec)); // repeated: a running guest is left alone
    assert.equal(
      ok(await run.hypervisor.consoleLog(spec.uuid, 64 * 1024)).split('first-light login:').length,
      2,
    );

    ok(await run.hypervisor.reboot(spec.uuid, 'soft', run.fixture.bootMs));
    await expectState(spec.uuid, 'running');
    await booted(spec, 2);
    ok(await run.hypervisor.reboot(spec.uuid, 'hard', 0));
    await booted(spec, 3);
    ok(await run.hypervisor.stop(spec.uuid, run.fixture.bootMs));
    await expectState(spec.uuid, 'shutoff');
    ok(await run.hypervisor.stop(spec.uuid, 1_000));
    assertFault(await run.hypervisor.vncSocket(spec.uuid), 'conflict');
    assert.equal(ok(await run.hypervisor.diagnostics(spec.uuid)).state, 'shutoff');
    ok(await run.hypervisor.start(spec.uuid));
    ok(await run.hypervisor.start(spec.uuid));
    await expectState(spec.uuid, 'running');
    ok(await run.hypervisor.destroy(spec.uuid));
    await expectState(spec.uuid, 'absent');
    ok(await run.hypervisor.destroy(spec.uuid));
    assert.ok(!ok(await run.hypervisor.inventory()).guestFolders.includes(spec.uuid));
  });

  it('pauses, suspends and comes back, and says conflict where the state forbids it', async () => {
    const spec = guest();
    ok(await run.hypervisor.create(spec));
    for (const [step, state] of [
      [() => run.hypervisor.pause(spec.uuid), 'paused'],
      [() => run.hypervisor.pause(spec.uuid), 'paused'],
      [() => run.hypervisor.unpause(spec.uuid), 'running'],
      [() => run.hypervisor.unpause(spec.uuid), 'running'],
      [() => run.hypervisor.suspend(spec.uuid), 'suspended'],
      [() => run.hypervisor.suspend(spec.uuid), 'suspended'],
      [() => run.hypervisor.resume(spec.uuid), 'running'],
      [() => run.hypervisor.resume(spec.uuid), 'running'],
      [() => run.hypervisor.stop(spec.uuid, 0), 'shutoff'],
    ] satisfies [() => Promise<Outcome<void>>, GuestState][]) {
      ok(await step());
      await expectState(spec.uuid, state);
    }
    for (const attempt of [
      run.hypervisor.pause(spec.uuid),
      run.hypervisor.unpause(spec.uuid),
      run.hypervisor.suspend(spec.uuid),
      run.hypervisor.resume(spec.uuid),
    ])
      assertFault(await attempt, 'conflict');
    ok(await run.hypervisor.reboot(spec.uuid, 'hard', 0)); // whatever its state was
    await expectState(spec.uuid, 'running');
    ok(await run.hypervisor.destroy(spec.uuid));
  });

  it('rescues with another system and gives the guest back', async () => {
    const spec = guest({ rootDisk: { image: null, sizeGib: 1, bus: 'virtio' } });
    ok(await run.hypervisor.create(spec));
    const rescue = guest({
      displayName: `${spec.displayName}-rescue`,
      rootDisk: { image: null, sizeGib: 2, bus: 'virtio' },
    });
    ok(await run.hypervisor.rescue(spec.uuid, rescue));
    await expectState(spec.uuid, 'running');
    await eventually(
      async () =>
        ok(await run.hypervisor.consoleLog(spec.uuid, 64 * 1024)).includes(
          `${spec.displayName}-rescue login:`,
        ),
      { withinMs: run.fixture.bootMs, what: 'the rescue system is up' },
    );
    ok(await run.hypervisor.rescue(spec.uuid, rescue));
    ok(await run.hypervisor.unrescue(spec.uuid));
    await expectState(spec.uuid, 'running');
    await booted(spec);
    ok(await run.hypervisor.unrescue(spec.uuid));
    ok(await run.hypervisor.destroy(spec.uuid));
  });

  it('rebuilds under the same uuid, off or on', async () => {
    const spec = guest({ rootDisk: { image: null, sizeGib: 1, bus: 'virtio' } });
    ok(await run.hypervisor.create(spec));
    ok(await run.hypervisor.rebuild(spec, false));
    await expectState(spec.uuid, 'shutoff');
    ok(await run.hypervisor.rebuild(spec, true));
    await expectState(spec.uuid, 'running');
    ok(await run.hypervisor.destroy(spec.uuid));
  });
}

/**
 * Connects and reads the RFB greeting (RFC 6143, 7.1.1). A driver without screens answers
 * `unavailable` instead.
 */
async function speaksRfb(answer: Outcome<{ socketPath: string }>): Promise<void> {
  if (isFault(answer)) return assertFault(answer, 'unavailable');
  assert.ok(existsSync(answer.socketPath));
  const greeting = await new Promise<string>((resolve, reject) => {
    const socket = net.connect(answer.socketPath);
    socket.setTimeout(5_000, () => socket.destroy(new Error('no RFB greeting')));
    socket.once('data', (chunk: Buffer) => {
      socket.destroy();
      resolve(chunk.toString('latin1'));
    });
    socket.once('error', reject);
  });
  assert.match(greeting, /^RFB 003\.\d{3}\n/);
}
