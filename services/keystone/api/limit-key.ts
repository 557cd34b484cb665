// What a limit is about: schema, list filters and checks that registered limits and limits share.
import { Type } from 'typebox';
import { fault, type Fault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { type ApiRequest, type Reply } from '#openstack/http/route.ts';
import { findRegion } from '../store/regions.ts';
import { findService } from '../store/services.ts';
import { idText, nameOf, text } from './bodies.ts';
import type { Keystone } from './keystone.ts';
import { asked } from './replies.ts';

export const amount = Type.Integer({ minimum: -1, maximum: 2_147_483_647 });
export const nullableId = Type.Optional(Type.Union([idText, Type.Null()]));
export const keyProperties = {
  service_id: idText,
  region_id: nullableId,
  resource_name: nameOf(255),
  description: Type.Optional(text),
};

export const keyFilterNames = ['service_id', 'region_id', 'resource_name'] as const;

export function keyFilters(request: ApiRequest<unknown>): Record<string, string | undefined> {
  return {
    service_id: asked(request, 'service_id'),
    region_id: asked(request, 'region_id'),
    resource_name: asked(request, 'resource_name'),
  };
}

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

export const createdAll = (name: string, views: JsonObject[]): Reply => ({
  status: 201,
  body: { [name]: views },
});

export const duplicate = (name: string): Fault =>
  fault('conflict', `Conflict occurred attempting to store ${name} - Duplicate entry.`);
