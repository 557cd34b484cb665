// The storage pools: capacities and capabilities of the backends, as cinder-scheduler reports them.
// https://docs.openstack.org/api-ref/block-storage/v3/#back-end-storage-pools
import type { Pool } from '#contracts/cinder/scheduler-rpc.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { booleanOf } from '#openstack/http/lenient-values.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { overSubscription, serviceHostOf } from '../domain/pick-pool.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { chosenPools } from './pool-list.ts';
import { first } from './request.ts';
import type { Request } from './request.ts';
import { timeText } from './times.ts';

/** Longer than cinder-scheduler waits for cinder-volume. */
export const schedulerTimeoutMs = 20_000;

/** All pools whose backend has ever answered. Faults: those of the RPC to cinder-scheduler. */
export const allPools = async (
  { scheduler }: HandlerDeps,
  { id: requestId }: Request,
): Promise<Outcome<readonly Pool[]>> =>
  await scheduler.call('pools', {}, { timeoutMs: schedulerTimeoutMs, requestId });

export function poolRoutes(deps: HandlerDeps): readonly Route[] {
  const { clock } = deps;
  return [
    route('GET', '/scheduler-stats/get_pools', {
      policy: 'scheduler_extension:scheduler_stats:get_pools',
      handler: async (request) => {
        const detail = booleanOf(first(request, 'detail') ?? 'false');
        if (detail === undefined)
          return fault(
            'badRequest',
            `Value '${first(request, 'detail')}' for 'detail' is not a boolean.`,
          );
        const all = await allPools(deps, request);
        const pools = isFault(all) ? all : await chosenPools(deps, request, all);
        if (isFault(pools)) return pools;
        return {
          status: 200,
          body: {
            pools: pools.map((pool) => ({
              name: pool.host,
              ...(detail
                ? {
                    capabilities: {
                      volume_backend_name: pool.backend,
                      pool_name: pool.backend,
                      vendor_name: pool.vendorName,
                      driver_version: pool.driverVersion,
                      storage_protocol: pool.storageProtocol,
                      total_capacity_gb: pool.totalGib,
                      free_capacity_gb: pool.freeGib,
                      provisioned_capacity_gb: pool.provisionedGib,
                      allocated_capacity_gb: pool.provisionedGib,
                      reserved_percentage: 0,
                      max_over_subscription_ratio: String(overSubscription),
                      thin_provisioning_support: true,
                      thick_provisioning_support: false,
                      multiattach: false,
                      QoS_support: false,
                      online_extend_support: true,
                      backend_state: pool.answers ? 'up' : 'down',
                      location_info: '',
                      timestamp: timeText(clock.now()),
                    },
                  }
                : {}),
            })),
          },
        };
      },
    }),
    route('GET', '/capabilities/:id', {
      policy: 'volume_extension:capabilities',
      faults: ['notFound'],
      handler: async (request) => {
        const wanted = request.params['id'] ?? '';
        const pools = await allPools(deps, request);
        if (isFault(pools)) return pools;
        const pool = pools.find(({ host }) => host === wanted || serviceHostOf(host) === wanted);
        if (!pool)
          return fault('notFound', `Service cinder-volume could not be found on host ${wanted}.`);
        return {
          status: 200,
          body: {
            namespace: `OS::Storage::Capabilities::${serviceHostOf(pool.host)}`,
            vendor_name: pool.vendorName,
            volume_backend_name: pool.backend,
            pool_name: pool.backend,
            driver_version: pool.driverVersion,
            storage_protocol: pool.storageProtocol,
            display_name: null,
            description: null,
            visibility: null,
            replication_targets: [],
            properties: {
              thin_provisioning: {
                title: 'Thin Provisioning',
                description: 'Sets thin provisioning.',
                type: 'boolean',
              },
            },
          },
        };
      },
    }),
  ];
}
