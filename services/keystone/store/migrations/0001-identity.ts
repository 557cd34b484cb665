// Domains, projects, users, groups, roles and role assignments.
import type { Migration } from '#platform/db/migrate.ts';

export const identity: Migration = {
  name: '0001-identity',
  up: async (db, t) => {
    await db.schema
      .createTable('project')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('domain_id', t.id, (c) => c.notNull())
      .addColumn('parent_id', t.id)
      .addColumn('is_domain', t.bool, (c) => c.notNull())
      .addColumn('enabled', t.bool, (c) => c.notNull())
      .addColumn('description', t.text, (c) => c.notNull())
      .addColumn('options', t.json, (c) => c.notNull())
      .addColumn('extra', t.json, (c) => c.notNull())
      .addUniqueConstraint('project_name', ['domain_id', 'name'])
      .execute();
    await db.schema
      .createIndex('project_parent')
      .ifNotExists()
      .on('project')
      .column('parent_id')
      .execute();
    await db.schema
      .createTable('project_tag')
      .ifNotExists()
      .addColumn('project_id', t.id, (c) => c.notNull())
      .addColumn('name', t.name, (c) => c.notNull())
      .addPrimaryKeyConstraint('project_tag_pk', ['project_id', 'name'])
      .addForeignKeyConstraint('project_tag_project', ['project_id'], 'project', ['id'], (k) =>
        k.onDelete('cascade'),
      )
      .execute();
    await db.schema
      .createTable('user')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('domain_id', t.id, (c) => c.notNull())
      .addColumn('default_project_id', t.id)
      .addColumn('enabled', t.bool, (c) => c.notNull())
      .addColumn('password_hash', t.name, (c) => c.notNull())
      .addColumn('options', t.json, (c) => c.notNull())
      .addColumn('extra', t.json, (c) => c.notNull())
      .addColumn('failed_logins', t.int, (c) => c.notNull())
      .addColumn('failed_at', t.timeMs, (c) => c.notNull())
      .addColumn('tokens_valid_from', t.timeMs, (c) => c.notNull())
      .addUniqueConstraint('user_name', ['domain_id', 'name'])
      .execute();
    await db.schema
      .createTable('group')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('domain_id', t.id, (c) => c.notNull())
      .addColumn('description', t.text, (c) => c.notNull())
      .addColumn('extra', t.json, (c) => c.notNull())
      .addUniqueConstraint('group_name', ['domain_id', 'name'])
      .execute();
    await db.schema
      .createTable('membership')
      .ifNotExists()
      .addColumn('user_id', t.id, (c) => c.notNull())
      .addColumn('group_id', t.id, (c) => c.notNull())
      .addPrimaryKeyConstraint('membership_pk', ['user_id', 'group_id'])
      .addForeignKeyConstraint('membership_user', ['user_id'], 'user', ['id'], (k) =>
        k.onDelete('cascade'),
      )
      .addForeignKeyConstraint('membership_group', ['group_id'], 'group', ['id'], (k) =>
        k.onDelete('cascade'),
      )
      .execute();
    await db.schema
      .createTable('role')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('domain_id', t.id, (c) => c.notNull())
      .addColumn('description', t.text)
      .addColumn('options', t.json, (c) => c.notNull())
      .addColumn('extra', t.json, (c) => c.notNull())
      .addUniqueConstraint('role_name', ['domain_id', 'name'])
      .execute();
    await db.schema
      .createTable('implied_role')
      .ifNotExists()
      .addColumn('prior_role_id', t.id, (c) => c.notNull())
      .addColumn('implied_role_id', t.id, (c) => c.notNull())
      .addPrimaryKeyConstraint('implied_role_pk', ['prior_role_id', 'implied_role_id'])
      .addForeignKeyConstraint('implied_role_prior', ['prior_role_id'], 'role', ['id'], (k) =>
        k.onDelete('cascade'),
      )
      .addForeignKeyConstraint('implied_role_implied', ['implied_role_id'], 'role', ['id'], (k) =>
        k.onDelete('cascade'),
      )
      .execute();
    await db.schema
      .createTable('assignment')
      .ifNotExists()
      .addColumn('actor_kind', 'varchar(8)', (c) => c.notNull())
      .addColumn('actor_id', t.id, (c) => c.notNull())
      .addColumn('target_kind', 'varchar(8)', (c) => c.notNull())
      .addColumn('target_id', t.id, (c) => c.notNull())
      .addColumn('role_id', t.id, (c) => c.notNull())
      .addColumn('inherited', t.bool, (c) => c.notNull())
      .addPrimaryKeyConstraint('assignment_pk', [
        'actor_id',
        'actor_kind',
        'target_id',
        'target_kind',
        'role_id',
        'inherited',
      ])
      .addForeignKeyConstraint('assignment_role', ['role_id'], 'role', ['id'], (k) =>
        k.onDelete('cascade'),
      )
      .execute();
    await db.schema
      .createIndex('assignment_target')
      .ifNotExists()
      .on('assignment')
      .columns(['target_id', 'target_kind'])
      .execute();
    await db.schema
      .createTable('revoked_token')
      .ifNotExists()
      .addColumn('audit_id', t.id, (c) => c.primaryKey())
      .addColumn('expires_at', t.timeMs, (c) => c.notNull())
      .execute();
  },
};
