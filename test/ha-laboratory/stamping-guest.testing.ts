// A server that writes a counter to a volume, each start of its writer to a place of its own, and a
// watch for how many QEMU processes of the server exist at one time.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { systemClock } from '#platform/clock.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestCloud } from '../e2e/cloud.testing.ts';
import type { Guest } from '../e2e/network.testing.ts';
import { tenant } from '../e2e/network.testing.ts';

const settleMs = 180_000;
const pollEveryMs = 200;
/** Offset into the volume in MiB, beyond the image's file system. */
const firstPlace = 900;

export interface StampingGuest extends Guest {
  volumeId: string;
  /**
   * Ends the previous writer and starts a new one, which writes ten times a second. Returns its
   * place.
   */
  startWriter(): Promise<number>;
  /** The last value at that place, read past the guest's cache. */
  written(place: number): Promise<number>;
  /** Resolves when the guest accepts commands. */
  answers(): Promise<void>;
  /** Pids of its QEMU processes, on all hosts. */
  processes(): number[];
}

export async function bootStampingGuest(cloud: TestCloud, host: string): Promise<StampingGuest> {
  const admin = await tenant(cloud, 'admin');
  const network = (await admin.network('n', ['10.76.0.0/24'], { router: await admin.router() })).id;
  const group = await admin.groupNamed('reach');
  await admin.rule(group, { protocol: 'tcp', port_range_min: 22, port_range_max: 22 });
  await admin.rule(group, { protocol: 'icmp' });
  await cloud.openstack('volume', 'create', '--image=tiny', '--size=1', '--bootable', 'root');
  const shown = async (column: string): Promise<string> =>
    (await cloud.openstack('volume', 'show', 'root', '-f', 'value', '-c', column)).trim();
  await eventually(async () => (await shown('status')) === 'available', {
    withinMs: settleMs,
    everyMs: 500,
    what: 'the volume is made',
  });
  const words = `server create --flavor=m1.nano --volume=root --key-name=e2e --network=${network} --security-group=reach --availability-zone=nova:${host} -f value -c id vm`;
  const guest = await admin.reach('vm', (await cloud.openstack(...words.split(' '))).trim());
  const volumeId = await shown('id');
  let place = firstPlace;
  const written: StampingGuest['written'] = async (at) =>
    Number(
      await guest.sh(
        `echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/vda bs=1M skip=${at} count=1 2>/dev/null | head -c 10`,
      ),
    );
  return {
    ...guest,
    volumeId,
    written,
    async startWriter() {
      place += 1;
      const loop = `i=0; while :; do i=$((i+1)); printf "%010d" $i | dd of=/dev/vda bs=1M seek=${place} conv=notrunc,fsync 2>/dev/null; sleep 0.1; done`;
      await guest.sh(
        `[ ! -f /tmp/writer ] || kill $(cat /tmp/writer); (${loop}) >/dev/null 2>&1 </dev/null & echo $! >/tmp/writer`,
      );
      await eventually(async () => (await written(place)) > 3, {
        withinMs: settleMs,
        everyMs: 500,
        what: 'the guest writes',
      });
      return place;
    },
    answers: async () =>
      void (await eventually(async () => await guest.sh('true').then(() => true), {
        withinMs: settleMs,
        everyMs: 1_000,
        what: 'the server takes commands',
      })),
    processes: () => processesWith(`-uuid\0${guest.id}`),
  };
}

const processesWith = (argument: string): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        return pid > 0 && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(argument);
      } catch {
        return false; // the process has ended
      }
    });

/**
 * Polls until the returned function is called, which gives the greatest number of processes seen at
 * once.
 */
export function watchCopies(guest: Pick<StampingGuest, 'processes'>): () => Promise<number> {
  let [most, looks, isOver] = [0, 0, false];
  const watching = (async () => {
    for (; !isOver; await systemClock.sleep(pollEveryMs)) {
      most = Math.max(most, guest.processes().length);
      looks += 1;
    }
  })();
  return async () => {
    isOver = true;
    await watching;
    assert.ok(looks > 10, `${looks} looks`);
    return most;
  };
}
