// The source's side of a live migration. libvirt carries it out host to host, independently of this
// process: a repeated call joins the migration in progress, and the domain's state tells where the
// guest is. https://libvirt.org/migration.html
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fault, isFault, type Fault, type Outcome } from '#contracts/common/fault.ts';
import type {
  GuestDeparture,
  MigrationProgress,
  MigrationTerms,
} from '#contracts/nova/live-migration.ts';
import { isCode } from './domains.ts';
import type { Driver } from './driver.ts';
import { departingXml, localDisks } from './migration-xml.ts';
import { asOutcome, unlessMissing } from './outcome.ts';
import { readQcow2Header } from './qcow2-header.ts';
import { ERROR, JOB_MIGRATION_OUT, MIGRATE } from './rpc/flags.ts';
import { remote, type Domain, type ParameterValue } from './rpc/protocol.ts';
import { disksIn } from './volume-xml.ts';

/** Practically no limit: the migration is limited by its terms. */
const longestMs = 7 * 24 * 3_600_000;
/** Interval at which a migration in progress is polled. */
const pollEveryMs = 250;

export function departure(driver: Driver, uuid: string): Promise<Outcome<GuestDeparture>> {
  return onActive(driver, uuid, async (domain) => {
    const xml = await driver.domains.migratableXml(domain);
    const header = await unlessMissing(readQcow2Header(driver.folder.guest(uuid).disk), null);
    return {
      cpu: /<cpu[ >][^]*?<\/cpu>/.exec(xml)?.[0] ?? null,
      base: header?.backingFile ? path.basename(header.backingFile) : null,
    };
  });
}

export function migrateGuest(
  driver: Driver,
  uuid: string,
  terms: MigrationTerms,
): Promise<Outcome<void>> {
  const joined = driver.departing.get(uuid);
  if (joined) return joined;
  const moving = asOutcome(() => move(driver, uuid, terms)).finally(() =>
    driver.departing.delete(uuid),
  );
  driver.departing.set(uuid, moving);
  return moving;
}

async function move(driver: Driver, uuid: string, terms: MigrationTerms): Promise<Outcome<void>> {
  const domain = await driver.domains.find(uuid);
  if (!domain) return;
  const endController = new AbortController();
  const watching = watch(driver, domain, terms, endController.signal);
  let end: Outcome<void>;
  try {
    end = (await jobOf(driver, domain))
      ? undefined
      : await asOutcome(async () => await perform(driver, domain, terms));
    // If a job is still running (begun by an earlier process, or the answer was lost), wait for its
    // end.
    while (await jobOf(driver, domain)) await delay(pollEveryMs);
  } finally {
    endController.abort();
  }
  return await verdict(driver, uuid, end, await watching);
}

async function perform(
  driver: Driver,
  domain: Domain,
  { arrival, autoConverge, permitPostCopy, bandwidthMib }: MigrationTerms,
): Promise<Outcome<void>> {
  const own = driver.folder.guest(domain.uuid);
  // The destination must be prepared anew for each attempt: disk data that an earlier attempt
  // copied there is outdated.
  if ((await unlessMissing(readFile(own.departing, 'utf8'), '')) === arrival.id)
    return fault('conflict', `the migration of guest ${domain.uuid} has ended, and it is here`);
  const live = await driver.domains.migratableXml(domain);
  const elsewhere = disksIn(live).find((disk) =>
    arrival.volumes.some(
      ({ volumeId, server, path: where }) =>
        volumeId === disk.volumeId && (server !== disk.server || where !== disk.path),
    ),
  );
  if (elsewhere)
    return fault(
      'badRequest',
      `the hosts reach volume ${elsewhere.volumeId ?? ''} in different ways`,
    );
  const disks = localDisks(live, own);
  const parameters = Object.entries({
    migrate_uri: `tcp://${arrival.address}`,
    destination_xml: departingXml(live, own, arrival),
    bandwidth: BigInt(bandwidthMib),
    persistent_xml: departingXml(await driver.domains.definition(domain), own, arrival),
  } satisfies Record<string, ParameterValue>).map(([field, value]) => ({ field, value }));
  const flags =
    MIGRATE.live |
    MIGRATE.peerToPeer |
    MIGRATE.persistDestination |
    MIGRATE.undefineSource |
    MIGRATE.tls |
    (disks.length > 0 ? MIGRATE.nonSharedIncremental : 0) |
    (autoConverge ? MIGRATE.autoConverge : 0) |
    (permitPostCopy ? MIGRATE.postCopy : 0);
  await writeFile(own.departing, arrival.id);
  await driver.client.call(
    remote.domainMigratePerform3Params,
    {
      domain,
      destination: `qemu+tls://${arrival.address}/system`,
      parameters: [...parameters, ...disks.map((value) => ({ field: 'migrate_disks', value }))],
      cookie: Buffer.alloc(0),
      flags,
    },
    longestMs,
  );
}

/**
 * Determines the outcome by where the guest is now, not by the answer to the call. `tooLate`: the
 * fault if the migration was aborted because of its time limit.
 */
async function verdict(
  driver: Driver,
  uuid: string,
  end: Outcome<void>,
  tooLate: Fault | undefined,
): Promise<Outcome<void>> {
  if (await driver.domains.hasLeft(uuid)) return;
  const state = await driver.domains.state(uuid);
  if (state !== 'running' && state !== 'paused')
    return fault('conflict', `guest ${uuid} ended before it had moved`, { state });
  if (tooLate) return tooLate;
  if (isFault(end))
    return end.detail['libvirtCode'] === String(ERROR.operationAborted)
      ? fault('conflict', end.message, { aborted: 'yes' })
      : end;
  return fault('conflict', `the migration of guest ${uuid} ended, and it is still here`);
}

/**
 * Enforces the time limit until `endSignal` is aborted. Returns a fault if it has aborted the
 * migration.
 */
async function watch(
  driver: Driver,
  domain: Domain,
  { completionTimeoutMs, timeoutAction, permitPostCopy }: MigrationTerms,
  endSignal: AbortSignal,
): Promise<Fault | undefined> {
  if (completionTimeoutMs === 0) return;
  for (;;) {
    await delay(pollEveryMs, undefined, { signal: endSignal }).catch(() => undefined);
    if (endSignal.aborted) return;
    const elapsedMs = await asOutcome(async () => (await jobOf(driver, domain))?.elapsedMs ?? 0);
    if (isFault(elapsedMs) || elapsedMs <= completionTimeoutMs) continue;
    const outcome =
      timeoutAction === 'abort'
        ? await abortMigration(driver, domain.uuid)
        : await completeMigration(driver, domain.uuid, { postCopy: permitPostCopy });
    driver.log.warn(
      {
        server: domain.uuid,
        elapsedMs,
        timeoutAction,
        ...(isFault(outcome) && { why: outcome.message }),
      },
      'a live migration does not end in time',
    );
    if (timeoutAction === 'force_complete' && !isFault(outcome)) return;
    if (!isFault(outcome))
      return fault(
        'conflict',
        `live migration not completed after ${Math.round(completionTimeoutMs / 1000)} sec`,
        { aborted: 'yes' },
      );
  }
}

/** Progress of libvirt's migration job; null: the guest is not migrating away. */
async function jobOf(driver: Driver, domain: Domain): Promise<MigrationProgress | null> {
  let job;
  try {
    job = await driver.client.call(remote.domainGetJobStats, { domain, flags: 0 });
  } catch (error) {
    if (isCode(error, ERROR.noDomain, ERROR.operationInvalid)) return null;
    throw error;
  }
  const facts = new Map(job.parameters.map(({ field, value }) => [field, value]));
  if (job.type === 0 || facts.get('operation') !== JOB_MIGRATION_OUT) return null;
  const number = (name: string): number => Number(facts.get(name) ?? 0);
  const part = (name: 'memory' | 'disk') =>
    number(`${name}_total`) > 0
      ? {
          total: number(`${name}_total`),
          processed: number(`${name}_processed`),
          remaining: number(`${name}_remaining`),
        }
      : null;
  return {
    elapsedMs: number('time_elapsed'),
    memory: part('memory'),
    disk: part('disk'),
    downtimeMs: facts.has('downtime') ? number('downtime') : null,
  };
}

export function migrationProgress(
  driver: Driver,
  uuid: string,
): Promise<Outcome<MigrationProgress | null>> {
  return onActive(driver, uuid, async (domain) => await jobOf(driver, domain));
}

export function abortMigration(driver: Driver, uuid: string): Promise<Outcome<void>> {
  return onDeparting(driver, uuid, async (domain) => {
    await driver.client.call(remote.domainAbortJob, { domain });
  });
}

export function completeMigration(
  driver: Driver,
  uuid: string,
  { postCopy }: { postCopy: boolean },
): Promise<Outcome<void>> {
  return onDeparting(driver, uuid, async (domain) => {
    // A guest that is paused while it migrates is resumed by libvirt at the destination.
    if (postCopy) await driver.client.call(remote.domainMigrateStartPostCopy, { domain, flags: 0 });
    else await driver.client.call(remote.domainSuspend, { domain });
  });
}

function onActive<T>(
  driver: Driver,
  uuid: string,
  work: (domain: Domain) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  return asOutcome(async () => {
    const domain = await driver.domains.find(uuid);
    if (!domain) return fault('notFound', `no guest ${uuid} on this host`);
    return (await driver.domains.isActive(domain))
      ? await work(domain)
      : fault('conflict', `guest ${uuid} is off`, { state: 'shutoff' });
  });
}

function onDeparting(
  driver: Driver,
  uuid: string,
  work: (domain: Domain) => Promise<void>,
): Promise<Outcome<void>> {
  return onActive(driver, uuid, async (domain) =>
    (await jobOf(driver, domain))
      ? await work(domain)
      : fault('conflict', `no migration of guest ${uuid} is under way`),
  );
}
