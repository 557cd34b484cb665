// The API server's schema migrations in the order of application.
import type { Migration } from '#platform/db/migrate.ts';
import { objects } from './0001-objects.ts';

export const migrations: readonly Migration[] = [objects];
