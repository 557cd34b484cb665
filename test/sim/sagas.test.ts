// Every saga of the control plane unwinds from every step, and every step may run twice. On
// a real control plane with three simulated hosts, driven by the public API. A saga or server
// action without a scenario fails the test.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { taskDuring } from '#contracts/nova/operations.ts';
import { everyStepTwice, exchangeable, failingAt, stepNames } from '#platform/saga/saga.testing.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { Scenario } from './saga-scenarios.ts';
import { changes, endScenario, playScenariosOn, scenarios, settleMs } from './saga-scenarios.ts';
import type { SimCloud } from './sim-cloud.ts';
import { startSimCloud } from './sim-cloud.ts';

let dir: string;
let cloud: SimCloud;
let originals: readonly AnySaga[] = [];
const variants = new Map<string, (variant: AnySaga) => void>();

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cobalt-sagas-'));
  cloud = await startSimCloud({
    dir,
    hosts: 3,
    control: {
      wrapSagas: (definitions) => {
        originals = [...originals, ...definitions]; // called once for each database with sagas
        return definitions.map((definition) => {
          const { saga, become } = exchangeable(definition);
          variants.set(definition.name, become);
          return saga;
        });
      },
    },
  });
  playScenariosOn(cloud);
});

after(async () => {
  await cloud?.stop();
  await rm(dir, { recursive: true, force: true });
});

/**
 * Runs the scenario with the changed saga. Returns how the server's last action ended, and the
 * server's status.
 */
async function play(
  scenario: Scenario,
  original: AnySaga,
  variant: AnySaga,
): Promise<{ status: string | undefined; why: string | undefined; message: string | null }> {
  const prepared = (await scenario.prepare?.()) ?? '';
  const become = variants.get(original.name);
  assert.ok(become);
  become(variant);
  try {
    const id = await scenario.begin(prepared);
    await cloud.quiet(settleMs);
    const server = await cloud.show(id);
    await endScenario();
    const { instanceActions } = (await cloud.compute('GET', `/servers/${id}/os-instance-actions`))
      .body as { instanceActions: { message: string | null; start_time: string }[] };
    become(original);
    // Whatever has happened to the server, its owner can delete it.
    await cloud.compute('DELETE', `/servers/${id}`);
    await cloud.quiet(settleMs);
    assert.equal(await cloud.show(id), undefined, 'gone in the end');
    return {
      status: server?.status,
      why: server?.fault?.message,
      message: instanceActions[0]?.message ?? null,
    };
  } finally {
    become(original);
  }
}

describe('every saga of the control plane', () => {
  it('has a scenario, and every server action too', () => {
    // Cinder's sagas are tested in services/cinder/sagas.test.ts.
    const names = cloud.plane.roles
      .flatMap((role) => role.sagas.map(({ name }) => name))
      .filter((name) => !name.startsWith('cinder.'));
    assert.ok(names.length >= 3);
    assert.deepEqual(names.sort(), Object.keys(scenarios).sort());
    assert.deepEqual(changes.map(({ title }) => title).sort(), Object.keys(taskDuring).sort());
  });

  for (const [name, list] of Object.entries(scenarios)) {
    for (const scenario of list) {
      it(`${name} (${scenario.title}) unwinds from every step`, async (t) => {
        const original = originals.find((definition) => definition.name === name);
        assert.ok(original);
        for (const [index, step] of stepNames(original).entries()) {
          for (const [how, variant] of [
            ['before', failingAt(original, index, 'before')],
            ['after', failingAt(original, index, 'after')],
            ['after, every step twice', failingAt(everyStepTwice(original), index, 'after')],
          ] as const) {
            await t.test(`${step}: ${how}`, async () => {
              const end = await play(scenario, original, variant);
              const { finishesFrom = '' } = scenario;
              const last = stepNames(original).indexOf(finishesFrom);
              const isFinished =
                last >= 0 && (index > last || (index === last && how !== 'before'));
              if (isFinished) assert.equal(end.status, scenario.ends);
              assert.equal(
                end.message,
                scenario.isUnlogged || isFinished ? null : 'Error',
                'the action log says that it failed',
              );
              if (end.status === 'ERROR') assert.match(end.why ?? '', /was made to fail/);
              if (end.status === undefined) assert.equal(name, 'nova.delete-server');
            });
          }
        }
      });

      it(`${name} (${scenario.title}) may run every step twice`, async () => {
        const original = originals.find((definition) => definition.name === name);
        assert.ok(original);
        const end = await play(scenario, original, everyStepTwice(original));
        assert.deepEqual(end, { status: scenario.ends, why: undefined, message: null });
      });
    }
  }
});
