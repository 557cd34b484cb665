// The Hypervisor Operator: watches nodes, hypervisors and evictions, and queues them for the
// controllers. Started by compose in the process of an embedded cloud.
import { evictions, hypervisors, nodes } from '#contracts/kube/kinds.ts';
import { createQueueMetrics } from '#platform/reconcile/queue-metrics.ts';
import type { WorkQueue } from '#platform/reconcile/work-queue.ts';
import { createWorkQueue } from '#platform/reconcile/work-queue.ts';
import { aggregatesController } from './controllers/aggregates.ts';
import type { Controller, ControllerDeps, World } from './controllers/controller.ts';
import { evictionController } from './controllers/eviction.ts';
import { maintenanceController } from './controllers/maintenance.ts';
import { nodeLifecycleController } from './controllers/node-lifecycle.ts';
import { nodeController } from './controllers/node.ts';
import { offboardingController } from './controllers/offboarding.ts';
import { onboardingController } from './controllers/onboarding.ts';
import { readyController } from './controllers/ready.ts';
import { taintedController } from './controllers/tainted.ts';
import { traitsController } from './controllers/traits.ts';
import type { OperatorDeps } from './deps.ts';
import { exposeResources } from './resource-metrics.ts';

/**
 * Controllers by field manager name (the owner in server-side apply), as in the original operator.
 */
const controllers: Readonly<Record<string, (deps: ControllerDeps) => Controller>> = {
  hypervisor: nodeController,
  onboarding: onboardingController,
  HypervisorMaintenance: maintenanceController,
  eviction: evictionController,
  traits: traitsController,
  aggregates: aggregatesController,
  maintenance: nodeLifecycleController,
  offboarding: offboardingController,
  HypervisorTaint: taintedController,
  ready: readyController,
};

/** All objects are reconciled again at this interval, in case an event was missed. */
const resyncMs = 60_000;

export interface HypervisorOperator {
  stop(): Promise<void>;
}

export function startHypervisorOperator(deps: OperatorDeps): HypervisorOperator {
  const { clock, log } = deps;
  const queues: WorkQueue[] = [];
  // Eviction, Hypervisor and Node share one name, so every change wakes all controllers for that
  // name.
  const wake = (name: string): void => {
    for (const queue of queues) queue.add(name);
  };
  const kube = deps.kubeFor('hypervisor-operator');
  const onTrouble = (fault: { message: string }): void =>
    log.warn({ why: fault.message }, 'the Kubernetes API does not answer');
  const world: World = {
    nodes: kube.follow(nodes, { onChange: ({ metadata }) => wake(metadata.name ?? ''), onTrouble }),
    hypervisors: kube.follow(hypervisors, {
      onChange: ({ metadata }) => wake(metadata.name ?? ''),
      onTrouble,
    }),
    evictions: kube.follow(evictions, {
      onChange({ metadata, spec }) {
        wake(metadata.name ?? '');
        wake(spec.hypervisor);
      },
      onTrouble,
    }),
  };
  if (deps.metrics) exposeResources(deps.metrics, world);
  const queueMetrics = deps.metrics && createQueueMetrics(deps.metrics);
  const isReady = Promise.all(Object.values(world).map(async ({ ready }) => await ready));
  for (const [manager, make] of Object.entries(controllers)) {
    const controller = make({ ...deps, kube: deps.kubeFor(manager), world });
    queues.push(
      createWorkQueue(clock, {
        ...(queueMetrics ? { metrics: { of: queueMetrics, name: manager } } : {}),
        async work(name) {
          // Controllers wait until all watches are synced, so that none decides on incomplete data.
          await isReady;
          return await controller.reconcile(name);
        },
        onError: (name, error, attempt) =>
          log.warn(
            { controller: manager, name, attempt, why: (error as Error).message },
            'a look failed; it is repeated',
          ),
      }),
    );
  }
  const resync = clock.every(
    resyncMs,
    () => {
      for (const { list } of [world.nodes, world.hypervisors, world.evictions])
        for (const { metadata } of list()) wake(metadata.name ?? '');
    },
    { onError: () => undefined },
  );
  return {
    async stop() {
      await resync.stop();
      await Promise.all(queues.map(async (queue) => await queue.stop()));
      await Promise.all(Object.values(world).map(async (each) => await each.stop()));
    },
  };
}
