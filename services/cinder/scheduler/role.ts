// The role cinder-scheduler: lists the pools, and chooses one for a volume. Any number of processes
// may run: each holds nothing but a cache of figures.
import type { CinderSchedulerRpc } from '#contracts/cinder/scheduler-rpc.ts';
import { cinderSchedulerTopic } from '#contracts/cinder/scheduler-rpc.ts';
import type { CinderVolumeRpc } from '#contracts/cinder/volume-rpc.ts';
import { cinderVolumeTopic } from '#contracts/cinder/volume-rpc.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Role } from '#openstack/role.ts';
import { rpcClient, rpcServer } from '#platform/bus/contract.ts';
import type { CinderDeps } from '../deps.ts';
import { pickPool } from '../domain/pick-pool.ts';
import { recordHeartbeat } from '../store/services.ts';
import { extraSpecsOf, findType } from '../store/types.ts';
import { requireVolume } from '../store/volumes.ts';
import { watchPools } from './pools.ts';

export type CinderSchedulerDeps = Pick<CinderDeps, 'database' | 'bus' | 'clock' | 'config'>;

export interface CinderScheduler extends Role {
  /** Adds the scheduler to the service list at the start of a cloud; a task repeats it. */
  reportAlive(): Promise<void>;
}

export function createCinderScheduler(deps: CinderSchedulerDeps): CinderScheduler {
  const { db } = deps.database;
  const { clock, config } = deps;
  const service = {
    binary: 'cinder-scheduler',
    host: config.controlHost,
    zone: config.defaultZone,
  };
  const reportAlive = async (): Promise<void> => await recordHeartbeat(db, service, clock.now());
  const volume = rpcClient<CinderVolumeRpc>(deps.bus, cinderVolumeTopic);
  const pools = watchPools({ ...deps, volume });
  return {
    name: 'cinder-scheduler',
    http: [],
    rpc: [
      rpcServer<CinderSchedulerRpc>(cinderSchedulerTopic, {
        pools: async (_, { requestId }) => {
          const all = await pools(requestId);
          return isFault(all) ? all : [...all];
        },
        choosePool: async ({ volumeId }, { requestId }) => {
          const row = await requireVolume(db, volumeId);
          if (isFault(row)) return row;
          if (row.host !== null) return { host: row.host };
          const type = row.type_id === null ? undefined : await findType(db, row.type_id, null);
          const all = await pools(requestId);
          const pool = isFault(all)
            ? all
            : pickPool(all, {
                sizeGib: row.size_gib,
                extraSpecs: type ? extraSpecsOf(type) : {},
              });
          return isFault(pool) ? pool : { host: pool.host };
        },
        suitsType: async ({ host, typeId }, { requestId }) => {
          const type = await findType(db, typeId, null);
          if (!type) return fault('notFound', `Volume type ${typeId} could not be found.`);
          const all = await pools(requestId);
          if (isFault(all)) return all;
          const own = all.filter((pool) => pool.host === host);
          const pool = pickPool(own, { sizeGib: 0, extraSpecs: extraSpecsOf(type) });
          return { suits: !isFault(pool) };
        },
      }),
    ],
    tasks: [
      // Runs in every process: the service of a host is up while any of its processes reports.
      {
        name: 'cinder.report-scheduler',
        everyMs: config.heartbeatMs,
        scope: 'every',
        atStart: true,
        run: reportAlive,
      },
    ],
    sagas: [],
    reportAlive,
  };
}
