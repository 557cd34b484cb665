// Lock and unlock: carried out at once, in any state of the server.
import Type from 'typebox';
import { fault } from '#contracts/common/fault.ts';
import { changeServer } from '../../store/servers.ts';
import { member } from '../policy-rules.ts';
import { logInstant } from '../servers/begin.ts';
import type { ServerActionRow } from './action.ts';
import { accepted } from './action.ts';

export const lock: ServerActionRow = {
  key: 'lock',
  policy: { name: 'os_compute_api:os-lock-server:lock', default: member },
  faults: ['conflict', 'notFound'],
  schema: Type.Union([
    Type.Null(),
    Type.Object(
      { locked_reason: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) },
      { additionalProperties: false },
    ),
  ]),
  handler: async (deps, request, server, value) => {
    // validated by the schema
    const reason = (value as { locked_reason?: string } | null)?.locked_reason;
    if (reason !== undefined && request.version < 73)
      return fault(
        'badRequest',
        "Additional properties are not allowed ('locked_reason' was unexpected) in lock.",
      );
    await changeServer(
      deps.database.db,
      server.id,
      { locked: 1, locked_reason: reason ?? null },
      deps.clock.now(),
    );
    await logInstant(deps, request, server, 'lock');
    return accepted;
  },
};

export const unlock: ServerActionRow = {
  key: 'unlock',
  policy: { name: 'os_compute_api:os-lock-server:unlock', default: member },
  faults: ['conflict', 'notFound'],
  handler: async (deps, request, server) => {
    await changeServer(
      deps.database.db,
      server.id,
      { locked: 0, locked_reason: null },
      deps.clock.now(),
    );
    await logInstant(deps, request, server, 'unlock');
    return accepted;
  },
};
