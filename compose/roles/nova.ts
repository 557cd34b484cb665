// Nova: api, metadata, conductor and scheduler, and what the console proxy asks.
import type { NovaAudit } from '#contracts/nova/audit.ts';
import { createNovaApi } from '#services/nova/api/role.ts';
import { createNovaConductor } from '#services/nova/conductor/role.ts';
import { consoleTarget as target } from '#services/nova/console/console-target.ts';
import type { NovaDeps } from '#services/nova/deps.ts';
import { novaDefaults } from '#services/nova/deps.ts';
import { createNovaMetadata } from '#services/nova/metadata/role.ts';
import { createNovaScheduler } from '#services/nova/scheduler/role.ts';
import { novaAudit as audit } from '#services/nova/store/audit.ts';
import { migrations } from '#services/nova/store/migrations/index.ts';
import { seedFlavors } from '#services/nova/store/seed.ts';
import type { NovaTables } from '#services/nova/store/tables.ts';
import type { CloudProcess } from '../process.ts';
import type { ServiceEntry } from './service-entry.ts';

const depsOf = (process: CloudProcess): NovaDeps =>
  process.once('nova', () => ({
    database: process.database<NovaTables>('nova'),
    sagas: process.sagas('nova'),
    bus: process.bus,
    http: process.http,
    session: process.session('nova'),
    clock: process.clock,
    ids: process.ids,
    log: process.logOf('nova'),
    config: {
      ...novaDefaults,
      ...process.config.nova,
      consoleBaseUrl: `${process.origin}/console`,
      metadataSecret: process.secrets.metadata,
    },
  }));

export const nova = {
  migrations,
  roles: {
    'nova-api': (process) => createNovaApi(depsOf(process)),
    'nova-metadata': (process) => createNovaMetadata(depsOf(process)),
    'nova-conductor': (process) =>
      createNovaConductor(depsOf(process), () => process.wakeSagas('nova')),
    'nova-scheduler': (process) => createNovaScheduler(depsOf(process)),
  },
} satisfies ServiceEntry;

/** The flavors that a fresh cloud starts with. Once in a cloud's life; safe to repeat. */
export const seedNova = async (process: CloudProcess): Promise<void> =>
  await seedFlavors(depsOf(process));

/** What Nova's database says. */
export const novaAudit = async (process: CloudProcess): Promise<NovaAudit> =>
  await audit(depsOf(process));

/** What a console token opens; for the websocket proxy. */
export const consoleTarget =
  (process: CloudProcess) =>
  async (token: string): ReturnType<typeof target> =>
    await target(depsOf(process), token);
