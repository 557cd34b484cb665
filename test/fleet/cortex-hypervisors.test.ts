// How Cortex's decisions respect `Hypervisor` resources in our Kubernetes API.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { hypervisors } from '#contracts/kube/kinds.ts';
import { plainInventory } from '#contracts/placement/wire.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { cortexDefaults } from '#services/cortex/deps.ts';
import { Fleet } from '#services/cortex/domain/fleet/fleet.ts';
import { InFlight } from '#services/cortex/domain/in-flight/in-flight.ts';
import { decide, requestFor } from '#services/cortex/domain/small-fleet.testing.ts';
import { followHypervisors } from '#services/cortex/follow-hypervisors.ts';
import { followOpenStack } from '#services/cortex/follow-openstack.ts';
import type { TestFleet } from './fleet.testing.ts';
import { startTestFleet } from './fleet.testing.ts';

const generation = { resource_provider_generation: 1 };

describe('a host with a resource Hypervisor', () => {
  let fleet: TestFleet;
  before(async () => {
    fleet = await startTestFleet(['a']);
  });
  after(async () => await fleet.close());

  test('is for its allowed projects from the moment that they are written', async () => {
    await fleet.addNode('a', 'skip-tests');
    await eventually(async () => !isFault(await fleet.kube.get(hypervisors, { name: 'a' })), {
      withinMs: 10_000,
      what: 'the operator has made the hypervisor',
    });
    const picture = new Fleet();
    const follower = followOpenStack({
      nova: fleet.nova,
      placement: {
        providers: async () => [{ uuid: 'hypervisor-a', name: 'a', generation: 1 }],
        inventory: async () => ({
          inventories: { VCPU: plainInventory(16), MEMORY_MB: plainInventory(65_536) },
          ...generation,
        }),
        usages: async () => ({ usages: {}, ...generation }),
        traits: async () => ({ traits: [], ...generation }),
        consumers: async () => [],
      },
      fleet: picture,
      inFlight: new InFlight(picture, cortexDefaults),
      clock: { now: () => 0 },
      defaultZone: 'az1',
    });
    const followed = followHypervisors(fleet.kube, follower, silentLog);
    await followed.ready;
    await follower.poll();
    const takes = (projectId: string): boolean =>
      decide(picture, requestFor({ projectId })).targets.length > 0;
    assert.ok(takes('mine') && takes('theirs'));

    const patched = await fleet.kube.patch(
      hypervisors,
      { name: 'a' },
      { spec: { allowedProjects: ['mine'] } },
    );
    assert.ok(!isFault(patched));
    await eventually(async () => !takes('theirs'), {
      withinMs: 5_000,
      everyMs: 5,
      what: 'the host is for its project alone',
    });
    assert.ok(takes('mine'));
    await followed.stop();
  });
});
