// Agents that an operator deleted stay away until they are started anew.
import { addColumn } from '#platform/db/add-column.ts';
import type { Migration } from '#platform/db/migrate.ts';

export const deletedAgents: Migration = {
  name: '0006-deleted-agents',
  up: async (db, t) => {
    await addColumn(db, 'agents', 'deleted_at_ms', t.timeMs);
  },
};
