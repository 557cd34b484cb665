// Creates Placement's only role.
import type { PlacementAudit } from '#contracts/nova/audit.ts';
import { createPlacementApi } from '#services/placement/api/role.ts';
import { placementAudit as audit } from '#services/placement/store/audit.ts';
import { migrations } from '#services/placement/store/migrations/index.ts';
import type { PlacementTables } from '#services/placement/store/tables.ts';
import type { CloudProcess } from '../process.ts';
import type { ServiceEntry } from './service-entry.ts';

export const placement = {
  migrations,
  roles: {
    placement: (process) =>
      createPlacementApi({
        database: process.database<PlacementTables>('placement'),
        clock: process.clock,
        ids: process.ids,
      }),
  },
} satisfies ServiceEntry;

/** Placement's records for the audit. */
export const placementAudit = async (process: CloudProcess): Promise<PlacementAudit> =>
  await audit(process.database<PlacementTables>('placement').db);
