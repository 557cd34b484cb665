// Glance, as data: images and their bytes. Its only face.
import type { Service } from '#openstack/service.ts';
import { actionRoutes } from './api/actions.ts';
import { glanceFaults } from './api/fault-body.ts';
import { dataRoutes } from './api/image-data.ts';
import { imageRoutes } from './api/images.ts';
import { importRoutes } from './api/import.ts';
import { memberRoutes } from './api/members.ts';
import { policies } from './api/policies.ts';
import { schemaRoutes } from './api/schemas.ts';
import { tagRoutes } from './api/tags.ts';
import { versionRoutes } from './api/versions.ts';
import { auditImages } from './audit.ts';
import type { GlanceDeps, GlanceParts } from './deps.ts';
import { glanceDefaults } from './deps.ts';
import { migrations } from './store/tables.ts';
import { mendUploads } from './tasks/mend-uploads.ts';
import { purgeDeletedImages } from './tasks/purge-deleted.ts';

export interface GlanceService extends Service {
  /** Differences between database and store; none in a healthy cloud at rest. */
  audit(): Promise<string[]>;
}

export function createGlance(deps: GlanceDeps): GlanceService {
  const uploadLeaseMs = deps.database.dialect === 'sqlite' ? 0 : glanceDefaults.uploadLeaseMs;
  const parts: GlanceParts = {
    ...deps,
    config: { ...glanceDefaults, uploadLeaseMs, ...deps.config },
    writing: new Set(),
  };
  const routes = [
    imageRoutes,
    dataRoutes,
    tagRoutes,
    memberRoutes,
    actionRoutes,
    importRoutes,
  ].flatMap((of) => of(parts));
  return {
    name: 'glance',
    http: {
      name: 'glance',
      serviceType: 'image',
      mount: '/image',
      routes: [...versionRoutes, ...schemaRoutes, ...routes],
      faultStyle: glanceFaults,
      policies,
    },
    rpc: [],
    tasks: [mendUploads(parts), purgeDeletedImages(parts)],
    sagas: [],
    migrations,
    audit: async () => await auditImages(parts),
  };
}
