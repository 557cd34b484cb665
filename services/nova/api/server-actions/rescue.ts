// Rescue boots the server from another image, with its own root disk attached as a second disk;
// unrescue boots it from its own disk again.
import Type from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { VmState } from '#contracts/nova/server-states.ts';
import { imageOf } from '../../domain/server-row.ts';
import { fetchImageFacts } from '../image-facts.ts';
import { member } from '../policy-rules.ts';
import { callerOf } from '../request.ts';
import { beginChange, checkLock } from '../servers/begin.ts';
import { adminPassSchema } from '../servers/create-schema.ts';
import type { ServerActionRow } from './action.ts';
import { accepted } from './action.ts';

const rescueStates: readonly VmState[] = ['active', 'stopped', 'error'];
const unrescueStates: readonly VmState[] = ['rescued'];

export const rescue: ServerActionRow = {
  key: 'rescue',
  policy: { name: 'os_compute_api:os-rescue', default: member },
  begins: { rescue: rescueStates },
  faults: ['conflict', 'notFound'],
  schema: Type.Union([
    Type.Null(),
    Type.Object(
      {
        adminPass: Type.Optional(adminPassSchema),
        rescue_image_ref: Type.Optional(Type.String({ format: 'uuid' })),
      },
      { additionalProperties: false },
    ),
  ]),
  handler: async (deps, request, server, value) => {
    const { adminPass = deps.ids.bytes(9).toString('base64url'), rescue_image_ref } = (value ??
      {}) as { adminPass?: string; rescue_image_ref?: string }; // validated by the schema
    // Refused for a server that boots from a volume, as upstream. nova.compute.api, rescue
    if (server.image_id === null)
      return (
        checkLock(request, server) ??
        fault(
          'badRequest',
          `Instance ${server.id} cannot be rescued: Cannot rescue a volume-backed instance`,
        )
      );
    const image =
      rescue_image_ref === undefined
        ? imageOf(server)
        : await fetchImageFacts(deps, rescue_image_ref, callerOf(request));
    if (isFault(image)) return image;
    const begun = await beginChange(deps, request, server, 'rescue', {
      from: rescueStates,
      logAs: 'rescue',
      rescueImage: image,
    });
    return isFault(begun) ? begun : { status: 200, body: { adminPass } };
  },
};

export const unrescue: ServerActionRow = {
  key: 'unrescue',
  policy: { name: 'os_compute_api:os-unrescue', default: member },
  begins: { unrescue: unrescueStates },
  faults: ['conflict', 'notFound'],
  handler: async (deps, request, server) =>
    (await beginChange(deps, request, server, 'unrescue', {
      from: unrescueStates,
      logAs: 'unrescue',
    })) ?? accepted,
};
