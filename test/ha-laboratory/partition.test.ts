// Every combination of connections from which a real host can be cut off, with a server that writes
// to a volume all the time: two copies of the server never run and never write; a server is
// evacuated exactly when it should be. Why each case ends as it does:
// docs/adr/0028-fencing-before-evacuation.md, the ladder, and
// docs/adr/0033-agents-within-hosts-watchdogs-outside.md.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { HaState } from '#contracts/ha/host-states.ts';
import type { HostDetail } from '#contracts/ha/wire.ts';
import { systemClock } from '#platform/clock.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestCloud } from '../e2e/cloud.testing.ts';
import { realCloudMissing, testCloud } from '../e2e/cloud.testing.ts';
import { imageIsLocked } from '../e2e/image-lock.testing.ts';
import type { Cut } from './cuts.testing.ts';
import { cut, cuttable, mend } from './cuts.testing.ts';
import type { StampingGuest } from './stamping-guest.testing.ts';
import { bootStampingGuest, watchCopies } from './stamping-guest.testing.ts';

const settleMs = 180_000;
const selfFencingMs = 15_000;
/**
 * How long connections stay cut: longer than the watchdog's limit plus the time that the HA Service
 * adds to it.
 */
const heldMs = 32_000;

type Fate =
  /** Its HA Agent's heartbeats arrive: nothing is done. */
  | 'watched'
  /** Fenced: its BMC cuts its power. */
  | 'redfish'
  /** Fenced by its own watchdog: its mark on the storage has stood still for long enough. */
  | 'storage'
  /**
   * Its server still writes and nothing can stop it: it is not evacuated until a person says so.
   */
  | 'FailedToFence';

/** What is cut and how that ends, the most dangerous combinations first. */
const rows: readonly (readonly [cuts: readonly Cut[], fate: Fate, why: string])[] = [
  [['management', 'bmc'], 'FailedToFence', 'its mark on the storage moves: its guests may write'],
  [['management', 'tunnel', 'bmc'], 'FailedToFence', 'as before: the tunnels prove nothing'],
  [['management', 'storage', 'bmc'], 'storage', 'cut off from everybody, its watchdog ends it'],
  [['management', 'tunnel', 'storage', 'bmc'], 'storage', 'as before'],
  [['management'], 'redfish', 'not heard, not reached by a neighbour; its BMC obeys'],
  [['management', 'tunnel'], 'redfish', 'as before'],
  [['management', 'storage'], 'redfish', 'as before; the BMC is sooner than the watchdog'],
  [['management', 'tunnel', 'storage'], 'redfish', 'as before'],
  [['storage', 'bmc'], 'watched', 'its agent is heard; the guest waits for its volume'],
  [['tunnel', 'storage', 'bmc'], 'watched', 'as before'],
  [['storage'], 'watched', 'as before'],
  [['tunnel', 'storage'], 'watched', 'as before'],
  [['bmc'], 'watched', 'its agent is heard, and its guest does not notice'],
  [['tunnel'], 'watched', 'as before'],
  [['tunnel', 'bmc'], 'watched', 'as before'],
  [[], 'watched', 'nothing is cut'],
];

describe('a host that is cut off from', { skip: realCloudMissing(), timeout: 3_500_000 }, () => {
  let cloud: TestCloud;
  let guest: StampingGuest;
  let host = 'h1';

  before(async () => {
    assert.equal(new Set(rows.map(([cuts]) => cuts.toSorted().join())).size, 2 ** cuttable.length);
    cloud = await testCloud();
    const settings = `ha:\n  enabled: true\n  selfFencingMs: ${selfFencingMs}\n`;
    writeFileSync(join(cloud.dir, 'cobalt.yaml'), settings, { mode: 0o600 });
    await cloud.up();
    guest = await bootStampingGuest(cloud, host);
  });
  after(async () => await cloud?.close());

  const detail = async (): Promise<HostDetail> =>
    JSON.parse(await cloud.cobalt('ha', 'status', host, '--json')) as HostDetail;
  const reaches = async (state: HaState): Promise<HostDetail> => {
    let last: HostDetail | undefined;
    return await eventually(
      async () => ((last = await detail()).state === state ? last : undefined),
      { withinMs: settleMs, everyMs: 500, what: `${host} is ${state}` },
    ).catch(async (error: unknown) => {
      const services = await cloud.openstack('compute', 'service', 'list', '--long');
      const server = await cloud.openstack('server', 'show', 'vm');
      assert.fail(`${String(error)}\n${JSON.stringify(last, null, 1)}\n${services}\n${server}`);
    });
  };
  const serves = async (): Promise<boolean> =>
    /enabled up/.test(
      await cloud.openstack(
        ...`compute service list --service nova-compute --host ${host} -f value -c Status -c State`.split(
          ' ',
        ),
      ),
    );
  const grows = async (place: number): Promise<void> => {
    const first = await guest.written(place);
    await eventually(async () => (await guest.written(place)) > first, {
      withinMs: settleMs,
      everyMs: 500,
      what: 'the guest writes on',
    });
    assert.ok(await imageIsLocked(cloud.dir, guest.volumeId), 'its volume is locked');
  };

  /**
   * The server stays: in the same process, on the same host, and it goes on writing when all
   * connections are restored.
   */
  async function stays(cuts: readonly Cut[], fate: Fate, place: number): Promise<void> {
    const before = guest.processes();
    const begunAtMs = systemClock.monotonicMs();
    const wallMs = Date.now();
    await cut(cloud.dir, host, cuts);
    if (fate === 'FailedToFence') await reaches('FailedToFence');
    if (!cuts.includes('storage')) await grows(place);
    await systemClock.sleep(Math.max(0, begunAtMs + heldMs - systemClock.monotonicMs()));
    const { state, moves, timeline } = await detail();
    if (fate === 'FailedToFence') assert.equal(state, fate);
    else
      assert.deepEqual(
        timeline.filter(({ atMs, what }) => atMs > wallMs && what.includes('Fencing')),
        [],
      );
    assert.deepEqual(
      moves.filter(({ startedAtMs }) => (startedAtMs ?? 0) > wallMs),
      [],
    );
    assert.deepEqual(guest.processes(), before);
    await mend(cloud.dir, host);
    await reaches('Healthy');
    await grows(place);
    assert.deepEqual(guest.processes(), before);
  }

  /**
   * The server moves to the other host; nothing of the old copy is written once the host is
   * reconnected.
   */
  async function moves(cuts: readonly Cut[], by: Fate, place: number): Promise<void> {
    const [before] = guest.processes();
    await cut(cloud.dir, host, cuts);
    const { timeline } = await reaches('Recovered');
    const fenced = timeline.findLast(({ what }) => what === 'Fencing → Fenced');
    assert.equal(fenced?.detail['by'], by);
    await guest.answers();
    assert.notEqual(guest.processes()[0], before);
    const last = await guest.written(place);
    const next = await guest.startWriter();
    await mend(cloud.dir, host);
    await systemClock.sleep(5_000);
    assert.ok(last > 3);
    assert.equal(await guest.written(place), last, 'what the guest before wrote last');
    await grows(next);
    await cloud.cobalt('ha', 'acknowledge', host);
    await reaches('Healthy');
    assert.equal((await cloud.virsh(host, 'list', '--all', '--uuid')).trim(), '');
    await eventually(serves, { withinMs: settleMs, everyMs: 1_000, what: `${host} serves` });
    host = host === 'h1' ? 'h2' : 'h1';
  }

  for (const [cuts, fate, why] of rows)
    it(`${cuts.length === 0 ? 'nothing' : cuts.join(', ')}: ${fate}, since ${why}`, async (t) => {
      await reaches('Healthy');
      await systemClock.sleep(5_000); // until its watchdog is armed and the service knows it
      const place = await guest.startWriter();
      const copies = watchCopies(guest);
      const begunAtMs = systemClock.monotonicMs();
      try {
        await (fate === 'redfish' || fate === 'storage' ? moves : stays)(cuts, fate, place);
      } finally {
        await mend(cloud.dir, host);
        assert.equal(await copies(), 1, 'copies of the server at a time');
      }
      t.diagnostic(`${Math.round((systemClock.monotonicMs() - begunAtMs) / 1_000)} s`);
    });
});
