// The role `glance`: images and their data. Any number of processes may run it on one database and
// one image store. Created by compose.
import type { Role } from '#openstack/role.ts';
import { glanceDefaults, type GlanceDeps } from '../deps.ts';
import { actionRoutes } from './actions.ts';
import { glanceFaults } from './fault-body.ts';
import { dataRoutes } from './image-data.ts';
import { imageRoutes } from './images.ts';
import { importRoutes } from './import.ts';
import { memberRoutes } from './members.ts';
import type { GlanceParts } from './parts.ts';
import { policies } from './policies.ts';
import { schemaRoutes } from './schemas.ts';
import { tagRoutes } from './tags.ts';
import { mendUploads } from './tasks/mend-uploads.ts';
import { purgeDeletedImages } from './tasks/purge-deleted.ts';
import { versionRoutes } from './versions.ts';

export function createGlanceApi(deps: GlanceDeps): Role {
  const parts: GlanceParts = {
    ...deps,
    config: { ...glanceDefaults, ...deps.config },
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
    http: [
      {
        name: 'glance',
        serviceType: 'image',
        mount: '/image',
        routes: [...versionRoutes, ...schemaRoutes, ...routes],
        faultStyle: glanceFaults,
        policies,
      },
    ],
    rpc: [],
    tasks: [mendUploads(parts), purgeDeletedImages(parts)],
    sagas: [],
  };
}
