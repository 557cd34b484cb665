// Column for a server's scheduler hints, which apply to its first placement and to later moves.
import { addColumn } from '#platform/db/add-column.ts';
import type { Migration } from '#platform/db/migrate.ts';

export const schedulerHints: Migration = {
  name: '0012-scheduler-hints',
  up: async (db, t) => {
    await addColumn(db, 'servers', 'scheduler_hints', t.json);
  },
};
