// Keystone's schema, step by step.
import type { Migration } from '#platform/db/migrate.ts';
import { identity } from './migrations/0001-identity.ts';
import { catalog } from './migrations/0002-catalog.ts';
import { credentials } from './migrations/0003-credentials.ts';
import { extensions } from './migrations/0004-extensions.ts';

export const migrations: readonly Migration[] = [identity, catalog, credentials, extensions];
