// Tables of servers and their action log.
import type { Migration } from '#platform/db/migrate.ts';

export const servers: Migration = {
  name: '0002-servers',
  up: async (db, t) => {
    await db.schema
      .createTable('servers')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('number', t.bigint, (c) => c.notNull().unique())
      .addColumn('project_id', t.id, (c) => c.notNull())
      .addColumn('user_id', t.id, (c) => c.notNull())
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('description', t.text)
      .addColumn('hostname', t.name, (c) => c.notNull())
      .addColumn('vm_state', t.id, (c) => c.notNull())
      .addColumn('task_state', t.id)
      .addColumn('power_state', t.int, (c) => c.notNull())
      .addColumn('host', t.name)
      .addColumn('node', t.id)
      .addColumn('image_id', t.id)
      .addColumn('image', t.json, (c) => c.notNull())
      .addColumn('flavor', t.json, (c) => c.notNull())
      .addColumn('flavor_id', t.name, (c) => c.notNull())
      .addColumn('vcpus', t.int, (c) => c.notNull())
      .addColumn('memory_mib', t.int, (c) => c.notNull())
      .addColumn('disk_gib', t.int, (c) => c.notNull())
      .addColumn('key_name', t.name)
      .addColumn('key_data', t.text)
      .addColumn('user_data', t.text)
      .addColumn('metadata', t.json, (c) => c.notNull())
      .addColumn('tags', t.text, (c) => c.notNull())
      .addColumn('config_drive', t.bool, (c) => c.notNull())
      .addColumn('admin_pass', t.text)
      .addColumn('access_ip_v4', t.id)
      .addColumn('access_ip_v6', t.id)
      .addColumn('availability_zone', t.name)
      .addColumn('disk_config', t.id, (c) => c.notNull())
      .addColumn('personality', t.json, (c) => c.notNull())
      .addColumn('reservation_id', t.id, (c) => c.notNull())
      .addColumn('locked', t.bool, (c) => c.notNull())
      .addColumn('locked_reason', t.text)
      .addColumn('progress', t.int, (c) => c.notNull())
      .addColumn('fault', t.json)
      .addColumn('launched_at_ms', t.timeMs)
      .addColumn('terminated_at_ms', t.timeMs)
      .addColumn('created_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('updated_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('deleted_at_ms', t.timeMs)
      .execute();
    await db.schema
      .createIndex('servers_by_project')
      .ifNotExists()
      .on('servers')
      .columns(['project_id', 'deleted_at_ms', 'created_at_ms'])
      .execute();
    await db.schema
      .createIndex('servers_by_host')
      .ifNotExists()
      .on('servers')
      .columns(['host', 'deleted_at_ms'])
      .execute();
    await db.schema
      .createIndex('servers_by_age')
      .ifNotExists()
      .on('servers')
      .columns(['deleted_at_ms', 'created_at_ms'])
      .execute();
    await db.schema
      .createTable('actions')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('server_id', t.id, (c) => c.notNull())
      .addColumn('action', t.name, (c) => c.notNull())
      .addColumn('request_id', t.id, (c) => c.notNull())
      .addColumn('project_id', t.id, (c) => c.notNull())
      .addColumn('user_id', t.id, (c) => c.notNull())
      .addColumn('message', t.text)
      .addColumn('started_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('updated_at_ms', t.timeMs, (c) => c.notNull())
      .execute();
    await db.schema
      .createIndex('actions_by_server')
      .ifNotExists()
      .on('actions')
      .columns(['server_id', 'started_at_ms'])
      .execute();
    await db.schema
      .createTable('action_events')
      .ifNotExists()
      .addColumn('action_id', t.id, (c) => c.notNull())
      .addColumn('seq', t.int, (c) => c.notNull())
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('host', t.name)
      .addColumn('result', t.id)
      .addColumn('details', t.text)
      .addColumn('started_at_ms', t.timeMs, (c) => c.notNull())
      .addColumn('finished_at_ms', t.timeMs)
      .addPrimaryKeyConstraint('action_events_key', ['action_id', 'seq'])
      .execute();
    await db.schema
      .createTable('counters')
      .ifNotExists()
      .addColumn('name', t.id, (c) => c.primaryKey())
      .addColumn('value', t.bigint, (c) => c.notNull())
      .execute();
    await db.schema
      .createTable('console_tokens')
      .ifNotExists()
      .addColumn('token_hash', t.id, (c) => c.primaryKey())
      .addColumn('server_id', t.id, (c) => c.notNull())
      .addColumn('host', t.name, (c) => c.notNull())
      .addColumn('protocol', t.id, (c) => c.notNull())
      .addColumn('expires_at_ms', t.timeMs, (c) => c.notNull())
      .execute();
  },
};
