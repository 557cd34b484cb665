// Agents that an operator deleted stay away until they are started anew.
import type { Migration } from '#platform/db/migrate.ts';

export const deletedAgents: Migration = {
  name: '0006-deleted-agents',
  up: async (db, t) => {
    await db.schema.alterTable('agents').addColumn('deleted_at_ms', t.timeMs).execute();
  },
};
