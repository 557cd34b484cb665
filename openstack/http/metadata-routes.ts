// Routes for metadata of servers, images, volumes and snapshots: for the whole map and for single
// items.
import type { TSchema } from 'typebox';
import type { Fault, FaultKind, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { own } from '#contracts/common/own.ts';
import type { ApiRequest, Route } from './route.ts';
import { route } from './route.ts';

type Metadata = Record<string, string>;
type Request = ApiRequest<unknown>;

export interface MetadataRoutes {
  /** The path of the whole map, with the parameters that name its owner. */
  path: string;
  until?: number;
  policy(name: 'index' | 'create' | 'update_all' | 'show' | 'update' | 'delete'): string;
  /** Schema of `{metadata}`. */
  body: TSchema;
  /** Schema of `{meta}`, a single item. */
  itemBody: TSchema;
  readFaults: readonly FaultKind[];
  writeFaults: readonly FaultKind[];
  deletedStatus: 200 | 204;
  read(request: Request): Promise<Outcome<Metadata>>;
  /**
   * Writes what `next` returns for the map, and returns it; if `next` returns a fault, nothing
   * changes.
   */
  change(request: Request, next: (now: Metadata) => Outcome<Metadata>): Promise<Outcome<Metadata>>;
  /** The fault for an item that does not exist. */
  missing(key: string): Fault;
}

export function metadataRoutes(map: MetadataRoutes): readonly Route[] {
  const { path, until, body, itemBody, readFaults, writeFaults } = map;
  const keyOf = (request: Request): string => request.params['key'] ?? '';
  return [
    route('GET', path, {
      policy: map.policy('index'),
      until,
      faults: readFaults,
      handler: async (request) => replyOf(await map.read(request)),
    }),
    route<{ metadata: Metadata }>('POST', path, {
      policy: map.policy('create'),
      until,
      body,
      faults: writeFaults,
      handler: async (request) =>
        replyOf(await map.change(request, (now) => ({ ...now, ...request.body.metadata }))),
    }),
    route<{ metadata: Metadata }>('PUT', path, {
      policy: map.policy('update_all'),
      until,
      body,
      faults: writeFaults,
      handler: async (request) => replyOf(await map.change(request, () => request.body.metadata)),
    }),
    route('GET', `${path}/:key`, {
      policy: map.policy('show'),
      until,
      faults: readFaults,
      handler: async (request) => {
        const metadata = await map.read(request);
        if (isFault(metadata)) return metadata;
        const key = keyOf(request);
        const value = own(metadata, key);
        return value === undefined
          ? map.missing(key)
          : { status: 200, body: { meta: { [key]: value } } };
      },
    }),
    route<{ meta: Metadata }>('PUT', `${path}/:key`, {
      policy: map.policy('update'),
      until,
      body: itemBody,
      faults: writeFaults,
      handler: async (request) => {
        const { meta } = request.body;
        if (!Object.hasOwn(meta, keyOf(request)))
          return fault('badRequest', 'Request body and URI mismatch');
        const metadata = await map.change(request, (now) => ({ ...now, ...meta }));
        return isFault(metadata) ? metadata : { status: 200, body: { meta } };
      },
    }),
    route('DELETE', `${path}/:key`, {
      policy: map.policy('delete'),
      until,
      faults: writeFaults,
      handler: async (request) => {
        const key = keyOf(request);
        const metadata = await map.change(request, (now) => {
          if (!Object.hasOwn(now, key)) return map.missing(key);
          const { [key]: _removed, ...rest } = now;
          return rest;
        });
        return isFault(metadata) ? metadata : { status: map.deletedStatus };
      },
    }),
  ];
}

const replyOf = (metadata: Outcome<Metadata>) =>
  isFault(metadata) ? metadata : { status: 200, body: { metadata } };
