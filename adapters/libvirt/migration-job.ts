// Converts libvirt's job statistics to the form of the Node Agent's port. Pure. Names:
// https://libvirt.org/html/libvirt-libvirt-domain.html#VIR_DOMAIN_JOB_TIME_ELAPSED and those after.
import type { MigrationJob, MovedBytes } from '#ports/node-facts.ts';
import { JOB_MIGRATION_OUT, JOB_TYPE } from './rpc/flags.ts';
import type { ParameterValue } from './rpc/protocol.ts';

type Parameters = readonly { field: string; value: ParameterValue }[];

/**
 * The job's statistics in the port's form; null: it is not a migration off this host. `type`:
 * virDomainJobType.
 */
export function migrationJob(
  type: number,
  parameters: Parameters,
): Omit<MigrationJob, 'startedAtMs'> | null {
  const facts = new Map(parameters.map(({ field, value }) => [field, value]));
  const state = stateOf(type, facts.get('success'));
  if (state === null || facts.get('operation') !== JOB_MIGRATION_OUT) return null;
  const number = (name: string): number | undefined =>
    facts.has(name) ? Number(facts.get(name)) : undefined;
  const part = (name: 'data' | 'memory' | 'disk'): MovedBytes | undefined => {
    const total = number(`${name}_total`) ?? 0;
    return total > 0
      ? {
          total,
          processed: number(`${name}_processed`) ?? 0,
          remaining: number(`${name}_remaining`) ?? 0,
        }
      : undefined;
  };
  const error = facts.get('errmsg');
  return present({
    state,
    error: typeof error === 'string' ? error : undefined,
    elapsedMs: number('time_elapsed') ?? 0,
    remainingMs: number('time_remaining'),
    setupMs: number('setup_time'),
    downtimeMs: number('downtime'),
    data: part('data'),
    memory: part('memory'),
    disk: part('disk'),
    memoryDetail: present({
      iteration: number('memory_iteration'),
      pageSizeBytes: number('memory_page_size'),
      bytesPerSecond: number('memory_bps'),
      dirtyPagesPerSecond: number('memory_dirty_rate'),
      normalBytes: number('memory_normal_bytes'),
      normalPages: number('memory_normal'),
      constantPages: number('memory_constant'),
      postcopyRequests: number('memory_postcopy_requests'),
    }),
    diskBytesPerSecond: number('disk_bps'),
    autoConvergePercent: number('auto_converge_throttle'),
  });
}

function stateOf(type: number, success: ParameterValue | undefined): MigrationJob['state'] | null {
  switch (type) {
    case JOB_TYPE.bounded:
      return 'bounded';
    case JOB_TYPE.unbounded:
      return 'unbounded';
    case JOB_TYPE.completed:
      return success === false ? 'failed' : 'completed';
    case JOB_TYPE.failed:
      return 'failed';
    case JOB_TYPE.cancelled:
      return 'cancelled';
    default:
      return null;
  }
}

type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Removes undefined values, i.e. what libvirt does not report. */
const present = <T extends object>(all: T): Present<T> =>
  // Only undefined values were removed, as the type says.
  Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Present<T>;
