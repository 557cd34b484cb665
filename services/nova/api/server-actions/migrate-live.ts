// os-migrateLive: moves a running or paused server to another host.
// https://docs.openstack.org/api-ref/compute/#live-migrate-server-os-migratelive-action
import Type from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import { booleanOf, booleanSchema } from '#openstack/http/lenient-values.ts';
import { wrongStorage } from '../../domain/live-migration.ts';
import { liveMigrationStates } from '../../domain/server-state.ts';
import { findNode } from '../../store/hosts.ts';
import { admin } from '../policy-rules.ts';
import { beginLiveMigration } from '../servers/begin-move.ts';
import { checkLock } from '../servers/begin.ts';
import type { ServerActionRow } from './action.ts';
import { accepted } from './action.ts';

const exact = { additionalProperties: false };
const host = Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Null()]);
const block = Type.Union([booleanSchema, Type.Literal('auto')]);
/**
 * Since 2.34 the request is answered before it is checked whether the server's storage allows this
 * kind of move; before, the check came first and answered 400.
 */
const checkedLaterSince = 34;

export const migrateLive: ServerActionRow = {
  key: 'os-migrateLive',
  policy: { name: 'os_compute_api:os-migrate-server:migrate_live', default: admin },
  faults: ['conflict', 'notFound'],
  schema: [
    {
      from: 0,
      schema: Type.Object(
        { host, block_migration: booleanSchema, disk_over_commit: booleanSchema },
        exact,
      ),
    },
    { from: 25, schema: Type.Object({ host, block_migration: block }, exact) },
    {
      from: 30,
      schema: Type.Object(
        { host, block_migration: block, force: Type.Optional(booleanSchema) },
        exact,
      ),
    },
    { from: 68, schema: Type.Object({ host, block_migration: block }, exact) },
  ],
  handler: async (deps, request, server, value) => {
    // validated by the schema
    const wanted = value as { host: string | null; block_migration: Json; force?: Json };
    const locked = checkLock(request, server);
    if (locked) return locked;
    const blockMigration =
      wanted.block_migration === 'auto' ? 'auto' : (booleanOf(wanted.block_migration) ?? 'auto');
    // `force` with a host skips only the scheduler's choice: the resources are claimed on that host
    // in any case, so it is never overcommitted.
    if (booleanOf(wanted.force ?? false) && wanted.host === null)
      return fault('badRequest', "Can't force to a non-provided destination");
    if (!liveMigrationStates.includes(server.vm_state))
      return fault(
        'conflict',
        `Cannot 'os-migrateLive' instance ${server.id} while it is in vm_state ${server.vm_state}`,
      );
    if (wanted.host !== null && !(await findNode(deps.database.db, wanted.host)))
      return fault('badRequest', `Compute host ${wanted.host} could not be found.`);
    if (wanted.host !== null && wanted.host === server.host)
      return fault(
        'badRequest',
        `Unable to migrate instance (${server.id}) to current host (${wanted.host}).`,
      );
    const wrong =
      request.version < checkedLaterSince ? wrongStorage(server, blockMigration) : undefined;
    if (wrong !== undefined) return fault('badRequest', wrong);
    const begun = await beginLiveMigration(deps, request, server, {
      host: wanted.host,
      blockMigration,
    });
    return isFault(begun) ? begun : accepted;
  },
};
