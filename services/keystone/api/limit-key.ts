// The key of a limit (service, region, resource): schema, list filters and checks that registered
// limits and limits share.
import { Type, type TProperties } from 'typebox';
import { fault, type Fault, type Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { Reply } from '#openstack/http/route.ts';
import { findRegion } from '../store/regions.ts';
import { findService } from '../store/services.ts';
import { idText, nameOf, text } from './bodies.ts';
import type { Keystone } from './keystone.ts';

export const amount = Type.Integer({ minimum: -1, maximum: 2_147_483_647 });
export const nullableId = Type.Optional(Type.Union([idText, Type.Null()]));
const keyProperties = {
  service_id: idText,
  region_id: nullableId,
  resource_name: nameOf(255),
  description: Type.Optional(text),
};

/** The schema of the list that a creation sends. `properties`: the fields besides the key's. */
export const limitList = <P extends TProperties>(properties: P) =>
  Type.Array(Type.Object({ ...keyProperties, ...properties }, { additionalProperties: false }), {
    minItems: 1,
  });

export const keyFilterNames = ['service_id', 'region_id', 'resource_name'] as const;

/** The key's columns from a body; region '' stands for no region. */
export const keyRow = (
  { ids }: Pick<Keystone, 'ids'>,
  input: {
    service_id: string;
    region_id?: string | null;
    resource_name: string;
    description?: string | null;
  },
) => ({
  id: ids.hex(),
  service_id: input.service_id,
  region_id: input.region_id ?? '',
  resource_name: input.resource_name,
  description: input.description ?? null,
});

export async function checkPlace(
  k: Keystone,
  serviceId: string,
  regionId: string,
): Promise<Fault | undefined> {
  if (!(await findService(k.db, serviceId)))
    return fault('badRequest', `Service not found: ${serviceId}.`);
  if (regionId !== '' && !(await findRegion(k.db, regionId)))
    return fault('badRequest', `Region not found: ${regionId}.`);
  return undefined;
}

/**
 * The response to a creation. conflict: `isStored` is false, since a limit with this key exists.
 */
export const createdOrDuplicate = (
  isStored: boolean,
  name: string,
  views: JsonObject[],
): Outcome<Reply> => (isStored ? { status: 201, body: { [name]: views } } : duplicate(name));

export const duplicate = (name: string): Fault =>
  fault('conflict', `Conflict occurred attempting to store ${name} - Duplicate entry.`);
