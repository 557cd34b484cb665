// Maintains Migration objects, one for each server that is live-migrated. The agent on the source
// host writes the progress, once a second; the agent on the destination writes the arrival once.
// Level-triggered: an event only says when to read the hypervisor's job.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Hypervisor, Migration, MigrationStatus } from '#contracts/kube/kinds.ts';
import { migrations } from '#contracts/kube/kinds.ts';
import { createTroubleLog } from '#platform/trouble-log.ts';
import type { MigrationJob } from '#ports/node-facts.ts';
import type { NodeAgentDeps } from './deps.ts';
import {
  arrivalPatch,
  isUnderWay,
  lastWrittenAtMs,
  migrationStatus,
  statusPatch,
  unseenEnd,
} from './domain/migration-status.ts';

/** A Migration off this host, as last written by this agent. */
interface OwnMigration {
  uid: string;
  status: MigrationStatus;
  /** Start of libvirt's job; undefined: the object was written by an earlier process. */
  startedAtMs: number | undefined;
  /** undefined: the migration is in progress. */
  endedAtMs: number | undefined;
  /** Number of consecutive reads in which the hypervisor had no such job. */
  unseen: number;
}

/**
 * The event with a job's end may come a moment after the job has disappeared, so the job must be
 * missing this often.
 */
const mostUnseen = 3;
/**
 * A job that ended longer ago gets no new object: its object was removed after `keepMigrationsMs`,
 * or deleted by somebody.
 */
const newsLastsMs = 60_000;
/** How long an arrival waits for the source host's agent to create the Migration. */
const arrivalLastsMs = 30_000;

export interface MigrationReporter {
  /**
   * Writes the state of a migration off this host to its Migration. Returns the time in ms after
   * which to call it again; undefined: not again.
   */
  report(guest: string): Promise<number | undefined>;
  /** Writes the arrivals that `arrived` has noted to their Migrations. Returns as `report`. */
  reportArrivals(): Promise<number | undefined>;
  /** Notes that the guest has arrived on this host. */
  arrived(guest: string): void;
  /**
   * Guests to report: those that are migrating now, and on the first call those in Migrations that
   * an earlier process wrote.
   */
  find(): Promise<Outcome<string[]>>;
}

export function createMigrationReporter(
  { facts, kube, clock, log, config }: NodeAgentDeps,
  hypervisor: () => Hypervisor | undefined,
): MigrationReporter {
  const { host, namespace, progressEveryMs, keepMigrationsMs } = config;
  const troubles = createTroubleLog(log);
  const own = new Map<string, OwnMigration>();
  const arrivals = new Map<string, { untilMs: number; sinceStart: boolean }>();
  let isResumed = false;
  const refOf = (name: string) => ({ name, namespace });

  /**
   * Creates the Migration, and removes one that an earlier migration of this guest, from any host,
   * has left. undefined: the Kubernetes API has refused that or does not answer.
   */
  async function begin(guest: string, job: MigrationJob): Promise<OwnMigration | undefined> {
    const owner = hypervisor()?.metadata;
    const removal = await kube.remove(migrations, refOf(guest));
    const created = isFault(removal)
      ? removal
      : await kube.create(migrations, {
          metadata: {
            ...refOf(guest),
            // Owned by the Hypervisor, so that it is deleted with it.
            ...(owner?.name !== undefined && owner.uid !== undefined
              ? {
                  ownerReferences: [
                    {
                      apiVersion: 'kvm.cloud.sap/v1',
                      kind: 'Hypervisor',
                      name: owner.name,
                      uid: owner.uid,
                    },
                  ],
                }
              : {}),
          },
        });
    troubles.note(`begin ${guest}`, created, 'a migration is not reported');
    if (isFault(created)) return undefined;
    const begun = {
      uid: created.metadata.uid ?? '',
      status: {},
      startedAtMs: job.startedAtMs,
      endedAtMs: undefined,
      unseen: 0,
    };
    own.set(guest, begun);
    return begun;
  }

  /** Returns false if the API did not accept the write, which must then be repeated. */
  async function write(guest: string, mine: OwnMigration, next: MigrationStatus): Promise<boolean> {
    const patch = statusPatch(mine.status, next);
    if (patch) {
      const options = { subresource: 'status' as const };
      const update = await kube.patch(migrations, refOf(guest), { status: patch }, options);
      troubles.note(`write ${guest}`, update, 'the progress of a migration is not reported');
      if (isFault(update) && update.kind !== 'notFound') return false;
      // Somebody has deleted the object. If the migration is in progress, it is created again.
      if (isFault(update)) {
        own.delete(guest);
        return !isUnderWay(next.type);
      }
      mine.status = next;
    }
    mine.endedAtMs = isUnderWay(next.type) ? undefined : (mine.endedAtMs ?? clock.now());
    return true;
  }

  async function collect(guest: string, mine: OwnMigration): Promise<number | undefined> {
    if (mine.endedAtMs === undefined) return progressEveryMs;
    const leftMs = mine.endedAtMs + keepMigrationsMs - clock.now();
    if (leftMs > 0) return leftMs;
    const removal = await kube.remove(migrations, refOf(guest), { uid: mine.uid });
    // concurrentUpdate: the object of this name now belongs to a later migration, which another
    // agent may have written and will remove.
    if (isFault(removal) && removal.kind !== 'concurrentUpdate') return progressEveryMs * 10;
    own.delete(guest);
    return undefined;
  }

  /**
   * Determines how a migration ended. Called when the hypervisor has no job for it any more.
   * Returns as `report`.
   */
  async function settle(guest: string, mine: OwnMigration): Promise<number | undefined> {
    mine.unseen += 1;
    if (mine.unseen < mostUnseen) return progressEveryMs;
    const [guests, current] = await Promise.all([
      facts.guests(),
      kube.get(migrations, refOf(guest)),
    ]);
    if (isFault(current) && current.kind === 'notFound') {
      own.delete(guest);
      return undefined;
    }
    if (isFault(guests) || isFault(current)) return progressEveryMs;
    const end = unseenEnd(mine.status, {
      isHere: guests.some(({ uuid, isActive }) => uuid === guest && isActive),
      destination: current.status?.destination,
    });
    return (await write(guest, mine, end)) ? await collect(guest, mine) : progressEveryMs;
  }

  async function resume(): Promise<Outcome<string[]>> {
    const [listed, guests] = await Promise.all([
      kube.list(migrations, { namespace }),
      facts.guests(),
    ]);
    if (isFault(listed)) return listed;
    if (isFault(guests)) return guests;
    for (const migration of listed) {
      const { metadata, status: { destination: _others, ...status } = {} } = migration;
      const { name = '', uid = '' } = metadata;
      if (status.origin !== host || own.has(name)) continue;
      const endedAtMs = isUnderWay(status.type)
        ? undefined
        : (lastWrittenAtMs(migration) ?? clock.now());
      own.set(name, { uid, status, startedAtMs: undefined, endedAtMs, unseen: 0 });
    }
    for (const { uuid, isActive } of guests)
      if (isActive) arrivals.set(uuid, { untilMs: 0, sinceStart: true });
    isResumed = true;
    return [...own.keys()];
  }

  return {
    async report(guest) {
      const job = await facts.migration(guest);
      troubles.note('job', job, 'libvirt does not tell how far migrations are');
      if (isFault(job)) return progressEveryMs;
      let mine = own.get(guest);
      if (job === null) {
        if (!mine) return undefined;
        return mine.endedAtMs === undefined
          ? await settle(guest, mine)
          : await collect(guest, mine);
      }
      const isAnother =
        mine?.startedAtMs === undefined
          ? mine?.endedAtMs !== undefined
          : mine.startedAtMs !== job.startedAtMs;
      const isOld =
        !isUnderWay(job.state) && job.startedAtMs + job.elapsedMs < clock.now() - newsLastsMs;
      if (!mine && isOld) return undefined;
      if (!mine || isAnother) mine = await begin(guest, job);
      if (!mine) return progressEveryMs;
      mine.startedAtMs = job.startedAtMs;
      mine.unseen = 0;
      if (!(await write(guest, mine, migrationStatus(host, job)))) return progressEveryMs;
      return await collect(guest, mine);
    },

    arrived(guest) {
      arrivals.set(guest, { untilMs: clock.now() + arrivalLastsMs, sinceStart: false });
    },

    async reportArrivals() {
      if (arrivals.size === 0) return undefined;
      const listed = await kube.list(migrations, { namespace });
      troubles.note('arrivals', listed, 'the arrival of a server is not reported');
      if (isFault(listed)) return progressEveryMs;
      const nowMs = clock.now();
      const byName = new Map(listed.map((each) => [each.metadata.name ?? '', each]));
      for (const [guest, { untilMs, sinceStart }] of arrivals) {
        const migration = byName.get(guest);
        // For a guest that was already here when the agent started, it is unknown whether it has
        // arrived or is about to leave until its migration has ended.
        const patch =
          migration && !(sinceStart && isUnderWay(migration.status?.type))
            ? arrivalPatch(host, migration)
            : undefined;
        const isReported = patch && migration ? await writeStatus(migration, patch) : false;
        if (isReported || untilMs <= nowMs) arrivals.delete(guest);
      }
      return arrivals.size > 0 ? progressEveryMs : undefined;
    },

    async find() {
      const before = isResumed ? [] : await resume();
      if (isFault(before)) return before;
      const departing = await facts.departing();
      return isFault(departing) ? departing : [...new Set([...before, ...departing])];
    },
  };

  async function writeStatus(
    { metadata: { name = '', resourceVersion } }: Migration,
    status: Record<string, string | null>,
  ): Promise<boolean> {
    const patched = await kube.patch(
      migrations,
      refOf(name),
      { metadata: { resourceVersion }, status },
      { subresource: 'status' },
    );
    return !isFault(patched);
  }
}
