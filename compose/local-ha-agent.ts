// The HA Agent of a local host, which runs within the host: its settings, and where it reports to.
// Used by keep-local-host.ts, by embedded and distributed clouds, and by the agent's process.
import { join } from 'node:path';
import type { HostHaAgent } from '#hosts/local/host-ha-agent.ts';
import { watchdogFile } from '#hosts/local/host-watchdog.ts';
import { filerFacts } from '#hosts/local/local-filer.ts';
import type { LocalHost } from '#hosts/local/local-hosts.ts';
import type { NetworkFacts } from '#hosts/local/network-facts.ts';
import { machineAddress, managementAddress } from '#hosts/local/underlay.ts';
import type { Secret } from '#platform/log.ts';
import { version } from './version.ts';

/** The settings of a local host's HA Agent: written as JSON, read by ha-agent-process.ts. */
export interface HaAgentSettings {
  /** Version of the release: when it changes, the agent restarts. */
  version: string;
  host: string;
  /** Written by the host's init with a new content in each boot. */
  bootFile: string;
  /** The address at which other hosts reach this one. */
  address: string;
  /** The root URL of the HA Service. */
  service: string;
  /** The host's own secret, by which the HA Service knows the agent. */
  secret: string;
  libvirtSocket: string;
  /** The file by which the agent feeds the host's watchdog. */
  watchdogFile: string;
  /** After this time without contact the watchdog ends the host's guests; null: it is not armed. */
  selfFencingMs: number | null;
  /** The NFS share on which the hosts write their marks. */
  share: { server: string; path: string };
}

/** The port for HA heartbeats, at the machine's address in the management network of this cloud. */
export const haAgentsPort = 15_868; // masakari's port

/** The only path served there: hosts must not reach other APIs by it. */
export const haAgentPath = /^\/ha\/api\/hosts\/[a-z0-9.-]+\/heartbeats$/;

export function localHaAgent(
  { name, dir, libvirtSocket }: Pick<LocalHost, 'name' | 'dir' | 'libvirtSocket'>,
  {
    index,
    network,
    secret,
    selfFencingMs,
  }: { index: number; network: NetworkFacts; secret: Secret; selfFencingMs: number | null },
): HostHaAgent {
  const { server, share } = filerFacts(network);
  const settings: HaAgentSettings = {
    version,
    host: name,
    bootFile: join(dir, 'init.pid'),
    address: managementAddress(network, index),
    service: `http://${machineAddress(network)}:${haAgentsPort}/ha`,
    secret: secret.reveal(),
    libvirtSocket,
    watchdogFile: watchdogFile({ dir }),
    selfFencingMs,
    share: { server, path: share },
  };
  const cache = process.env['NODE_COMPILE_CACHE'];
  const command = [
    '/usr/bin/env',
    'MALLOC_ARENA_MAX=2',
    'UV_THREADPOOL_SIZE=2',
    ...(cache === undefined ? [] : [`NODE_COMPILE_CACHE=${cache}`]),
    process.execPath,
    '--max-semi-space-size=1',
    '--max-old-space-size=64',
    join(import.meta.dirname, 'ha-agent-process.ts'),
  ];
  return { command, settings };
}
