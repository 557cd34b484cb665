// What an operator and a tenant see of a host that is down, and of a compute service that was
// deleted while its agent lives.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { ConductorRpc } from '#contracts/nova/conductor-rpc.ts';
import { agentStops, reportHost } from '../conductor/observe-host.ts';
import { startNova } from './nova-api.testing.ts';
import type { NovaFixture } from './nova-api.testing.ts';

let nova: NovaFixture;
before(async () => void (nova = await startNova()));
after(async () => await nova.close());

// Empty: these tests never read the facts of a host.
const facts = {} as ConductorRpc['reportHost']['params']['facts'];
const report = async (host: string, starting: boolean): Promise<Outcome<unknown>> =>
  await reportHost(nova.deps, { host, facts, version: '1', starting });
const states = async () =>
  (await nova.ask('admin', 'GET', 'os-services?binary=nova-compute')).body.services.map(
    ({ host, state, status }: { host: string; state: string; status: string }) =>
      `${host} ${status} ${state}`,
  );

describe('a host whose agent has said that it stops', () => {
  it('is down at once, and up at its next report', async () => {
    await nova.addHost('h1');
    assert.deepEqual(await states(), ['h1 enabled up']);
    await agentStops(nova.deps, { host: 'h1' });
    assert.deepEqual(await states(), ['h1 enabled down']);
  });

  it('refuses actions on its servers and says why: to a tenant without the name of the host', async () => {
    const { id } = await nova.addServer({});
    const act = async (person: 'member' | 'admin', body: object) =>
      await nova.ask(person, 'POST', `servers/${id}/action`, { body: body as never });
    for (const body of [
      { 'os-stop': null },
      { reboot: { type: 'HARD' } },
      { pause: null },
      { suspend: null },
    ]) {
      const refusal = await act('member', body);
      assert.equal(refusal.status, 409, JSON.stringify(body));
      assert.match(refusal.body.conflictingRequest.message, /its compute host is down/);
    }
    assert.match(
      (await act('admin', { 'os-stop': null })).body.conflictingRequest.message,
      /its host h1 is down/,
    );
    assert.equal((await nova.ask('member', 'GET', `servers/${id}`)).body.server.status, 'ACTIVE');
  });

  it('does not hinder a deletion, and serves again when it is back', async () => {
    const [deletedServer, keptServer] = [await nova.addServer({}), await nova.addServer({})];
    assert.equal((await nova.ask('member', 'DELETE', `servers/${deletedServer.id}`)).status, 204);
    assert.ok(!isFault(await report('h1', false)));
    assert.deepEqual(await states(), ['h1 enabled up']);
    assert.equal(
      (
        await nova.ask('member', 'POST', `servers/${keptServer.id}/action`, {
          body: { 'os-stop': null },
        })
      ).status,
      202,
    );
  });
});

describe('a deleted compute service', () => {
  it('stays away while its agent goes on reporting, with its hypervisor; it comes back when the agent starts anew', async () => {
    await nova.addHost('h2');
    nova.answerCalls(() => ({ status: 204, body: {} }));
    const [service] = (await nova.ask('admin', 'GET', 'os-services?host=h2', { version: 53 })).body
      .services;
    assert.equal(
      (await nova.ask('admin', 'DELETE', `os-services/${service.id}`, { version: 53 })).status,
      204,
    );
    const hypervisors = async () =>
      (await nova.ask('admin', 'GET', 'os-hypervisors')).body.hypervisors.map(
        (each: { hypervisor_hostname: string }) => each.hypervisor_hostname,
      );
    for (let beat = 0; beat < 3; beat += 1) {
      const refusal = await report('h2', false);
      assert.ok(isFault(refusal) && refusal.kind === 'notFound');
    }
    assert.ok(!(await states()).some((state: string) => state.startsWith('h2')));
    assert.ok(!(await hypervisors()).includes('h2'));
    assert.ok(!isFault(await report('h2', true)));
    assert.ok((await states()).includes('h2 enabled up'));
  });
});
