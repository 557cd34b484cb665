import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { Fleet } from './fleet/fleet.ts';
import { naiveDecision } from './naive-pipeline.testing.ts';
import { buildPipeline } from './pipeline/build-pipeline.ts';
import { defaultPipelines } from './pipeline/default-pipelines.ts';
import { Engine } from './pipeline/engine.ts';
import { generalPurpose } from './request/infer-pipeline.ts';
import { parseNovaRequest } from './request/parse-nova-request.ts';
import {
  createChance,
  syntheticHosts,
  syntheticRequest,
  syntheticReservation,
} from './synthetic-fleet.testing.ts';

const pipelineOf = (name: string) => {
  const spec = defaultPipelines[name];
  const pipeline = spec && buildPipeline(name, spec);
  if (!pipeline || isFault(pipeline)) throw new Error(`no pipeline ${name}`);
  return pipeline;
};

describe('the general-purpose pipeline', () => {
  test('decides as its plainest form does, over many fleets and requests', () => {
    let placed = 0;
    for (let seed = 1; seed <= 4; seed += 1) {
      const chance = createChance(seed);
      const hosts = syntheticHosts(60, chance);
      const reservations = Array.from({ length: 40 }, (_, index) =>
        syntheticReservation(index, hosts, chance),
      );
      const fleet = new Fleet();
      for (const host of hosts) fleet.apply(host);
      for (const reservation of reservations) fleet.applyReservation(reservation);
      const pipeline = pipelineOf(generalPurpose);
      const requests = Array.from({ length: 40 }, (_, index) =>
        parseNovaRequest(syntheticRequest(index, hosts, chance)),
      );
      const engine = new Engine(fleet);
      for (const request of requests) {
        const decision = engine.decide(pipeline, request);
        const expected = naiveDecision({ hosts, reservations }, request);
        assert.deepEqual(
          decision.targets.map(({ name }) => name),
          expected.map(({ name }) => name),
          `seed ${seed}, ${JSON.stringify(request)}`,
        );
        decision.targets.forEach(({ weight }, index) =>
          assert.ok(Math.abs(weight - (expected[index]?.weight ?? NaN)) < 1e-8),
        );
        const removed = decision.removals.reduce((sum, { hosts: count }) => sum + count, 0);
        assert.equal(removed + decision.hostsOut, decision.hostsIn);
        placed += decision.targets.length > 0 ? 1 : 0;
      }
    }
    assert.ok(placed > 50, `only ${placed} requests found a host`);
  });
});
