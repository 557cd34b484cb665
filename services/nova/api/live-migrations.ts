// Aborts a live migration in progress, or forces it to complete.
// https://docs.openstack.org/api-ref/compute/#server-migrations-servers-migrations
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { MigrationStatus } from '#contracts/nova/migration-states.ts';
import type { ApiRequest, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import { agentOn } from '../rpc-clients.ts';
import { advanceMigration, findMigrationOfServer } from '../store/server-migrations.ts';
import type { Server } from '../store/servers.ts';
import type { MigrationRow } from '../store/tables.ts';
import { ofServer } from './request.ts';
import { checkLock, logInstant } from './servers/begin.ts';

const agentTimeoutMs = 30_000;
const path = '/v2.1/servers/:id/migrations/:migration';
/**
 * Since 2.65 a migration whose guest has not begun to move (queued, preparing) can be aborted as
 * well.
 */
const waitingSince = 65;
const waiting: readonly MigrationStatus[] = ['queued', 'preparing'];

export function liveMigrationRoutes(deps: NovaDeps): readonly Route[] {
  return [
    route('DELETE', path, {
      policy: 'os_compute_api:servers:migrations:delete',
      since: 24,
      faults: ['notFound', 'conflict'],
      handler: ofServer(deps, async (request, server) => {
        const states = request.version < waitingSince ? [] : waiting;
        const row = await underWay(deps, request, server, 'abort live migration', [
          'running',
          ...states,
        ]);
        if (isFault(row)) return row;
        const { database, clock } = deps;
        // The saga reads this status before it starts to move the guest, and then ends.
        if (row.status !== 'running')
          await advanceMigration(database.db, row, 'cancelled', clock.now());
        const aborted = await agentOn(deps, row.source_host ?? '').call(
          'abortMigration',
          { uuid: server.id },
          { timeoutMs: agentTimeoutMs, requestId: request.id },
        );
        if (isFault(aborted) && row.status === 'running') return aborted;
        await logInstant(deps, request, server, 'live_migration_cancel');
        return { status: 202 };
      }),
    }),
    route('POST', `${path}/action`, {
      policy: 'os_compute_api:servers:migrations:force_complete',
      since: 22,
      body: Type.Object({ force_complete: Type.Null() }, { additionalProperties: false }),
      faults: ['notFound', 'conflict'],
      handler: ofServer(deps, async (request, server) => {
        const row = await underWay(deps, request, server, 'force_complete', ['running']);
        if (isFault(row)) return row;
        const completed = await agentOn(deps, row.source_host ?? '').call(
          'completeMigration',
          { uuid: server.id, postCopy: deps.config.liveMigrationPermitPostCopy },
          { timeoutMs: agentTimeoutMs, requestId: request.id },
        );
        if (isFault(completed)) return completed;
        await logInstant(deps, request, server, 'live_migration_force_complete');
        return { status: 202 };
      }),
    }),
  ];
}

/**
 * Finds the live migration `:migration` of the server. conflict: the server is locked or not
 * migrating; notFound: it has no such live migration; badRequest: its status is not in `states`.
 * Messages are those of nova.exception.
 */
async function underWay(
  deps: NovaDeps,
  request: ApiRequest<unknown>,
  server: Server,
  method: string,
  states: readonly MigrationStatus[],
): Promise<Outcome<MigrationRow>> {
  const locked = checkLock(request, server);
  if (isFault(locked)) return locked;
  const id = request.params['migration'] ?? '';
  const row = /^\d{1,15}$/.test(id)
    ? await findMigrationOfServer(deps.database.db, server.id, Number(id))
    : undefined;
  if (!row || row.type !== 'live-migration')
    return fault('notFound', `Migration ${id} not found for instance ${server.id}`);
  if (server.task_state !== 'migrating')
    return fault(
      'conflict',
      `Cannot '${method}' instance ${server.id} while it is in task_state ${server.task_state ?? 'None'}`,
    );
  return states.includes(row.status)
    ? row
    : fault(
        'badRequest',
        `Migration ${id} state of instance ${server.id} is ${row.status}. Cannot ${method} while the migration is in this state.`,
      );
}
