// Metadata of volumes and snapshots: routes for the whole map and for single items.
// https://docs.openstack.org/api-ref/block-storage/v3/#show-a-volume-s-metadata
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { metadataRoutes } from '#openstack/http/metadata-routes.ts';
import type { Route } from '#openstack/http/route.ts';
import { changeMetadata } from '../store/metadata.ts';
import type { Metadata } from '../store/rows.ts';
import { metadataIn } from '../store/rows.ts';
import { maxMetadataItems, metadataSchema, strict, tooManyItems } from './field-schemas.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { requestedSnapshot, requestedVolume } from './request.ts';

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
  volumes: { word: 'volume', requested: requestedVolume },
  snapshots: { word: 'snapshot', requested: requestedSnapshot },
} as const;
const verbOf = {
  index: 'get',
  show: 'get',
  create: 'update',
  update: 'update',
  update_all: 'update',
  delete: 'delete',
} as const;

export function volumeMetadataRoutes(
  deps: HandlerDeps,
  table: keyof typeof kinds,
): readonly Route[] {
  const { db } = deps.database;
  const { clock } = deps;
  const { word, requested } = kinds[table];
  return metadataRoutes({
    path: `/${table}/:id/metadata`,
    policy: (name) => `volume:${verbOf[name]}_${word}_metadata`,
    body,
    itemBody,
    readFaults: faults,
    writeFaults: faults,
    deletedStatus: 200,
    missing: (key) => fault('notFound', `There is no metadata with key ${key}.`),
    async read(request) {
      const owner = await requested(deps, request);
      return isFault(owner) ? owner : metadataIn(owner.metadata_json);
    },
    async change(request, next) {
      const owner = await requested(deps, request);
      if (isFault(owner)) return owner;
      const bounded = (now: Metadata): Outcome<Metadata> => {
        const metadata = next(now);
        return !isFault(metadata) && Object.keys(metadata).length > maxMetadataItems
          ? tooManyItems()
          : metadata;
      };
      return await changeMetadata(db, table, owner.id, bounded, clock.now());
    },
  });
}
