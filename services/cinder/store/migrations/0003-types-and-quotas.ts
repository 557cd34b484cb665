// Volume types, quotas, services and messages.
import type { Migration } from '#platform/db/migrate.ts';

export const typesAndQuotas: Migration = {
  name: '0003-house',
  up: async (db, t) => {
    await db.schema
      .createTable('volume_types')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('name', t.name, (c) => c.notNull().unique())
      .addColumn('description', t.text)
      .addColumn('is_public', t.bool, (c) => c.notNull())
      .addColumn('extra_specs_json', t.json, (c) => c.notNull())
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .execute();
    await db.schema
      .createTable('type_access')
      .ifNotExists()
      .addColumn('type_id', t.id, (c) => c.notNull())
      .addColumn('project_id', t.id, (c) => c.notNull())
      .addPrimaryKeyConstraint('type_access_key', ['type_id', 'project_id'])
      .execute();
    await db.schema
      .createTable('quotas')
      .ifNotExists()
      .addColumn('project_id', t.id, (c) => c.notNull())
      .addColumn('resource', t.name, (c) => c.notNull())
      .addColumn('hard_limit', t.int, (c) => c.notNull())
      .addPrimaryKeyConstraint('quotas_key', ['project_id', 'resource'])
      .execute();
    await db.schema
      .createTable('quota_locks')
      .ifNotExists()
      .addColumn('project_id', t.id, (c) => c.primaryKey())
      .addColumn('touched', t.timeMs, (c) => c.notNull())
      .execute();
    await db.schema
      .createTable('services')
      .ifNotExists()
      .addColumn('binary', t.id, (c) => c.notNull())
      .addColumn('host', t.name, (c) => c.notNull())
      .addColumn('zone', t.name, (c) => c.notNull())
      .addColumn('disabled', t.bool, (c) => c.notNull())
      .addColumn('disabled_reason', t.text)
      .addColumn('heartbeat_at_ms', t.timeMs, (c) => c.notNull())
      .addPrimaryKeyConstraint('services_key', ['binary', 'host'])
      .execute();
    await db.schema
      .createTable('messages')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('project_id', t.id, (c) => c.notNull())
      .addColumn('request_id', t.id, (c) => c.notNull())
      .addColumn('resource_type', t.id, (c) => c.notNull())
      .addColumn('resource_id', t.id, (c) => c.notNull())
      .addColumn('action_id', t.id, (c) => c.notNull())
      .addColumn('detail_id', t.id, (c) => c.notNull())
      .addColumn('user_message', t.text, (c) => c.notNull())
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('expires_at_ms', t.timeMs, (c) => c.notNull())
      .execute();
    await db.schema
      .createIndex('messages_by_project')
      .ifNotExists()
      .on('messages')
      .columns(['project_id', 'created_at_ms'])
      .execute();
    await db.schema
      .createTable('marks')
      .ifNotExists()
      .addColumn('name', t.id, (c) => c.primaryKey())
      .execute();
  },
};
