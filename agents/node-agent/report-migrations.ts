// Migration objects: one for each server that is moved live, written by the agent of the host that
// it leaves, second by second while it moves, and once by that of the host where it arrives. The
// hypervisor's job is what is true: an event only says when to look.
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

/** A Migration of this host, as this agent has written it. */
interface OwnMigration {
  uid: string;
  status: MigrationStatus;
  /** Of the job; undefined: written by an earlier process. */
  startedAtMs: number | undefined;
  /** undefined: it is under way. */
  endedAtMs: number | undefined;
  /** Looks, one after the other, in which the hypervisor knew nothing of it. */
  unseen: number;
}

/** The end of a job is told by an event, which may come a moment after the job has gone. */
const mostUnseen = 3;
/** An end that was seen longer ago makes no new object: the one of it is collected, or deleted. */
const newsLastsMs = 60_000;
/** The origin's agent writes the object first. */
const arrivalLastsMs = 30_000;

export interface MigrationReporter {
  /** Each gives the time in ms after which it is to be called again, if at all. */
  report(guest: string): Promise<number | undefined>;
  reportArrivals(): Promise<number | undefined>;
  arrived(guest: string): void;
  /** Guests to report: those that move now, and at first those of an earlier process. */
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

  /** In place of what an earlier migration of the guest has left, from whichever host. */
  async function begin(guest: string, job: MigrationJob): Promise<OwnMigration | undefined> {
    const owner = hypervisor()?.metadata;
    const removed = await kube.remove(migrations, refOf(guest));
    const created = isFault(removed)
      ? removed
      : await kube.create(migrations, {
          metadata: {
            ...refOf(guest),
            // it goes with the host
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

  /** False: the API did not take it, so it is to be tried again. */
  async function write(guest: string, mine: OwnMigration, next: MigrationStatus): Promise<boolean> {
    const patch = statusPatch(mine.status, next);
    if (patch) {
      const options = { subresource: 'status' as const };
      const written = await kube.patch(migrations, refOf(guest), { status: patch }, options);
      troubles.note(`write ${guest}`, written, 'the progress of a migration is not reported');
      if (isFault(written) && written.kind !== 'notFound') return false;
      // somebody has deleted it: one that is under way is made again
      if (isFault(written)) {
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
    const removed = await kube.remove(migrations, refOf(guest), { uid: mine.uid });
    // concurrentUpdate: another migration has its name by now, and another agent to collect it
    if (isFault(removed) && removed.kind !== 'concurrentUpdate') return progressEveryMs * 10;
    own.delete(guest);
    return undefined;
  }

  /** The hypervisor knows nothing of it any more. */
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
      const found = new Map(listed.map((each) => [each.metadata.name ?? '', each]));
      for (const [guest, { untilMs, sinceStart }] of arrivals) {
        const migration = found.get(guest);
        // whether a guest that was found here has arrived already is not known while it moves
        const patch =
          migration && !(sinceStart && isUnderWay(migration.status?.type))
            ? arrivalPatch(host, migration)
            : undefined;
        const said = patch && migration ? await say(migration, patch) : false;
        if (said || untilMs <= nowMs) arrivals.delete(guest);
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

  async function say(
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
