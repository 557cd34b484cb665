// The steps before the control plane starts, for embedded and distributed clouds on this machine:
// state folder, settings, and the network and filer for local hosts.
import { isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import type { FilerFacts } from '#hosts/local/local-filer.ts';
import { createLocalFiler } from '#hosts/local/local-filer.ts';
import { createLocalNetwork } from '#hosts/local/local-network.ts';
import type { NetworkFacts } from '#hosts/local/network-facts.ts';
import type { AccelerationSetting } from '#hosts/local/probe-acceleration.ts';
import { systemClock } from '#platform/clock.ts';
import { loadConfig } from '#platform/config/config.ts';
import type { Log } from '#platform/log.ts';
import { chooseAcceleration } from './acceleration.ts';
import type { CloudConfig } from './config.ts';
import { cloudConfigSchema } from './config.ts';
import type { Home, Secrets } from './home.ts';
import { prepareHome, readSecrets, writeCloudsYaml } from './home.ts';
import { checkDatabases, prepareConversions, tightenModes } from './state-files.ts';

export interface CloudOptions {
  homeDir: string;
  port: number;
  localHosts: number;
  simulatedHosts: number;
  /** Overrides the setting in cobalt.yaml. */
  acceleration?: AccelerationSetting | undefined;
  log: Log;
  env: Readonly<Record<string, string | undefined>>;
  /**
   * Called when a step has ended. `failed`: why the step did not succeed; the cloud starts without
   * what the step provides.
   */
  onStep(step: string, ms: number, failed?: string): void;
}

export interface RunningCloud {
  origin: string;
  identityUrl: string;
  /** Hosts whose agents have not registered yet; they go on trying. */
  lateHosts: string[];
  /** Refuses new requests, lets running steps end, and stops the agents. Guests go on running. */
  stop(): Promise<void>;
}

// How long the start waits for hosts. A host that is late is reported and keeps retrying, so that
// it does not hold up work for the other hosts.
export const hostsReadyMs = 10_000;

/** The network and the storage of local hosts. */
export interface CloudBelow {
  network: NetworkFacts;
  filer: FilerFacts;
}

export interface PreparedCloud {
  home: Home;
  config: CloudConfig;
  secrets: Secrets;
  origin: string;
  identityUrl: string;
  /** Accelerator of guests on local hosts. */
  acceleration: 'kvm' | 'tcg';
  /** What local hosts need; null if all hosts are simulated. */
  below: CloudBelow | null;
  /** Reports that the present step has ended. */
  step(name: string, failed?: string): void;
}

/** Prepares a cloud step by step. A fault's message tells what a person can do about it. */
export async function prepareCloud(options: CloudOptions): Promise<Outcome<PreparedCloud>> {
  const { log, onStep } = options;
  const clock = systemClock;
  let stepStartedAt = clock.monotonicMs();
  const step = (name: string, failed?: string): void => {
    const now = clock.monotonicMs();
    onStep(name, Math.round(now - stepStartedAt), failed);
    stepStartedAt = now;
  };
  const home = await prepareHome(options.homeDir);
  if (isFault(home)) return home;
  for (const path of await tightenModes(home))
    log.warn({ path }, 'others could read this; now only its owner can');
  await prepareConversions(home);
  const databases = await checkDatabases(home);
  if (isFault(databases)) return databases;
  const config = await loadConfig(cloudConfigSchema, {
    file: home.configFile,
    env: options.env,
    prefix: 'COBALT',
  });
  const secrets = await readSecrets(options.homeDir);
  const origin = `http://${config.api.host}:${options.port}`;
  const acceleration =
    options.localHosts > 0
      ? await chooseAcceleration(options.acceleration ?? config.acceleration, {
          home,
          log: log.child({ component: 'images' }),
        })
      : null;
  if (isFault(acceleration)) return acceleration;
  if (acceleration) {
    log.info(acceleration, 'acceleration');
    step(
      acceleration.kind === 'kvm' ? 'acceleration: KVM' : 'acceleration: none, guests are emulated',
    );
  }
  const network =
    options.localHosts > 0
      ? await createLocalNetwork({
          stateDir: options.homeDir,
          log: log.child({ component: 'hosts' }),
          clock,
        }).start({ publicCidr: config.neutron.publicCidr || null })
      : null;
  if (isFault(network)) return network;
  if (network) step(`network (external: ${network.publicCidr})`);
  const filer = network
    ? await createLocalFiler({
        stateDir: options.homeDir,
        log: log.child({ component: 'hosts' }),
        clock,
      }).start(network)
    : null;
  if (isFault(filer)) return filer;
  if (filer) step('filer');
  return {
    home,
    config,
    secrets,
    origin,
    identityUrl: `${origin}/identity/v3`,
    acceleration: acceleration?.kind ?? 'tcg',
    below: network && filer ? { network, filer } : null,
    step,
  };
}

/**
 * Writes clouds.yaml for clients on this machine: `openstack --os-cloud cobalt` and `cobalt-demo`.
 */
export async function writeClients({
  home,
  config,
  secrets,
  identityUrl,
}: PreparedCloud): Promise<void> {
  await writeCloudsYaml(home.cloudsYaml, identityUrl, config.api.region, [
    { cloud: 'cobalt', name: 'admin', password: secrets.admin, project: 'admin' },
    { cloud: 'cobalt-demo', name: 'demo', password: secrets.demo, project: 'demo' },
  ]);
}
