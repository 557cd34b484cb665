// Shelve and unshelve: a shelved server releases its host; its root disk is kept as an image, its
// ports and volumes stay reserved.
// https://docs.openstack.org/api-ref/compute/#shelve-server-shelve-action
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { VmState } from '#contracts/nova/server-states.ts';
import { glanceClient } from '#openstack/clients/glance.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import type { NovaDeps } from '../../deps.ts';
import { shelveStates } from '../../domain/server-state.ts';
import { diskImage } from '../../domain/snapshot-image.ts';
import { computeBinary, listServices, zonesByHost } from '../../store/hosts.ts';
import type { Server } from '../../store/servers.ts';
import { admin, member } from '../policy-rules.ts';
import { callerOf } from '../request.ts';
import { beginOffload, beginShelve, beginUnshelve } from '../servers/begin-shelve.ts';
import { checkLock, checkState } from '../servers/begin.ts';
import { nameSchema } from '../servers/create-schema.ts';
import { createPendingResources } from '../servers/pending-resources.ts';
import type { ServerActionRow } from './action.ts';
import { accepted } from './action.ts';

const policy = (name: string): string => `os_compute_api:os-shelve:${name}`;

export const shelve: ServerActionRow = {
  key: 'shelve',
  policy: { name: policy('shelve'), default: member },
  faults: ['conflict', 'notFound', 'overQuota', 'tooLarge'],
  handler: async (deps, request, server) => {
    const refusal = checkLock(request, server) ?? checkState(server, shelveStates, 'shelve');
    if (refusal) return refusal;
    const begun =
      server.image_id === null
        ? await beginShelve(deps, request, server, null)
        : await withImage(deps, request, server);
    return isFault(begun) ? begun : accepted;
  },
};

/**
 * Creates the image of the server's root disk and begins to shelve the server. The image is created
 * with the caller's token, so that the caller's permissions and quota apply.
 */
async function withImage(
  deps: NovaDeps,
  request: ApiRequest,
  server: Server,
): Promise<Outcome<void>> {
  const id = deps.ids.uuid();
  const pending = await createPendingResources(deps, request, { imageId: id });
  try {
    const body = diskImage(server, `${server.name}-shelved`, {});
    const image = await glanceClient(deps, callerOf(request)).create({ ...body, id });
    return isFault(image) ? image : await beginShelve(deps, request, server, { id, pending });
  } finally {
    await pending.end();
  }
}

export const shelveOffload: ServerActionRow = {
  key: 'shelveOffload',
  policy: { name: policy('shelve_offload'), default: admin },
  faults: ['conflict', 'notFound'],
  handler: async (deps, request, server) => (await beginOffload(deps, request, server)) ?? accepted,
};

interface UnshelveBody {
  availability_zone?: string | null;
  host?: string;
}

const zoneSince = 77;
const hostSince = 91;
const orNothing = (fields: Record<string, ReturnType<typeof Type.Optional>>) =>
  Type.Union([Type.Null(), Type.Object(fields, { additionalProperties: false, minProperties: 1 })]);
const zone = Type.Optional(nameSchema);
const zoneOrNone = Type.Optional(Type.Union([nameSchema, Type.Null()]));
const host = Type.Optional(Type.String({ minLength: 1, maxLength: 255 }));
const unshelveStates: readonly VmState[] = ['shelved', 'shelved_offloaded'];

export const unshelve: ServerActionRow = {
  key: 'unshelve',
  policy: { name: policy('unshelve'), default: member },
  begins: { unshelve: ['shelved'] },
  schema: [
    { from: 0, schema: Type.Any() },
    { from: zoneSince, schema: orNothing({ availability_zone: zone }) },
    { from: hostSince, schema: orNothing({ availability_zone: zoneOrNone, host }) },
  ],
  faults: ['conflict', 'notFound'],
  handler: async (deps, request, server, value) => {
    // Validated by the row's schema. Before `zoneSince` the action takes no parameters: whatever is
    // sent is ignored.
    const wanted = request.version < zoneSince ? {} : ((value ?? {}) as UnshelveBody);
    const refusal = checkLock(request, server) ?? checkState(server, unshelveStates, 'unshelve');
    if (refusal) return refusal;
    const place = await wantedPlace(deps, request, server, wanted);
    if (isFault(place)) return place;
    return (await beginUnshelve(deps, request, server, place)) ?? accepted;
  },
};

/**
 * Zone and host where the server is to run. badRequest: no such zone or host; conflict: the server
 * is not offloaded, or the host is not in the zone; forbidden. nova.compute.api, unshelve
 */
async function wantedPlace(
  deps: NovaDeps,
  request: ApiRequest,
  server: Server,
  { availability_zone: newZone, host: newHost }: UnshelveBody,
): Promise<Outcome<{ zone: string | null; host: string | null }>> {
  const place = {
    zone: newZone === undefined ? server.availability_zone : newZone,
    host: newHost ?? null,
  };
  if (newZone === undefined && newHost === undefined) return place;
  if (server.vm_state !== 'shelved_offloaded')
    return fault(
      'conflict',
      `Specifying an availability zone or a host when unshelving server "${server.id}" with status "${server.vm_state}" is not supported. The server status must be SHELVED_OFFLOADED.`,
    );
  const services = await listServices(deps.database.db, { binary: computeBinary });
  const zones = await zonesByHost(deps.database.db);
  const zoneOf = (name: string): string => zones.get(name) ?? deps.config.defaultZone;
  if (
    typeof newZone === 'string' &&
    newZone !== deps.config.defaultZone &&
    !services.some((service) => zoneOf(service.host) === newZone)
  )
    return fault('badRequest', 'The requested availability zone is not available');
  if (place.host === null) return place;
  const rule = policy('unshelve_to_host');
  if (!request.allows(rule))
    return fault('forbidden', `Policy doesn't allow ${rule} to be performed.`);
  if (!services.some((service) => service.host === place.host))
    return fault('badRequest', `Compute host ${place.host} could not be found.`);
  return place.zone === null || zoneOf(place.host) === place.zone
    ? place
    : fault('conflict', `Host "${place.host}" is not in the availability zone "${place.zone}".`);
}
