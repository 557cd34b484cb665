// Writes to OVN: drains the journal in batches, and compares all rows at start, after OVN was away
// and periodically. One step at a time, so that a comparison never removes what a change has just
// written. Level-triggered: an entry only names an object, whose present state is read and written;
// so entries may repeat, and an interrupted batch is done again.
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import { noDrift, type SdnDrift } from '#ports/sdn.ts';
import type { NeutronDeps } from '../deps.ts';
import type { ChassisFacts, Facts } from '../domain/sdn-facts.ts';
import {
  allSubjects,
  forgetChanges,
  readChanges,
  withDependents,
  withParents,
} from '../store/sdn-changes.ts';
import { readFacts, type Wanted } from '../store/sdn-facts.ts';
import type { SdnChange, SdnSubject } from '../store/sdn-journal.ts';
import { AddressChanges } from './address-changes.ts';
import { auditNetwork, type SdnAudit, type SdnView } from './audit.ts';
import { ownerName } from './names.ts';
import type { NovaNotifier } from './nova-notifier.ts';
import { rowsOf } from './rows.ts';
import { settle } from './settle.ts';

export type WriterDeps = Pick<NeutronDeps, 'database' | 'clock' | 'log'> &
  SdnView & { nova: NovaNotifier };

/** Journal entries in one transaction at OVN. */
const batchSize = 500;
/** Pause between batches, so that changes in quick succession are written together. */
const gatherMs = 50;
/**
 * Journal entries that one comparison may settle: only those present before it read the objects.
 */
const maxCovered = 100_000;

export class Writer {
  readonly #deps: WriterDeps;
  readonly #addresses = new AddressChanges();
  readonly #ending = new AbortController();
  #running: Promise<void> | undefined;
  #again = false;
  /** The requested comparison; null: none. */
  #compare: 'return' | 'period' | null = null;
  #touched: SdnChange[] = [];
  #mended = noDrift;
  /** A refusal by OVN is logged once, not at every scan. */
  #refused = false;

  constructor(deps: WriterDeps) {
    this.#deps = deps;
  }

  /** Schedules a pass over the journal. Cheap; concurrent calls are coalesced. */
  wake(): void {
    this.#again = true;
    if (this.#ending.signal.aborted) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#again && !this.#ending.signal.aborted) this.wake();
    });
  }

  /** Writes these objects next: their rows depend on the chassis, which have changed. */
  touch(changes: readonly SdnChange[]): void {
    this.#touched.push(...changes);
    this.wake();
  }

  /**
   * Requests a full comparison. `return`: OVN was away or another process wrote to it, so that
   * missing rows are not counted as drift. Concurrent calls are coalesced.
   */
  compare(why: 'return' | 'period'): void {
    if (this.#compare !== 'return') this.#compare = why;
    this.wake();
  }

  mended(): SdnDrift {
    return this.#mended;
  }

  async audit(): Promise<Outcome<SdnAudit>> {
    return await auditNetwork(this.#deps, this.#ending.signal);
  }

  async #pause(ms: number): Promise<void> {
    await this.#deps.clock
      .sleep(ms, { signal: this.#ending.signal, unref: true })
      .catch(() => undefined); // aborted by close()
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { log } = this.#deps;
    try {
      while (this.#again && !this.#ending.signal.aborted) {
        this.#again = false;
        const progress = await this.#step();
        if (isFault(progress)) {
          if (!this.#refused)
            log.warn({ why: progress.message }, 'OVN does not take changes now; they wait');
          this.#refused = true;
          this.#again = false; // the next scan or OVN's return wakes the writer
          return;
        }
        this.#refused = false;
        if (progress === 'more') {
          this.#again = true;
          await this.#pause(gatherMs);
        }
      }
    } catch (error) {
      log.error({ err: error }, 'writing to OVN failed; it is tried again at the next scan');
      this.#again = false;
    }
  }

  /**
   * Does the next piece of work: a batch of the journal, or a comparison. 'more': there may be more
   * to do at once; 'rest': there is nothing to do now.
   */
  async #step(): Promise<Outcome<'more' | 'rest'>> {
    // The writer is woken when OVN's chassis are read, and when this process gets the lock.
    if (isFault(this.#hosts()) || !this.#deps.sdn().isWriter()) return 'rest';
    if (this.#compare === 'return') return await this.#compareAll('return');
    const entries = await readChanges(this.#deps.database.db, batchSize);
    const touched = this.#touched.splice(0);
    if (entries.length + touched.length === 0)
      return this.#compare === 'period' ? await this.#compareAll('period') : 'rest';
    const shown = await this.#show([...entries, ...touched]);
    if (isFault(shown)) {
      this.#touched.push(...touched);
      return shown;
    }
    await forgetChanges(
      this.#deps.database.db,
      entries.map(({ seq }) => seq),
    );
    return 'more';
  }

  async #show(changes: readonly SdnChange[]): Promise<Outcome<void>> {
    const { db } = this.#deps.database;
    const wanted = await withDependents(db, changes);
    const outcome = await this.#put(wanted);
    if (!isFault(outcome) || outcome.kind !== 'conflict') return outcome;
    // A row that these refer to is not in OVN: its entry comes later in the journal, or it was
    // lost. So the objects that they refer to are written as well.
    const whole = await this.#put(await withParents(db, wanted));
    if (!isFault(whole) || whole.kind !== 'conflict') return whole;
    if (changes.length === 1) {
      this.#deps.log.error(
        { ...changes[0], why: whole.message },
        'OVN refuses this object; the next comparison tries again',
      );
      return undefined;
    }
    for (const change of changes) {
      // one at a time, so that one refused object does not block the others
      const single = await this.#show([change]);
      if (isFault(single)) return single;
    }
    return undefined;
  }

  async #put(wanted: Wanted): Promise<Outcome<void>> {
    const { facts, rows } = await this.#read(wanted);
    const owners = (Object.entries(wanted) as [SdnSubject, ReadonlySet<string>][]).flatMap(
      ([kind, ids]) => [...ids].map((id) => ({ owner: ownerName(kind, id) })),
    ); // Object.entries widens keys to string
    const outcome = await this.#deps.sdn().change(rows, owners);
    if (!isFault(outcome)) await this.#shown(facts, wanted);
    return outcome;
  }

  async #compareAll(why: 'return' | 'period'): Promise<Outcome<'more'>> {
    const {
      database: { db },
      log,
    } = this.#deps;
    this.#compare = null;
    const covered = await readChanges(db, maxCovered);
    const wanted = await allSubjects(db);
    const { facts, rows } = await this.#read(wanted);
    const drift = await this.#deps.sdn().sync(rows);
    if (isFault(drift)) {
      if (drift.kind !== 'conflict') this.compare(why);
      return drift.kind === 'conflict' ? fault('conflict', `comparison: ${drift.message}`) : drift;
    }
    for (let at = 0; at < covered.length; at += batchSize)
      await forgetChanges(
        db,
        covered.slice(at, at + batchSize).map(({ seq }) => seq),
      );
    await this.#shown(facts, wanted);
    this.#addresses.sawAll();
    const rowsChanged = drift.inserted + drift.updated + drift.deleted;
    if (why === 'period' && covered.length === 0 && rowsChanged > 0) {
      this.#mended = {
        inserted: this.#mended.inserted + drift.inserted,
        updated: this.#mended.updated + drift.updated,
        deleted: this.#mended.deleted + drift.deleted,
      };
      log.warn({ ...drift }, 'rows in OVN had drifted and were mended');
    } else if (rowsChanged > 0) log.info({ ...drift, why }, 'OVN brought up to date');
    return 'more';
  }

  async #shown(facts: Facts, wanted: Wanted): Promise<void> {
    await settle(this.#deps, facts);
    this.#deps.nova.queue(this.#addresses.take(facts, wanted));
  }

  /**
   * The chassis, which must be known before a write: without chassis, every router would lose its
   * gateway.
   */
  #hosts(): Outcome<readonly ChassisFacts[]> {
    this.#deps.sdn();
    return this.#deps.chassis() ?? fault('unavailable', 'OVN has not told its hosts yet.');
  }

  async #read(wanted: Wanted) {
    const facts = await readFacts(this.#deps.database.db, wanted);
    return { facts, rows: rowsOf(facts, this.#deps.chassis() ?? []) }; // not null: see #hosts
  }
}
