// Keystone's schema, step by step.
import type { Migration } from '#platform/db/migrate.ts';
import { identity } from '#services/keystone/store/migrations/0001-identity.ts';
import { catalog } from '#services/keystone/store/migrations/0002-catalog.ts';
import { credentials } from '#services/keystone/store/migrations/0003-credentials.ts';
import { extensions } from '#services/keystone/store/migrations/0004-extensions.ts';

export const migrations: readonly Migration[] = [identity, catalog, credentials, extensions];
