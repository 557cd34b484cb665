// Placement's schema migrations in the order of application.
import type { Migration } from '#platform/db/migrate.ts';
import { placementTables } from './0001-placement.ts';

export const migrations: readonly Migration[] = [placementTables];
