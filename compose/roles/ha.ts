// Creates the HA Service's roles: api and engine.
import { novaRecoveryClient } from '#openstack/clients/nova-recovery.ts';
import type { BmcDirectory } from '#ports/bmc.ts';
import type { Kube } from '#ports/kube.ts';
import { haDefaults } from '#services/ha/deps.ts';
import { migrations } from '#services/ha/store/migrations/index.ts';
import type { HaTables } from '#services/ha/store/tables.ts';
import { haAgentSecret } from '../home.ts';
import type { CloudProcess } from '../process.ts';
import type { ServiceEntry } from './service-entry.ts';

const depsOf = (process: CloudProcess) =>
  process.once('ha', () => ({
    database: process.database<HaTables>('ha'),
    nova: novaRecoveryClient({ http: process.http, session: process.session('ha') }),
    clock: process.clock,
    ids: process.ids,
    log: process.logOf('ha'),
    config: { ...haDefaults, ...process.config.ha },
  }));

const bmcsOf = ({ bmcs }: CloudProcess): BmcDirectory => bmcs ?? { bmcOf: () => undefined };

export const ha = {
  migrations,
  roles: {
    async 'ha-api'(process) {
      const { createHaApi } = await import('#services/ha/api/role.ts');
      const hasBmc = (host: string): boolean => bmcsOf(process).bmcOf(host) !== undefined;
      return createHaApi({
        ...depsOf(process),
        hasBmc,
        agentSecretOf: (host) => haAgentSecret(process.secrets, host),
      });
    },
    async 'ha-engine'(process) {
      const { createHaEngine } = await import('#services/ha/engine/role.ts');
      let kube: Kube | undefined;
      return createHaEngine({
        ...depsOf(process),
        bmcs: bmcsOf(process),
        ...(process.metrics ? { metrics: process.metrics } : {}),
        kube: () => (kube ??= process.kubeFor?.('ha-service')),
      });
    },
  },
} satisfies ServiceEntry;
