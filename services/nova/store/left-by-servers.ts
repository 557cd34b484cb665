// SQL condition for servers whose ports and volumes are to be released by the reaping tasks.
import type { Expression, SqlBool } from 'kysely';
import { expressionBuilder } from 'kysely';
import type { NovaTables } from './tables.ts';

/**
 * The condition, in a join with `servers`: true if the server is deleted, or if it is idle without
 * a host (its build failed) and `holds` is true of the row. A shelved server keeps its ports and
 * volumes.
 */
export function isLeftBehind(holds: Expression<SqlBool>): Expression<SqlBool> {
  const eb = expressionBuilder<NovaTables, 'servers'>();
  return eb.or([
    eb('servers.deleted_at_ms', 'is not', null),
    eb.and([
      eb('servers.host', 'is', null),
      eb('servers.task_state', 'is', null),
      eb('servers.shelved_at_ms', 'is', null),
      holds,
    ]),
  ]);
}
