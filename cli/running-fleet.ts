// Connects commands on hosts to a running cloud: to its Kubernetes API and OpenStack's APIs, as
// administrator.
import { cloudConfigSchema } from '#compose/config.ts';
import type { Home } from '#compose/home.ts';
import { readSecrets } from '#compose/home.ts';
import { connectKube } from '#compose/kube-connection.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { loadConfig } from '#platform/config/config.ts';
import type { Kube } from '#ports/kube.ts';
import { readChoices } from './choices.ts';
import type { CloudClient } from './cloud-client.ts';
import { connectCloud } from './cloud-client.ts';
import type { ControlProcess } from './control-process.ts';
import { findControl, findSupervisor } from './control-process.ts';
import { UserError } from './user-error.ts';

export interface RunningFleet {
  kube: Kube;
  cloud: CloudClient;
  /** Address of OpenStack's APIs. */
  origin: string;
  /** Availability zone of hosts whose Node names none. */
  zone: string;
}

const [startsWithinMs, pollEveryMs] = [60_000, 250];

/**
 * Runs `work` with the connections. Throws a UserError if the cloud does not run, or has no
 * Kubernetes API.
 */
export async function withFleet(
  home: Home,
  work: (fleet: RunningFleet) => Promise<void>,
): Promise<void> {
  if ((await readChoices(home.choices)).distributed)
    throw new UserError(
      'A distributed cloud has no Kubernetes API of its own yet, by which hosts are added, removed and emptied. Its number of hosts is set by: ./cobalt up --distributed --hosts N',
    );
  const control = await readyControl(home);
  const { api, nova } = await loadConfig(cloudConfigSchema, {
    file: home.configFile,
    env: process.env,
    prefix: 'COBALT',
  });
  const connection = await connectKube(home, api.host);
  if (!connection)
    throw new UserError(
      `The cloud in ${home.dir} was started by an earlier release, without a Kubernetes API: ./cobalt restart`,
    );
  try {
    const origin = `http://${api.host}:${control.port}`;
    const cloud = await connectCloud(origin, {
      name: 'admin',
      password: (await readSecrets(home.dir)).admin,
      project: 'admin',
    });
    await work({ kube: connection.kube, cloud, origin, zone: nova.defaultZone });
  } finally {
    connection.close();
  }
}

/** The control plane, once it is ready: waits while it starts or is being restarted. */
async function readyControl(home: Home): Promise<ControlProcess> {
  const deadline = systemClock.monotonicMs() + startsWithinMs;
  for (;;) {
    const control = await findControl(home.controlPid);
    if (control?.ready) return control;
    if (!control && !(await findSupervisor(home.supervisorPid)))
      throw new UserError(`No cloud runs in ${home.dir}. Start it first: ./cobalt up --detach`);
    if (systemClock.monotonicMs() > deadline)
      throw new UserError(
        `The cloud in ${home.dir} is still starting. Try again when ./cobalt status says that it is up.`,
      );
    await systemClock.sleep(pollEveryMs);
  }
}

/** The value of a call; a fault is thrown as a UserError with the API's message. */
export function answered<T>(outcome: Outcome<T>): T {
  if (isFault(outcome)) throw new UserError(outcome.message);
  return outcome;
}
