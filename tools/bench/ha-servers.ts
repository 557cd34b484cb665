// The six servers of `cobalt bench ha`: two boot from volumes, and each has a floating IP.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { repository } from '#cli/run-tool.ts';
import type { Guest } from '#test/e2e/network.testing.ts';
import { tenant } from '#test/e2e/network.testing.ts';
import type { BenchCloud } from './cloud.ts';

const run = promisify(execFile);
const settleMs = 300_000;

export type Hostname = 'h1' | 'h2';

export interface HaServers {
  /** Their floating IPs, by which they are pinged from outside. */
  addresses: readonly string[];
  /** Hard-reboots all servers at once; resolves when Nova has accepted the requests. */
  reset(): Promise<void>;
  /**
   * Writes the text from inside the guests to the volumes of the servers that boot from one;
   * resolves when the guests have flushed it (fsync).
   */
  write(text: string): Promise<void>;
  /** Number of volumes that do not contain the text. */
  damaged(text: string): Promise<number>;
  /** The host of each server according to Nova. */
  hosts(): Promise<string[]>;
}

export async function bootHaServers(cloud: BenchCloud, host: Hostname): Promise<HaServers> {
  const { admin } = cloud;
  const user = await tenant(cloud, 'admin');
  const { id: network } = await user.network('bench ha', ['10.75.0.0/24'], {
    router: await user.router(),
  });
  const group = 'bench-ha';
  const groupId = await user.groupNamed(group);
  await user.rule(groupId, { protocol: 'tcp', port_range_min: 22, port_range_max: 22 });
  await user.rule(groupId, { protocol: 'icmp' });
  const names = [1, 2].map((n) => `volume-${n}`);
  const volumes = await Promise.all(names.map(async (name) => await makeVolume(cloud, name)));
  const onVolume = async (name: string, volume: string): Promise<Guest> => {
    const { server } = await admin.ask<{ server: { id: string } }>(
      'compute',
      'POST',
      '/v2.1/servers',
      {
        server: {
          name,
          flavorRef: '42',
          key_name: 'e2e',
          networks: [{ uuid: network }],
          availability_zone: `nova:${host}`,
          security_groups: [{ name: group }],
          block_device_mapping_v2: [
            {
              boot_index: 0,
              uuid: volume,
              source_type: 'volume',
              destination_type: 'volume',
              delete_on_termination: true,
            },
          ],
        },
      },
    );
    return await user.reach(name, server.id);
  };
  const [onVolumes, others] = await Promise.all([
    Promise.all(volumes.map(async (id, index) => await onVolume(names[index] ?? '', id))),
    Promise.all(
      [1, 2, 3, 4].map(
        async (n) => await user.guest(`image-${n}`, network, { host, securityGroups: [group] }),
      ),
    ),
  ]);
  const all = [...onVolumes, ...others];
  /**
   * Runs a command in the guest; retried, since a guest answers pings before it accepts commands.
   */
  const command = async (guest: Guest, text: string): Promise<string> => {
    const startedAtMs = performance.now();
    for (;;) {
      const output = await guest.sh(text).catch((error: unknown) => {
        if (performance.now() - startedAtMs > settleMs) throw error;
      });
      if (output !== undefined) return output;
      await pause(500);
    }
  };
  return {
    addresses: all.map(({ floating }) => floating),
    async reset() {
      await Promise.all(
        all.map(
          async ({ id }) =>
            await admin.ask('compute', 'POST', `/v2.1/servers/${id}/action`, {
              reboot: { type: 'HARD' },
            }),
        ),
      );
    },
    async write(text) {
      const sent = `printf '%-32s' '${text}' | dd of=/dev/vda bs=1M seek=900 conv=notrunc,fsync`;
      await Promise.all(onVolumes.map(async (guest) => await command(guest, sent)));
    },
    async damaged(text) {
      const read = 'dd if=/dev/vda bs=1M skip=900 count=1 2>/dev/null | head -c 32';
      const found = await Promise.all(onVolumes.map(async (guest) => await command(guest, read)));
      return found.filter((each) => each.trim() !== text).length;
    },
    hosts: async () =>
      await Promise.all(
        all.map(async ({ id }) => {
          const path = `/v2.1/servers/${id}`;
          const { server } = await admin.ask<{ server: Record<string, string> }>(
            'compute',
            'GET',
            path,
          );
          return server['OS-EXT-SRV-ATTR:host'] ?? '';
        }),
      ),
  };
}

/** Creates a volume from the image `tiny`; returns its id once it is available. */
async function makeVolume({ admin }: BenchCloud, name: string): Promise<string> {
  const { images } = await admin.ask<{ images: { id: string }[] }>(
    'image',
    'GET',
    '/v2/images?name=tiny',
  );
  const { volume } = await admin.ask<{ volume: { id: string } }>('volume', 'POST', '/v3/volumes', {
    volume: { name, size: 1, imageRef: images[0]?.id ?? '' },
  });
  for (const startedAtMs = performance.now(); ; await pause(200)) {
    const shown = await admin.ask<{ volume: { status: string } }>(
      'volume',
      'GET',
      `/v3/volumes/${volume.id}`,
    );
    if (shown.volume.status === 'available') return volume.id;
    if (shown.volume.status === 'error' || performance.now() - startedAtMs > settleMs)
      throw new Error(`the volume ${name} is ${shown.volume.status}`);
  }
}

/** Pid of the host's init, outside its PID namespace. */
export async function initOf({ dir }: BenchCloud, host: Hostname): Promise<number> {
  const words = ['cli/main.ts', 'host', 'list', '--json', '--home', dir];
  const { stdout } = await run(process.execPath, words, { cwd: repository });
  const found = (JSON.parse(stdout) as { name: string; pid: number }[]).find(
    ({ name }) => name === host,
  );
  if (!found) throw new Error(`${host} has no init`);
  return found.pid;
}

/** UUIDs of all domains that libvirt has on the host, including those that are off. */
export async function guestsOf({ dir }: BenchCloud, host: Hostname): Promise<string[]> {
  const socket = join(dir, 'hosts', host, 'run/libvirt/libvirt-sock');
  const words = ['-q', '-c', `qemu+unix:///system?socket=${socket}`, 'list', '--all', '--uuid'];
  const { stdout } = await run('virsh', words, { timeout: 30_000 });
  return stdout.split('\n').filter((line) => line !== '');
}
