// A host migrates only a limited number of guests at a time; the others wait, and can be aborted
// while they do.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createSimHypervisor } from '#adapters/sim/sim-hypervisor.ts';
import { inMemoryStore } from '#adapters/sim/sim-world.ts';
import { isFault } from '#contracts/common/fault.ts';
import { disklessGuest } from '#contracts/nova/diskless-guest.testing.ts';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import { ok } from '#ports/hypervisor-fixture.testing.ts';
import { novaAgentDefaults } from './deps.ts';
import { createGuestMigrations } from './migrate-guests.ts';

it('sends one guest at a time, and gives up one that waits', async () => {
  const clock = createFakeClock();
  const store = inMemoryStore();
  const open = (hostname: string) =>
    createSimHypervisor({ hostname, migrateMs: 3_000 }, { store, clock });
  const [source, destination] = [open('h1'), open('h2')];
  const config = { ...novaAgentDefaults, host: 'h1', version: 'test' };
  const migrations = createGuestMigrations({ hypervisor: source, clock, config });
  const specs = ['first', 'second', 'third'].map((uuid) => disklessGuest({ uuid }));
  const moves: ((waitMs: number) => ReturnType<typeof migrations.run>)[] = [];
  for (const spec of specs) {
    ok(await source.create(spec));
    const arrival = ok(
      await destination.prepareArrival(spec, ok(await source.departure(spec.uuid))),
    );
    const terms = {
      arrival,
      autoConverge: false,
      permitPostCopy: false,
      bandwidthMib: 0,
      completionTimeoutMs: 0,
      timeoutAction: 'abort' as const,
    };
    moves.push((waitMs: number) => migrations.run(spec.uuid, terms, waitMs));
  }
  const states = async () =>
    await Promise.all(
      moves.map(async (move) => {
        const answer = await move(500);
        return isFault(answer) ? answer.kind : answer.state;
      }),
    );
  assert.deepEqual(await states(), ['moving', 'queued', 'queued']);
  assert.equal(await migrations.abort('second'), undefined);
  await clock.sleep(0);
  assert.equal(await source.state('second'), 'running');
  await clock.sleep(3_000);
  const third = await moves[2]?.(10_000);
  assert.deepEqual(third, { state: 'left', progress: null });
  assert.equal(await destination.state('first'), 'running');
  assert.equal(await destination.state('second'), 'absent');
  clock.stop();
});
