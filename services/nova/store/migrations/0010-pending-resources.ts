// Table of resources that requests are creating at other services, or have left there. It replaces
// `makings`, which the next release drops.
import { sql } from 'kysely';
import type { Migration } from '#platform/db/migrate.ts';

export const pendingResources: Migration = {
  name: '0010-pending-resources',
  up: async (db, t) => {
    await db.schema
      .createTable('pending_resources')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.notNull().primaryKey())
      .addColumn('request_id', t.id, (c) => c.notNull())
      .addColumn('parts', t.int, (c) => c.notNull())
      .addColumn('committed_parts', t.int, (c) => c.notNull())
      .addColumn('image_id', t.id)
      .addColumn('abandoned', t.bool, (c) => c.notNull())
      .addColumn('heartbeat_until_ms', t.timeMs, (c) => c.notNull())
      .execute();
    // Requests of the previous release ended with its processes. What their sagas kept track of is
    // moved to this table, marked as abandoned.
    const { rows } = await sql<{ input: string; request_id: string; kept: number | null }>`
      select sagas.input, sagas.request_id, makings.kept from sagas
      left join makings on sagas.lock_key = 'making:' || makings.id
      where sagas.name = 'nova.guard-making'
    `.execute(db);
    for (const { input, request_id, kept } of rows) {
      if (kept === null) continue; // everything was committed
      const guarded = JSON.parse(input) as {
        makingId: string;
        parts: number;
        imageId: string | null;
      };
      await sql`
        insert into pending_resources
          (id, request_id, parts, committed_parts, image_id, abandoned, heartbeat_until_ms)
        values (${guarded.makingId}, ${request_id}, ${guarded.parts}, ${kept}, ${guarded.imageId}, 1, 0)
      `.execute(db);
    }
    await sql`delete from sagas where name = 'nova.guard-making'`.execute(db);
  },
};
