// Glance, as data: images and their bytes. Its only face.
import type { Service } from '#openstack/service.ts';
import type { GlanceDeps, GlanceParts } from '../deps.ts';
import { glanceDefaults } from '../deps.ts';
import { auditImages } from '../store/audit.ts';
import { migrations } from '../store/tables.ts';
import { actionRoutes } from './actions.ts';
import { glanceFaults } from './fault-body.ts';
import { dataRoutes } from './image-data.ts';
import { imageRoutes } from './images.ts';
import { importRoutes } from './import.ts';
import { memberRoutes } from './members.ts';
import { policies } from './policies.ts';
import { schemaRoutes } from './schemas.ts';
import { tagRoutes } from './tags.ts';
import { mendUploads } from './tasks/mend-uploads.ts';
import { purgeDeletedImages } from './tasks/purge-deleted.ts';
import { versionRoutes } from './versions.ts';

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
