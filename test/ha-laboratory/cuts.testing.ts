// Cuts one real host off from the management network, the tunnels, the shared storage or its BMC,
// in any combination, and restores the connections.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HaAgentSettings } from '#compose/local-ha-agent.ts';
import { isFault } from '#contracts/common/fault.ts';
import { orderTrouble } from '#hosts/bmc/bmc-trouble.ts';
import { hostPaths, networkPaths } from '#hosts/local/host-paths.ts';
import { runTool, tryTool } from '#hosts/local/run-tool.ts';

export const cuttable = ['management', 'tunnel', 'storage', 'bmc'] as const;
export type Cut = (typeof cuttable)[number];

export async function cut(dir: string, host: string, cuts: readonly Cut[]): Promise<void> {
  for (const each of cuts) await ways[each](dir, host, true);
}

/** Restores all connections. Safe to repeat, also for a host that has died meanwhile. */
export async function mend(dir: string, host: string): Promise<void> {
  for (const each of cuttable) await ways[each](dir, host, false);
}

type Way = (dir: string, host: string, isCut: boolean) => Promise<void>;

const ways: Record<Cut, Way> = {
  async management(dir, host, isCut) {
    const others = ['h1', 'h2']
      .filter((name) => name !== host)
      .map((name) => settingsOf(dir, name));
    const machine = new URL(settingsOf(dir, host).service).hostname;
    await blackhole(dir, host, [machine, ...others.map(({ address }) => address)], isCut);
  },
  async tunnel(dir, host, isCut) {
    const words = ['link', 'set', `tun${host.slice(1)}`, isCut ? 'down' : 'up'];
    await runTool('ip', ['-n', networkPaths(dir).netns, ...words]);
  },
  async storage(dir, host, isCut) {
    await blackhole(dir, host, [settingsOf(dir, host).share.server], isCut);
  },
  async bmc(dir, host, isCut) {
    orderTrouble(join(dir, 'bmcs', host), isCut ? { kind: 'dead' } : undefined);
  },
};

const settingsOf = (dir: string, host: string): HaAgentSettings =>
  JSON.parse(
    readFileSync(join(dir, 'hosts', host, 'ha-agent/settings.json'), 'utf8'),
  ) as HaAgentSettings; // cast: written by host-ha-agent.ts

/**
 * Cuts connections by blackhole routes in the host, since filer, machine and other hosts share one
 * network: the host's packets are dropped, so no connection can be made in either direction, and
 * open ones stall.
 */
async function blackhole(
  dir: string,
  host: string,
  addresses: readonly string[],
  isCut: boolean,
): Promise<void> {
  const paths = hostPaths(dir, host);
  assert.ok(!isFault(paths));
  const route = async (address: string): Promise<void> => {
    const words = ['-n', paths.netns, 'route', isCut ? 'replace' : 'del', 'blackhole', address];
    await (isCut ? runTool : tryTool)('ip', words);
  };
  await Promise.all(addresses.map(route));
}
