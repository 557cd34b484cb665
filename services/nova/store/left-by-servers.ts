// Which servers hold nothing by right any more: for the tasks that give ports and volumes back.
import type { Expression, SqlBool } from 'kysely';
import { expressionBuilder } from 'kysely';
import type { NovaTables } from './tables.ts';

/**
 * In a join with `servers`: the server is deleted, or it is idle on no host, as after a build that
 * failed, and `holds` is true of the row. A shelved one is on no host and keeps what it has.
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
