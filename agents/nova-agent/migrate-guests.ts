// Live migrations off this host: a limited number at a time, the others queue. A running migration
// is the hypervisor's: after a restart of the agent the conductor asks again and joins it.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ComputeAgentRpc } from '#contracts/nova/compute-agent-rpc.ts';
import type { MigrationTerms } from '#contracts/nova/live-migration.ts';
import type { NovaAgentDeps } from './deps.ts';

type Answer = Outcome<ComputeAgentRpc['migrateGuest']['result']>;

interface Departure {
  /** Resolves at the end of the migration, also if it was aborted while waiting. */
  ended: Promise<Outcome<void>>;
  isUnderWay: boolean;
  /** Aborts a migration that is still waiting. */
  giveUp(): void;
}

export interface GuestMigrations {
  /** See `migrateGuest` in contracts/nova/compute-agent-rpc.ts. */
  run(uuid: string, terms: MigrationTerms, waitMs: number): Promise<Answer>;
  abort(uuid: string): Promise<Outcome<void>>;
}

export function createGuestMigrations({
  hypervisor,
  clock,
  config,
}: Pick<NovaAgentDeps, 'hypervisor' | 'clock' | 'config'>): GuestMigrations {
  const departures = new Map<string, Departure>();
  const waiting: (() => void)[] = [];
  let underWay = 0;

  /**
   * Waits for a free slot and takes it. Returns false if the migration was aborted while waiting.
   */
  async function takesTurn(signal: AbortSignal): Promise<boolean> {
    const limit = config.maxConcurrentLiveMigrations;
    while (limit > 0 && underWay >= limit && !signal.aborted)
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    if (signal.aborted) return false;
    underWay += 1;
    return true;
  }

  function depart(uuid: string, terms: MigrationTerms): Departure {
    const ending = new AbortController();
    const departure: Departure = {
      isUnderWay: false,
      giveUp: () => ending.abort(),
      ended: Promise.resolve(undefined),
    };
    departure.ended = (async () => {
      if (!(await takesTurn(ending.signal)))
        return fault('conflict', `The migration of guest ${uuid} was aborted.`, { aborted: 'yes' });
      departure.isUnderWay = true;
      try {
        return await hypervisor.migrate(uuid, terms);
      } finally {
        underWay -= 1;
        for (const next of waiting.splice(0)) next();
      }
    })();
    departures.set(uuid, departure);
    const forget = (): void => {
      if (departures.get(uuid) === departure) departures.delete(uuid);
    };
    departure.ended.then(forget, forget);
    return departure;
  }

  return {
    async run(uuid, terms, waitMs) {
      const departure = departures.get(uuid) ?? depart(uuid, terms);
      const waited = new AbortController();
      const patience = clock
        .sleep(waitMs, { signal: waited.signal, unref: true })
        .then(() => 'late' as const)
        .catch(() => 'late' as const);
      const end = await Promise.race([departure.ended, patience]);
      waited.abort();
      if (end !== 'late') return isFault(end) ? end : { state: 'left', progress: null };
      if (!departure.isUnderWay) return { state: 'queued', progress: null };
      const progress = await hypervisor.migrationProgress(uuid);
      return { state: 'moving', progress: isFault(progress) ? null : progress };
    },
    async abort(uuid) {
      const departure = departures.get(uuid);
      if (!departure || departure.isUnderWay) return await hypervisor.abortMigration(uuid);
      departure.giveUp();
    },
  };
}
