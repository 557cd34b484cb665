// Creates Neutron's roles: api, and the writer to OVN.
import { isFault } from '#contracts/common/fault.ts';
import type { NeutronAudit } from '#contracts/neutron/audit.ts';
import type { NeutronDeps } from '#services/neutron/deps.ts';
import { neutronDefaults } from '#services/neutron/deps.ts';
import type { OvnWriterRole } from '#services/neutron/ovn/role.ts';
import { migrations } from '#services/neutron/store/migrations/index.ts';
import type { NeutronTables } from '#services/neutron/store/tables.ts';
import type { CloudProcess } from '../process.ts';
import type { ServiceEntry } from './service-entry.ts';

const depsOf = (process: CloudProcess): NeutronDeps =>
  process.once('neutron', () => {
    const { dnsServers, ...settings } = process.config.neutron;
    return {
      database: process.database<NeutronTables>('neutron'),
      bus: process.bus,
      http: process.http,
      session: process.session('neutron'),
      clock: process.clock,
      ids: process.ids,
      log: process.logOf('neutron'),
      config: {
        ...neutronDefaults,
        ...settings,
        publicCidr: process.network.publicCidr,
        dnsServers: dnsServers.split(/[ ,]+/).filter(Boolean),
      },
    };
  });

const ovnWriter = async (process: CloudProcess): Promise<OvnWriterRole> =>
  await process.once('neutron-ovn-writer', async () => {
    const { createNeutronOvnWriter } = await import('#services/neutron/ovn/role.ts');
    return createNeutronOvnWriter({ ...depsOf(process), openSdn: process.network.openSdn });
  });

export const neutron = {
  migrations,
  roles: {
    async 'neutron-api'(process) {
      const { createNeutronApi } = await import('#services/neutron/api/role.ts');
      return createNeutronApi(depsOf(process));
    },
    'neutron-ovn-writer': ovnWriter,
  },
} satisfies ServiceEntry;

/** Creates a fresh cloud's networks: the external one, and the demo project's. Idempotent. */
export async function seedNeutron(process: CloudProcess): Promise<void> {
  const { seed } = await import('#services/neutron/api/seed.ts');
  await seed(depsOf(process));
}

/**
 * Neutron's records for the audit, and how OVN differs from them. `beside`: this process is not the
 * writer.
 */
export async function neutronAudit(
  process: CloudProcess,
  { beside = false } = {},
): Promise<NeutronAudit> {
  const { neutronAudit: audit } = await import('#services/neutron/store/audit.ts');
  const below = beside ? await auditBeside(process) : await (await ovnWriter(process)).audit();
  return {
    ...(await audit(process.database<NeutronTables>('neutron').db)),
    sdn: isFault(below) ? below.message : below,
  };
}

async function auditBeside(process: CloudProcess) {
  const { auditNetworkOnce } = await import('#services/neutron/ovn/audit.ts');
  return await auditNetworkOnce(depsOf(process), process.network.openSdn);
}
