// Compares OVN's rows with Neutron's database, without changing either. Used by the writer role,
// and by `cobalt doctor --audit`, which runs in a process of its own.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Sdn, SdnDrift } from '#ports/sdn.ts';
import type { NeutronDeps } from '../deps.ts';
import type { ChassisFacts } from '../domain/sdn-facts.ts';
import { allSubjects, countChanges } from '../store/sdn-changes.ts';
import { readFacts } from '../store/sdn-facts.ts';
import { ChassisWatch } from './chassis-watch.ts';
import { rowsOf } from './rows.ts';

export interface SdnAudit extends SdnDrift {
  /** Journal entries that are not written to OVN yet. */
  pending: number;
}

export interface SdnView {
  sdn: () => Sdn;
  /** null: the hosts have not been read from OVN yet. */
  chassis: () => readonly ChassisFacts[] | null;
  /** Called before `chassis` in a process whose chassis watch does not run. */
  learn?(): Promise<void>;
}

/** How long an audit waits until the hosts are read from OVN. */
const hostsTimeoutMs = 5_000;
/** Interval at which that is polled. */
const hostsPauseMs = 50;
/**
 * Comparisons before a difference is reported: a change in progress at one is complete at a later
 * one.
 */
const maxComparisons = 4;
/** Pause between two comparisons. */
const comparisonPauseMs = 300;

/**
 * Compares the database with OVN. unavailable, timeout: OVN does not answer. `signal` ends the
 * pauses early.
 */
export async function auditNetwork(
  deps: Pick<NeutronDeps, 'database' | 'clock'> & SdnView,
  signal: AbortSignal,
): Promise<Outcome<SdnAudit>> {
  const { clock } = deps;
  const pause = async (ms: number): Promise<void> =>
    await clock.sleep(ms, { signal }).catch(() => undefined); // the signal was aborted
  deps.sdn();
  const deadlineMs = clock.now() + hostsTimeoutMs;
  while (deps.chassis() === null && clock.now() < deadlineMs) await pause(hostsPauseMs);
  await deps.learn?.();
  const chassis = deps.chassis();
  if (chassis === null) return fault('unavailable', 'OVN has not told its hosts yet.');
  let audit = await compare(deps, chassis);
  for (let again = 1; again < maxComparisons && !isFault(audit) && differs(audit); again += 1) {
    await pause(comparisonPauseMs);
    audit = await compare(deps, deps.chassis() ?? chassis);
  }
  return audit;
}

const differs = ({ inserted, updated, deleted, pending }: SdnAudit): boolean =>
  inserted + updated + deleted + pending > 0;

async function compare(
  { database: { db }, sdn }: Pick<NeutronDeps, 'database'> & SdnView,
  chassis: readonly ChassisFacts[],
): Promise<Outcome<SdnAudit>> {
  const pending = await countChanges(db);
  const facts = await readFacts(db, await allSubjects(db));
  const drift = await sdn().audit(rowsOf(facts, chassis));
  return isFault(drift) ? drift : { ...drift, pending };
}

/** Audits once, in a process without the writer role: connects to OVN, audits and disconnects. */
export async function auditNetworkOnce(
  deps: NeutronDeps,
  openSdn: (listeners: { bindingsKnown(): void }) => Sdn,
): Promise<Outcome<SdnAudit>> {
  let hostsKnown = false;
  const sdn = openSdn({ bindingsKnown: () => void (hostsKnown = true) });
  const watch = new ChassisWatch(deps, () => sdn);
  try {
    return await auditNetwork(
      {
        ...deps,
        sdn: () => sdn,
        chassis: () => (hostsKnown ? watch.facts() : null),
        learn: async () => await watch.learnRemoved(),
      },
      new AbortController().signal,
    );
  } finally {
    sdn.close();
  }
}
