// Neutron, as data. Its only face: compose takes routes, messages, tasks and migrations from here.
import { isFault } from '#contracts/common/fault.ts';
import type { NeutronAudit } from '#contracts/neutron/audit.ts';
import type { Service } from '#openstack/service.ts';
import type { SdnDrift } from '#ports/sdn.ts';
import { neutronFaults } from './api/fault-body.ts';
import { policies } from './api/policies.ts';
import { neutronRoutes } from './api/routes.ts';
import { neutronAudit } from './audit.ts';
import type { NeutronDeps } from './deps.ts';
import { createSdnSide } from './ovn/sdn-side.ts';
import { seed } from './seed.ts';
import { migrations } from './store/migrations/index.ts';

export interface NeutronService extends Service {
  /**
   * Makes what a fresh cloud starts with: the external network, and the demo project's own. Once in
   * a cloud's life; safe to repeat.
   */
  seed(): Promise<void>;
  /**
   * What Neutron's database says and how the network below differs from it, for `cobalt doctor
   * --audit`.
   */
  audit(): Promise<NeutronAudit>;
  /** Rows of the network below that were found drifted and mended, since this process started. */
  mended(): SdnDrift;
  /**
   * Leaves the network below: takes up nothing more and resolves when what was at work has ended.
   */
  close(): Promise<void>;
}

export function createNeutron(deps: NeutronDeps): NeutronService {
  const sdn = createSdnSide(deps);
  const parts = {
    ...deps,
    changed: () => sdn.wake(),
    hostIsKnown: (host: string) => sdn.hostIsKnown(host),
  };
  return {
    name: 'neutron',
    http: {
      name: 'neutron',
      serviceType: 'network',
      mount: '/network',
      routes: neutronRoutes(parts),
      faultStyle: neutronFaults,
      policies,
      maxBodyBytes: 1024 * 1024,
    },
    rpc: sdn.rpc,
    tasks: sdn.tasks,
    sagas: [],
    migrations,
    seed: async () => await seed(parts),
    audit: async () => {
      const below = await sdn.audit();
      return { ...(await neutronAudit(deps)), sdn: isFault(below) ? below.message : below };
    },
    mended: () => sdn.mended(),
    close: async () => await sdn.close(),
  };
}
