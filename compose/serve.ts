// One process of a distributed cloud: the configured roles, over MariaDB and RabbitMQ, and the
// agents of hosts. Used by `cobalt serve`.
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { createSocketClient } from '#openstack/http/client.ts';
import type { Clock } from '#platform/clock.ts';
import { systemClock } from '#platform/clock.ts';
import { ConfigError } from '#platform/config/config.ts';
import { takeLock } from '#platform/exclusive-lock.ts';
import { systemIds } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import { createMetrics } from '#platform/metrics/metrics.ts';
import { createControlPlane } from './control-plane.ts';
import type { Health } from './health.ts';
import { createHealth } from './health.ts';
import { prepareHome } from './home.ts';
import { listen } from './listen.ts';
import type { Peers } from './peers.ts';
import { connectPeers, networkOf, storageOf } from './peers.ts';
import type { ProcessConfig } from './process-config.ts';
import { endpointsOf, secretsIn } from './process-config.ts';
import type { RoleName } from './roles/table.ts';
import { databasesOf, roleNames } from './roles/table.ts';
import { startHostAgents } from './serve-agents.ts';

/** Parts that are not roles of services. */
const otherParts = ['console-proxy', 'local-host', 'simulated-hosts'] as const;
type OtherPart = (typeof otherParts)[number];
/** What a process can be told to run: the arguments of `cobalt serve`. */
export type Part = RoleName | OtherPart;
export const parts: readonly Part[] = [...roleNames, ...otherParts];

export interface ServeOptions {
  parts: readonly Part[];
  homeDir: string;
  config: ProcessConfig;
  log: Log;
  /** Aborts the wait for peers. */
  signal?: AbortSignal;
  /** Called again and again while peers that the process needs do not answer. */
  onWait(troubles: readonly { peer: string; trouble: string }[]): void;
}

export interface RunningProcess {
  name: string;
  /** The address on which it listens; undefined: nowhere. */
  address: string | undefined;
  /** Refuses new work, lets work in progress end or releases it, then resolves. */
  stop(): Promise<void>;
}

const peersPollMs = 1_000;
const requestsEndWithinMs = 30_000;
/** Pause of `stop` after /readyz starts to refuse: time for a load balancer to notice. */
const drainNoticeMs = 1_000;

/**
 * Starts the process. Waits for unreachable peers; a fault or ConfigError means that starting again
 * would not help. Nothing keeps running after an error.
 */
export async function serve(options: ServeOptions): Promise<Outcome<RunningProcess>> {
  const { config, log } = options;
  const [clock, ids, metrics] = [systemClock, systemIds, createMetrics()];
  const wanted = roleNames.filter((name) => options.parts.includes(name));
  const runs = (part: Part): boolean => options.parts.includes(part);
  const closers: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  const home = await prepareHome(options.homeDir);
  if (isFault(home)) return home;
  const name = config.process.name || defaultName(options.parts);
  await mkdir(home.processLocks, { recursive: true, mode: 0o700 });
  const lock = takeLock(join(home.processLocks, `${name}.lock`));
  if (!lock)
    return fault(
      'conflict',
      `A process called ${name} already runs in ${home.dir}. Give this one a name of its own: process.name, or --name`,
    );
  closers.push(async () => lock.release());
  try {
    const secrets = await secretsIn(config, home);
    const peers = await connectPeers({ config, home, clock, ids, log, metrics });
    closers.push(async () => await peers.close());
    const databases = databasesOf(runs('console-proxy') ? [...wanted, 'nova-api'] : wanted);
    const health = createHealth(peers.of(databases), { clock, metrics });
    await peersAnswer(health, peers, options, clock);
    const http = createSocketClient(endpointsOf(config), clock);
    const plane = await createControlPlane({
      home,
      secrets,
      config,
      origin: config.cloud.origin,
      network: await networkOf(config, wanted, { clock, log }),
      storage: await storageOf(config, wanted, { home, clock, ids, log }),
      clock,
      ids,
      log,
      metrics,
      bus: peers.bus,
      openDatabase: peers.openDatabase,
      processName: name,
      roleNames: wanted,
      http,
      schema: 'require',
      keystone: { shared: true },
    });
    closers.push(async () => await plane.close());
    const server = await listen(options, plane, health, clock);
    if (isFault(server)) {
      await stop();
      return server;
    }
    plane.tasks.start();
    await plane.sagas.start();
    const hosts = await startHostAgents(options, {
      plane,
      home,
      metrics,
      clock,
      ids,
      log,
      secrets,
    });
    return {
      name,
      address: server && `${config.listen.host}:${server.port}`,
      async stop() {
        health.drain();
        if (server) {
          await clock.sleep(drainNoticeMs);
          await server.close(requestsEndWithinMs);
        }
        await Promise.all(hosts.map(async (host) => await host.stop()));
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * The process's name by default; unique among the cloud's machines, since it is the owner of sagas
 * and leases.
 */
const defaultName = (parts: readonly Part[]): string => `${hostname()}-${parts[0]}`;

/**
 * Waits until all peers answer. ConfigError: a peer refuses this process's configuration, e.g. its
 * password. Rejects when the signal aborts.
 */
async function peersAnswer(
  health: Health,
  peers: Peers,
  { onWait, signal }: ServeOptions,
  clock: Clock,
): Promise<void> {
  for (;;) {
    const troubles = await health.troubles();
    if (troubles.length === 0) return;
    const refusingPeer = troubles.find(({ trouble }) => peers.isRefusal(trouble));
    if (refusingPeer) throw new ConfigError(`${refusingPeer.peer}: ${refusingPeer.trouble}`);
    onWait(troubles);
    await clock.sleep(peersPollMs, signal ? { signal } : {});
  }
}
