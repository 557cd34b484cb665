// Creates the Hypervisor Operator of an embedded cloud, with its clients of OpenStack and
// Kubernetes. Used by embedded.ts.
import type { ServiceSession } from '#openstack/auth/service-session.ts';
import { itself } from '#openstack/clients/call.ts';
import { neutronAgentsClient } from '#openstack/clients/neutron-agents.ts';
import { novaFleetClient } from '#openstack/clients/nova-fleet.ts';
import { placementClient } from '#openstack/clients/placement.ts';
import { operatorDefaults } from '#operators/hypervisor-operator/deps.ts';
import type { HypervisorOperator } from '#operators/hypervisor-operator/operator.ts';
import { startHypervisorOperator } from '#operators/hypervisor-operator/operator.ts';
import type { Clock } from '#platform/clock.ts';
import type { Log } from '#platform/log.ts';
import type { Metrics } from '#platform/metrics/metrics.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Kubernetes } from './kubernetes.ts';

export interface OperatorSurroundings {
  kubernetes: Pick<Kubernetes, 'kubeFor'>;
  plane: Pick<ControlPlane, 'http'>;
  /** An administrator's session. */
  session: ServiceSession;
  clock: Clock;
  log: Log;
  metrics: Metrics;
}

export function startOperator({
  kubernetes: { kubeFor },
  plane,
  session,
  clock,
  log,
  metrics,
}: OperatorSurroundings): HypervisorOperator {
  const client = { http: plane.http, session };
  return startHypervisorOperator({
    kubeFor,
    nova: novaFleetClient(client),
    network: neutronAgentsClient(client),
    placement: placementClient(client, itself),
    clock,
    log: log.child({ component: 'hypervisor-operator' }),
    metrics,
    config: operatorDefaults,
  });
}
