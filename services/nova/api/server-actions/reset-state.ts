// os-resetState: an operator sets the recorded vm_state by hand, as a repair. Nothing changes on
// the host.
import Type from 'typebox';
import { changeServer } from '../../store/servers.ts';
import { admin, member } from '../policy-rules.ts';
import { beginDeletion } from '../servers/begin.ts';
import type { ServerActionRow } from './action.ts';
import { accepted } from './action.ts';

export const resetState: ServerActionRow = {
  key: 'os-resetState',
  policy: { name: 'os_compute_api:os-admin-actions:reset_state', default: admin },
  faults: ['notFound'],
  schema: Type.Object(
    { state: Type.Union([Type.Literal('active'), Type.Literal('error')]) },
    { additionalProperties: false },
  ),
  handler: async (deps, _request, server, value) => {
    const { state } = value as { state: 'active' | 'error' }; // validated by the schema
    await changeServer(
      deps.database.db,
      server.id,
      { vm_state: state, task_state: null },
      deps.clock.now(),
    );
    return accepted;
  },
};

export const forceDelete: ServerActionRow = {
  key: 'forceDelete',
  policy: { name: 'os_compute_api:servers:delete', default: member },
  faults: ['conflict', 'notFound'],
  handler: async (deps, request, server) =>
    (await beginDeletion(deps, request, server)) ?? accepted,
};
