// Application credentials, access rules, EC2 and other credentials, trusts, policy documents,
// limits, domain configuration.
import type { Migration } from '#platform/db/migrate.ts';

export const credentials: Migration = {
  name: '0003-credentials',
  up: async (db, t) => {
    await db.schema
      .createTable('application_credential')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('user_id', t.id, (c) => c.notNull())
      .addColumn('project_id', t.id, (c) => c.notNull())
      .addColumn('name', t.name, (c) => c.notNull())
      .addColumn('description', t.text)
      .addColumn('secret_hash', t.name, (c) => c.notNull())
      .addColumn('expires_at_us', t.bigint)
      .addColumn('unrestricted', t.bool, (c) => c.notNull())
      .addColumn('roles', t.json, (c) => c.notNull())
      .addColumn('access_rules', t.json)
      .addUniqueConstraint('application_credential_name', ['user_id', 'name'])
      .addForeignKeyConstraint('application_credential_user', ['user_id'], 'user', ['id'], (k) =>
        k.onDelete('cascade'),
      )
      .addForeignKeyConstraint(
        'application_credential_project',
        ['project_id'],
        'project',
        ['id'],
        (k) => k.onDelete('cascade'),
      )
      .execute();
    await db.schema
      .createTable('access_rule')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('user_id', t.id, (c) => c.notNull())
      .addColumn('service', t.name, (c) => c.notNull())
      .addColumn('method', 'varchar(16)', (c) => c.notNull())
      .addColumn('path', t.text, (c) => c.notNull())
      .addForeignKeyConstraint('access_rule_user', ['user_id'], 'user', ['id'], (k) =>
        k.onDelete('cascade'),
      )
      .execute();
    await db.schema
      .createTable('credential')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('user_id', t.id, (c) => c.notNull())
      .addColumn('project_id', t.id)
      .addColumn('type', t.name, (c) => c.notNull())
      .addColumn('blob', t.text, (c) => c.notNull())
      .addForeignKeyConstraint('credential_user', ['user_id'], 'user', ['id'], (k) =>
        k.onDelete('cascade'),
      )
      .execute();
    await db.schema
      .createTable('trust')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('trustor_user_id', t.id, (c) => c.notNull())
      .addColumn('trustee_user_id', t.id, (c) => c.notNull())
      .addColumn('project_id', t.id)
      .addColumn('impersonation', t.bool, (c) => c.notNull())
      .addColumn('expires_at', t.timeMs)
      .addColumn('remaining_uses', t.int)
      .addColumn('roles', t.json, (c) => c.notNull())
      .addColumn('deleted_at', t.timeMs)
      .addForeignKeyConstraint('trust_trustor', ['trustor_user_id'], 'user', ['id'], (k) =>
        k.onDelete('cascade'),
      )
      .addForeignKeyConstraint('trust_trustee', ['trustee_user_id'], 'user', ['id'], (k) =>
        k.onDelete('cascade'),
      )
      .execute();
    await db.schema
      .createTable('policy')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('type', t.name, (c) => c.notNull())
      .addColumn('blob', t.text, (c) => c.notNull())
      .addColumn('extra', t.json, (c) => c.notNull())
      .execute();
    await db.schema
      .createTable('registered_limit')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('service_id', t.id, (c) => c.notNull())
      .addColumn('region_id', t.id, (c) => c.notNull())
      .addColumn('resource_name', t.name, (c) => c.notNull())
      .addColumn('default_limit', t.bigint, (c) => c.notNull())
      .addColumn('description', t.text)
      .addUniqueConstraint('registered_limit_key', ['service_id', 'region_id', 'resource_name'])
      .execute();
    await db.schema
      .createTable('resource_limit')
      .ifNotExists()
      .addColumn('id', t.id, (c) => c.primaryKey())
      .addColumn('service_id', t.id, (c) => c.notNull())
      .addColumn('region_id', t.id, (c) => c.notNull())
      .addColumn('resource_name', t.name, (c) => c.notNull())
      .addColumn('resource_limit', t.bigint, (c) => c.notNull())
      .addColumn('description', t.text)
      .addColumn('project_id', t.id, (c) => c.notNull())
      .addColumn('domain_id', t.id, (c) => c.notNull())
      .addUniqueConstraint('resource_limit_key', [
        'service_id',
        'region_id',
        'resource_name',
        'project_id',
        'domain_id',
      ])
      .execute();
    await db.schema
      .createTable('domain_config')
      .ifNotExists()
      .addColumn('domain_id', t.id, (c) => c.notNull())
      .addColumn('group', t.id, (c) => c.notNull())
      .addColumn('option', t.id, (c) => c.notNull())
      .addColumn('value', t.json, (c) => c.notNull())
      .addPrimaryKeyConstraint('domain_config_pk', ['domain_id', 'group', 'option'])
      .addForeignKeyConstraint('domain_config_domain', ['domain_id'], 'project', ['id'], (k) =>
        k.onDelete('cascade'),
      )
      .execute();
  },
};
