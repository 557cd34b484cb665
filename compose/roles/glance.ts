// Creates Glance's only role, which accesses the image store itself.
import { createGlanceApi } from '#services/glance/api/role.ts';
import { auditImages } from '#services/glance/store/audit.ts';
import { migrations } from '#services/glance/store/migrations/index.ts';
import type { GlanceTables } from '#services/glance/store/tables.ts';
import type { CloudProcess } from '../process.ts';
import type { ServiceEntry } from './service-entry.ts';

export const glance = {
  migrations,
  roles: {
    glance: (process) =>
      createGlanceApi({
        database: process.database<GlanceTables>('glance'),
        store: process.storage.images,
        clock: process.clock,
        ids: process.ids,
        log: process.logOf('glance'),
        config: process.config.glance,
        processName: process.processName,
      }),
  },
} satisfies ServiceEntry;

/** How Glance's database and the image store differ, one line each; for the audit. */
export const glanceAudit = async (process: CloudProcess): Promise<string[]> =>
  await auditImages(process.database<GlanceTables>('glance').db, process.storage.images);
