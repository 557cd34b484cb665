// A server on a volume whose guest stamps that volume with a counter, in a place of its own for
// each start of the writer; and how many processes of the server there ever were at a time.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { systemClock } from '#platform/clock.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestCloud } from '../e2e/cloud.testing.ts';
import type { Guest } from '../e2e/network.testing.ts';
import { tenant } from '../e2e/network.testing.ts';

const settleMs = 180_000;
const lookMs = 200;
/** MiB into the volume, behind the image's file system. */
const firstPlace = 900;

export interface StampingGuest extends Guest {
  volumeId: string;
  /** Ends the writer before; the new one writes ten times a second to a place of its own. */
  startWriter(): Promise<number>;
  /** What the writer of that place wrote last, read past the guest's cache. */
  written(place: number): Promise<number>;
  /** The guest takes commands. */
  answers(): Promise<void>;
  /** Process ids of its QEMUs, on all hosts. */
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
        return false; // it has ended
      }
    });

/** Looks until it is told to end; the most processes that it has seen at a time. */
export function watchCopies(guest: Pick<StampingGuest, 'processes'>): () => Promise<number> {
  let [most, looks, isOver] = [0, 0, false];
  const watching = (async () => {
    for (; !isOver; await systemClock.sleep(lookMs)) {
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
