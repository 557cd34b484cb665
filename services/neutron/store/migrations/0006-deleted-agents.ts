// Agents that an operator deleted stay hidden until they are started again.
import { addColumn } from '#platform/db/add-column.ts';
import type { Migration } from '#platform/db/migrate.ts';

export const deletedAgents: Migration = {
  name: '0006-deleted-agents',
  up: async (db, t) => {
    await addColumn(db, 'agents', 'deleted_at_ms', t.timeMs);
  },
};
