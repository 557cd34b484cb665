// The control plane of a simulated cloud: one process of it or several, on the same databases, with
// one bus between them and the agents. A request goes to any of the processes, as behind a load
// balancer. Used by sim-cloud.ts.
import type { CloudConfig } from '#compose/config.ts';
import type { ControlPlane, ControlPlaneDeps } from '#compose/control-plane.ts';
import { createControlPlane } from '#compose/control-plane.ts';
import type { Home, Secrets } from '#compose/home.ts';
import type { StorageBelow } from '#compose/process.ts';
import { seedCloud } from '#compose/seed.ts';
import type { HttpClient } from '#openstack/http/client.ts';
import type { Bus } from '#platform/bus/bus.ts';
import { createInProcessBus } from '#platform/bus/in-process-bus.ts';
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import type { Metrics } from '#platform/metrics/metrics.ts';

export interface SimControlOptions {
  home: Home;
  secrets: Secrets;
  config: CloudConfig;
  clock: Clock;
  ids: Ids;
  log: Log;
  metrics?: Metrics;
  network: ControlPlaneDeps['network'];
  storage: StorageBelow;
  keystone?: ControlPlaneDeps['keystone'];
  wrapSagas?: ControlPlaneDeps['wrapSagas'];
  /** Stand between the parts of the cloud: messages may be late, and overtake each other. */
  wrapBus?: (bus: Bus) => Bus;
  wrapHttp?: (http: HttpClient) => HttpClient;
  processes: number;
}

export interface SimControl {
  /** The processes; at least one. */
  planes: readonly [ControlPlane, ...ControlPlane[]];
  bus: Bus;
  /** Reaches any of them. */
  http: HttpClient;
  close(): Promise<void>;
}

const origin = 'http://sim';

export async function startSimControl(options: SimControlOptions): Promise<SimControl> {
  const { home, secrets, config, clock, ids, log, processes } = options;
  const plainBus = createInProcessBus({
    log,
    clock,
    ids,
    ...(options.metrics ? { observe: options.metrics.rpc } : {}),
  });
  const bus = options.wrapBus?.(plainBus) ?? plainBus;
  const planeOf = async (index: number): Promise<ControlPlane> =>
    await createControlPlane({
      home,
      secrets,
      config,
      origin,
      network: options.network,
      storage: options.storage,
      clock,
      ids,
      log: processes === 1 ? log : log.child({ process: index }),
      bus,
      processName: `control-${index}`,
      keystone: { ...options.keystone, shared: processes > 1 },
      ...(options.metrics ? { metrics: options.metrics } : {}),
      ...(options.wrapSagas ? { wrapSagas: options.wrapSagas } : {}),
      ...(options.wrapHttp ? { wrapHttp: options.wrapHttp } : {}),
    });
  const first = await planeOf(1);
  await seedCloud(first.process);
  const planes: [ControlPlane, ...ControlPlane[]] = [first];
  while (planes.length < processes) planes.push(await planeOf(planes.length + 1));
  return {
    planes,
    bus,
    http: {
      send: async (call) => {
        const plane =
          planes.length === 1 ? first : planes[Math.floor(ids.random() * planes.length)];
        return await (plane ?? first).http.send(call);
      },
    },
    async close() {
      for (const plane of planes) await plane.close();
      await bus.close();
    },
  };
}
