// What comes before the control plane of a cloud on this machine, whether it is one process or
// many: the state folder, the settings, and the network and filer below the hosts.
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
  /** Overrides the setting of cobalt.yaml. */
  acceleration?: AccelerationSetting | undefined;
  log: Log;
  env: Readonly<Record<string, string | undefined>>;
  /**
   * Told when a step has ended; `failed`: it did not do what it should, and why. The cloud runs
   * without.
   */
  onStep(step: string, ms: number, failed?: string): void;
}

export interface RunningCloud {
  origin: string;
  identityUrl: string;
  /** Hosts whose agents have not registered yet; they go on trying. */
  lateHosts: string[];
  /** New requests are refused, running steps end, agents stop. Guests run on. */
  stop(): Promise<void>;
}

// A host that has not come by now is reported and left to its retries: work for the others must not
// wait longer.
export const hostsReadyMs = 10_000;

/** The real network and storage that hosts have. */
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
  /** Of guests on real hosts. */
  acceleration: 'kvm' | 'tcg';
  /** null: all hosts are simulated. */
  below: CloudBelow | null;
  /** Reports the step that ends now. */
  step(name: string, failed?: string): void;
}

/** A fault tells what a person can do about it. */
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

/** For clients on this machine: `openstack --os-cloud cobalt`, and `cobalt-demo`. */
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
