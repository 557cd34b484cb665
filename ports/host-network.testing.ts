// The contract of ports/host-network.ts as a test suite. Run by
// adapters/ovsdb/ovs-host-network.test.ts and adapters/sim.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { HostNetwork, LocalNetwork } from './host-network.ts';

export interface HostNetworkFixture {
  network: HostNetwork;
  /** A network with a guest on this host; the guest can send requests from `guests[0].ips[0]`. */
  expected: LocalNetwork;
  close(): Promise<void>;
}

export function hostNetworkContract(
  name: string,
  setup: () => Promise<HostNetworkFixture>,
  skip: string | false,
): void {
  describe(`host-network contract: ${name}`, { skip }, () => {
    let fixture: HostNetworkFixture;
    before(async () => {
      fixture = await setup();
    });
    after(() => fixture.close());
    const good = <T>(outcome: Outcome<T>): T =>
      isFault(outcome) ? assert.fail(`${outcome.kind}: ${outcome.message}`) : outcome;

    it('tells which networks have guests here', async () => {
      await eventually(() => fixture.network.networks()?.length === 1, {
        withinMs: 10_000,
        what: 'the guest is seen',
      });
      assert.deepEqual(fixture.network.networks(), [fixture.expected]);
    });

    it('tells what it is made of, and that it is well', async () => {
      const facts = good(await fixture.network.facts());
      assert.deepEqual(
        [facts.hostname, facts.chassis, facts.health.switchAlive, facts.health.controllerConnected],
        ['h1', 'h1', true, true],
      );
    });

    it('makes an endpoint that can be listened at, and may be told so twice', async () => {
      const { network, expected } = fixture;
      assert.ok(!good(await network.endpoints()).includes(expected.id));
      good(await network.ensureEndpoint(expected));
      good(await network.ensureEndpoint(expected));
      assert.ok(good(await network.endpoints()).includes(expected.id));
      const server = good(await network.listen(expected.id));
      assert.ok(server.listening);
      server.close();
    });

    it('removes an endpoint, and may be told so twice', async () => {
      const { network, expected } = fixture;
      good(await network.removeEndpoint(expected.id));
      good(await network.removeEndpoint(expected.id));
      assert.ok(!good(await network.endpoints()).includes(expected.id));
    });

    it('says that there is nothing to listen at', async () => {
      assert.equal(isFault(await fixture.network.listen(fixture.expected.id)), true);
    });
  });
}
