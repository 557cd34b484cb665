// Nova, as data. Its only face: compose takes routes, messages, sagas, tasks and migrations from here.
import type { Outcome } from '#contracts/common/fault.ts';
import type { Route } from '#platform/http/api.ts';
import type { Service } from '#platform/service.ts';
import { consoleTarget } from './api/console-target.ts';
import { novaFaults } from './api/fault-body.ts';
import { instanceActionRoutes } from './api/instance-actions.ts';
import { policies } from './api/policies.ts';
import { metadataRoutes } from './api/server-metadata.ts';
import { tagRoutes } from './api/server-tags.ts';
import { serverRoutes } from './api/servers/routes.ts';
import { microversions, versionRoutes } from './api/versions.ts';
import type { NovaAudit } from '#contracts/nova/audit.ts';
import { novaAudit } from './audit.ts';
import { conductor, sagas } from './conductor/conductor.ts';
import type { NovaDeps } from './deps.ts';
import { seedFlavors } from './seed.ts';
import { migrations } from './store/migrations/index.ts';

export interface NovaService extends Service {
  /** What a console token opens; for the websocket proxy. */
  consoleTarget(token: string): Promise<Outcome<{ socketPath: string }>>;
  /** Makes the flavors a fresh cloud starts with; existing ones are left alone. */
  seed(): Promise<void>;
  /** What Nova's database says, for `cobalt doctor --audit`. */
  audit(): Promise<NovaAudit>;
}

/** `wakeSagas` tells the runner of these sagas to look at the journal. */
export function createNova(deps: NovaDeps, wakeSagas: () => void): NovaService {
  const routes: readonly Route[] = [
    ...versionRoutes,
    ...serverRoutes(deps),
    ...metadataRoutes(deps),
    ...tagRoutes(deps),
    ...instanceActionRoutes(deps),
  ];
  return {
    name: 'nova',
    http: { name: 'nova', mount: '/compute', routes, faultStyle: novaFaults, microversions, policies, requestIdHeader: 'x-compute-request-id' },
    rpc: [conductor(deps, wakeSagas)],
    tasks: [],
    sagas: sagas(deps),
    migrations,
    consoleTarget: async (token) => await consoleTarget(deps, token),
    seed: async () => await seedFlavors(deps),
    audit: async () => await novaAudit(deps),
  };
}
