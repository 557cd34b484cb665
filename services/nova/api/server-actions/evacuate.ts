// Evacuate: rebuilds a server on another host because its own host is down.
// https://docs.openstack.org/api-ref/compute/#evacuate-server-evacuate-action
import Type from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import { booleanOf, booleanSchema } from '#openstack/http/lenient-values.ts';
import { computeBinary, findService } from '../../store/hosts.ts';
import { admin } from '../policy-rules.ts';
import { beginEvacuation } from '../servers/begin-move.ts';
import { adminPassSchema } from '../servers/create-schema.ts';
import type { ServerActionRow } from './action.ts';

interface EvacuateBody {
  host?: string;
  adminPass?: string;
  onSharedStorage?: boolean | string;
  force?: boolean | string;
}

const noSharedStorageSince = 14;
const force = { since: 29, until: 67 };
/** Since 2.95 an evacuated server is left stopped. */
const staysOffSince = 95;

export const evacuate: ServerActionRow = {
  key: 'evacuate',
  policy: { name: 'os_compute_api:os-evacuate', default: admin },
  faults: ['conflict', 'notFound'],
  schema: Type.Object(
    {
      host: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
      adminPass: Type.Optional(adminPassSchema),
      onSharedStorage: Type.Optional(booleanSchema),
      force: Type.Optional(booleanSchema),
    },
    { additionalProperties: false },
  ),
  handler: async (deps, request, server, value) => {
    const body = value as unknown as EvacuateBody; // validated by the schema
    const { version } = request;
    const early =
      (body.onSharedStorage !== undefined &&
        version >= noSharedStorageSince &&
        'onSharedStorage') ||
      (body.force !== undefined && (version < force.since || version > force.until) && 'force');
    if (early)
      return fault(
        'badRequest',
        `Additional properties are not allowed ('${early}' was unexpected) in evacuate.`,
      );
    if (version < noSharedStorageSince && body.onSharedStorage === undefined)
      return fault('badRequest', "'onSharedStorage' is a required property in evacuate.");
    const isShared = booleanOf(body.onSharedStorage) === true;
    if (isShared && body.adminPass !== undefined)
      return fault('badRequest', "admin password can't be changed on existing disk");
    if (booleanOf(body.force) === true && body.host === undefined)
      return fault('badRequest', "Can't force to a non-provided destination");
    const { host } = body;
    const { db } = deps.database;
    if (host !== undefined && !(await findService(db, { host, binary: computeBinary })))
      return fault('notFound', `Compute host ${host} not found.`);
    if (host !== undefined && host === server.host)
      return fault('badRequest', "The target host can't be the same one.");
    const adminPass = body.adminPass ?? deps.ids.bytes(9).toString('base64url');
    const begun = await beginEvacuation(deps, request, server, {
      host: host ?? null,
      stays: version >= staysOffSince ? 'off' : 'as it was',
      facts: isShared ? {} : { admin_pass: adminPass },
    });
    if (isFault(begun)) return begun;
    return version < noSharedStorageSince
      ? { status: 200, body: { adminPass: isShared ? null : adminPass } }
      : { status: 200 };
  },
};
