// Keystone's migrations, in order of application.
import type { Migration } from '#platform/db/migrate.ts';
import { identity } from './0001-identity.ts';
import { catalog } from './0002-catalog.ts';
import { credentials } from './0003-credentials.ts';
import { extensions } from './0004-extensions.ts';

export const migrations: readonly Migration[] = [identity, catalog, credentials, extensions];
