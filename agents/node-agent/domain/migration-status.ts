// Derives the status of a Migration from libvirt's job and from where the guest is. Used by
// report-migrations.ts. Pure.
import { isDeepStrictEqual } from 'node:util';
import type { Migration, MigrationStatus } from '#contracts/kube/kinds.ts';
import type { MigrationJob } from '#ports/node-facts.ts';
import { goDuration, iecSize } from './quantity.ts';

export const isUnderWay = (type: string | undefined): boolean =>
  type === undefined || type === 'bounded' || type === 'unbounded';

const isoSeconds = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/**
 * All fields that the source host's agent writes. `destination` is missing: the destination's agent
 * writes that.
 */
export function migrationStatus(host: string, job: MigrationJob): MigrationStatus {
  const { data, memory, disk, memoryDetail: detail = {} } = job;
  const size = (bytes: number | undefined) => (bytes === undefined ? undefined : iecSize(bytes));
  const time = (ms: number | undefined) => (ms === undefined ? undefined : goDuration(ms));
  const rate = (amount: string | undefined) => (amount === undefined ? undefined : `${amount}/s`);
  const all: { [F in keyof MigrationStatus]: MigrationStatus[F] | undefined } = {
    origin: host,
    type: job.state,
    operation: 'migration_out',
    started: isoSeconds(job.startedAtMs),
    errMsg: job.error?.slice(0, 1_024),
    autoConvergeThrottle:
      job.autoConvergePercent === undefined ? undefined : `${job.autoConvergePercent}%`,
    diskBps: rate(size(job.diskBytesPerSecond)),
    diskRemaining: size(disk?.remaining),
    diskProcessed: size(disk?.processed),
    diskTotal: size(disk?.total),
    memPostcopyRequests: detail.postcopyRequests,
    memIteration: detail.iteration,
    memPageSize: size(detail.pageSizeBytes),
    memDirtyRate: rate(detail.dirtyPagesPerSecond?.toString()),
    memBps: rate(size(detail.bytesPerSecond)),
    memNormalBytes: size(detail.normalBytes),
    memNormal: detail.normalPages,
    memConstant: detail.constantPages,
    memRemaining: size(memory?.remaining),
    memProcessed: size(memory?.processed),
    memTotal: size(memory?.total),
    dataRemaining: size(data?.remaining),
    dataProcessed: size(data?.processed),
    dataTotal: size(data?.total),
    setupTime: time(job.setupMs),
    timeElapsed: time(job.elapsedMs),
    timeRemaining: time(job.remainingMs),
    downtime: time(job.downtimeMs),
  };
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== undefined),
  ) as MigrationStatus; // only undefined values were removed
}

/**
 * The final status of a migration whose end no agent observed. If the guest is still here, it
 * failed; if a destination has reported its arrival, it has completed.
 */
export function unseenEnd(
  last: MigrationStatus,
  { isHere, destination }: { isHere: boolean; destination: string | undefined },
): MigrationStatus {
  const { errMsg: _before, ...rest } = last;
  if (isHere)
    return {
      ...rest,
      type: 'failed',
      errMsg: 'the migration ended, and the guest is still on its host',
    };
  if (destination !== undefined) return { ...rest, type: 'completed' };
  return { ...rest, type: 'unknown', errMsg: 'the guest has left; nobody saw how' };
}

/** The merge patch that changes `before` to `after`; undefined: they are equal. */
export function statusPatch(
  before: MigrationStatus,
  after: MigrationStatus,
): Record<string, string | number | null> | undefined {
  const patch: Record<string, string | number | null> = {};
  for (const field of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, is] = [before, after].map((each) => each[field as keyof MigrationStatus]);
    if (!isDeepStrictEqual(was, is)) patch[field] = is ?? null;
  }
  return Object.keys(patch).length > 0 ? patch : undefined;
}

/**
 * What the host on which a guest has arrived writes to its Migration; undefined: nothing, because
 * the guest left from this same host, the migration failed, or a destination is set already.
 */
export function arrivalPatch(
  host: string,
  { status = {} }: Migration,
): Record<string, string | null> | undefined {
  const { origin, destination, type } = status;
  if (origin === undefined || origin === host || destination !== undefined) return undefined;
  if (type === 'failed' || type === 'cancelled') return undefined;
  return {
    destination: host,
    ...(type === 'unknown' ? { type: 'completed', errMsg: null } : {}),
  };
}

/**
 * Time of the last write by anybody, in ms since the epoch; undefined: there are no managedFields.
 */
export function lastWrittenAtMs({ metadata }: Migration): number | undefined {
  const times = (metadata.managedFields ?? [])
    .map(({ time }) => Date.parse(time ?? ''))
    .filter((ms) => !Number.isNaN(ms));
  return times.length > 0 ? Math.max(...times) : undefined;
}
