// The small maps that tenants keep with volumes and snapshots, whole and by entry.
// https://docs.openstack.org/api-ref/block-storage/v3/#show-a-volume-s-metadata
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { own } from '#contracts/common/own.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { changeMetadata } from '../store/metadata.ts';
import type { Metadata } from '../store/rows.ts';
import { metadataIn } from '../store/rows.ts';
import { maxMetadataItems, metadataSchema, strict, tooManyItems } from './field-schemas.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { requestedSnapshot, requestedVolume } from './request.ts';
import type { Request } from './request.ts';

const body = Type.Object({ metadata: metadataSchema }, strict);
const itemBody = Type.Object(
  {
    meta: Type.Record(Type.String({ pattern: '^.{1,255}$' }), Type.String({ maxLength: 255 }), {
      additionalProperties: false,
      minProperties: 1,
      maxProperties: 1,
    }),
  },
  strict,
);
const faults = ['notFound'] as const;

const kinds = {
  volumes: {
    read: 'volume:get_volume_metadata',
    write: 'volume:update_volume_metadata',
    remove: 'volume:delete_volume_metadata',
    requested: requestedVolume,
  },
  snapshots: {
    read: 'volume:get_snapshot_metadata',
    write: 'volume:update_snapshot_metadata',
    remove: 'volume:delete_snapshot_metadata',
    requested: requestedSnapshot,
  },
} as const;

export function metadataRoutes(deps: HandlerDeps, table: keyof typeof kinds): readonly Route[] {
  const {
    database: { db },
    clock,
  } = deps;
  const { read, write, remove, requested } = kinds[table];
  const path = `/${table}/:id/metadata`;
  const keyOf = (request: Request): string => request.params['key'] ?? '';
  const missing = (request: Request) =>
    fault('notFound', `There is no metadata with key ${keyOf(request)}.`);

  async function change(
    request: Request,
    next: (now: Metadata) => Outcome<Metadata>,
  ): Promise<Outcome<Metadata>> {
    const owner = await requested(deps, request);
    if (isFault(owner)) return owner;
    const bounded = (now: Metadata): Outcome<Metadata> => {
      const metadata = next(now);
      return !isFault(metadata) && Object.keys(metadata).length > maxMetadataItems
        ? tooManyItems()
        : metadata;
    };
    return await changeMetadata(db, table, owner.id, bounded, clock.now());
  }

  return [
    route({
      method: 'GET',
      path,
      policy: read,
      faults,
      handler: async (request) => {
        const owner = await requested(deps, request);
        return isFault(owner)
          ? owner
          : { status: 200, body: { metadata: metadataIn(owner.metadata_json) } };
      },
    }),
    route<{ metadata: Metadata }>({
      method: 'POST',
      path,
      policy: write,
      body,
      faults,
      handler: async (request) => {
        const metadata = await change(request, (now) => ({ ...now, ...request.body.metadata }));
        return isFault(metadata) ? metadata : { status: 200, body: { metadata } };
      },
    }),
    route<{ metadata: Metadata }>({
      method: 'PUT',
      path,
      policy: write,
      body,
      faults,
      handler: async (request) => {
        const metadata = await change(request, () => request.body.metadata);
        return isFault(metadata) ? metadata : { status: 200, body: { metadata } };
      },
    }),
    route({
      method: 'GET',
      path: `${path}/:key`,
      policy: read,
      faults,
      handler: async (request) => {
        const owner = await requested(deps, request);
        if (isFault(owner)) return owner;
        const value = own(metadataIn(owner.metadata_json), keyOf(request));
        return value === undefined
          ? missing(request)
          : { status: 200, body: { meta: { [keyOf(request)]: value } } };
      },
    }),
    route<{ meta: Metadata }>({
      method: 'PUT',
      path: `${path}/:key`,
      policy: write,
      body: itemBody,
      faults,
      handler: async (request) => {
        if (!Object.hasOwn(request.body.meta, keyOf(request)))
          return fault('badRequest', 'Request body and URI mismatch');
        const metadata = await change(request, (now) => ({ ...now, ...request.body.meta }));
        return isFault(metadata) ? metadata : { status: 200, body: { meta: request.body.meta } };
      },
    }),
    route({
      method: 'DELETE',
      path: `${path}/:key`,
      policy: remove,
      faults,
      handler: async (request) => {
        const metadata = await change(request, (now) => {
          if (!Object.hasOwn(now, keyOf(request))) return missing(request);
          const { [keyOf(request)]: _removed, ...rest } = now;
          return rest;
        });
        return isFault(metadata) ? metadata : { status: 200 };
      },
    }),
  ];
}
