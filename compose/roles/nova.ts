// Creates Nova's roles: api, metadata, conductor and scheduler; and answers the console proxy.
import type { Outcome } from '#contracts/common/fault.ts';
import type { NovaAudit } from '#contracts/nova/audit.ts';
import type { ConsoleTarget } from '#services/nova/console/console-target.ts';
import type { NovaDeps } from '#services/nova/deps.ts';
import { novaDefaults } from '#services/nova/deps.ts';
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
      asksCortex: process.config.cortex.enabled,
      consoleBaseUrl: `${process.origin}/console`,
      metadataSecret: process.secrets.metadata,
    },
  }));

export const nova = {
  migrations,
  roles: {
    async 'nova-api'(process) {
      const { createNovaApi } = await import('#services/nova/api/role.ts');
      return createNovaApi(depsOf(process));
    },
    async 'nova-metadata'(process) {
      const { createNovaMetadata } = await import('#services/nova/metadata/role.ts');
      return createNovaMetadata(depsOf(process));
    },
    async 'nova-conductor'(process) {
      const { createNovaConductor } = await import('#services/nova/conductor/role.ts');
      return createNovaConductor(depsOf(process), () => process.wakeSagas('nova'));
    },
    async 'nova-scheduler'(process) {
      const { createNovaScheduler } = await import('#services/nova/scheduler/role.ts');
      return createNovaScheduler(depsOf(process));
    },
  },
} satisfies ServiceEntry;

/** Creates a fresh cloud's flavors. Idempotent. */
export const seedNova = async (process: CloudProcess): Promise<void> =>
  await seedFlavors(depsOf(process));

/** Nova's records for the audit. */
export async function novaAudit(process: CloudProcess): Promise<NovaAudit> {
  const { novaAudit: audit } = await import('#services/nova/store/audit.ts');
  return await audit(depsOf(process));
}

/** Which guest a console token opens; for the websocket proxy. */
export const consoleTarget =
  (process: CloudProcess) =>
  async (token: string): Promise<Outcome<ConsoleTarget>> => {
    const { consoleTarget: target } = await import('#services/nova/console/console-target.ts');
    return await target(depsOf(process), token);
  };
