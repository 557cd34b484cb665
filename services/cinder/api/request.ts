// Helpers that read a request, and the two path prefixes under which each route is served.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ApiRequest, Route } from '#openstack/http/route.ts';
import type { Scope } from '../store/rows.ts';
import { findSnapshot } from '../store/snapshots.ts';
import type { SnapshotRow, VolumeRow } from '../store/tables.ts';
import { findVolume } from '../store/volumes.ts';
import type { HandlerDeps } from './handler-deps.ts';

export type Request = ApiRequest<unknown>;

/**
 * Serves each route under `/v3` and under `/v3/{project_id}`, where the project must be the
 * token's. api-ref: the project is optional since 3.67.
 */
export function underBothPaths(routes: readonly Route[]): readonly Route[] {
  return routes.flatMap((route): Route[] => [
    { ...route, path: `/v3${route.path}` },
    {
      ...route,
      path: `/v3/:project_id${route.path}`,
      faults: [...new Set([...(route.faults ?? []), 'notFound' as const])],
      handler: (request) => {
        const { params, auth } = request as Request;
        // Stock answers 400 here; 404, as for any object of another project.
        return params['project_id'] === auth.projectId
          ? route.handler(request)
          : fault(
              'notFound',
              `The resource could not be found: the token is not of project ${params['project_id']}.`,
            );
      },
    },
  ]);
}

/** The root for links: with the project if the request's path had it. */
export const apiRoot = ({ baseUrl, params }: Request): string =>
  `${baseUrl}/v3${params['project_id'] === undefined ? '' : `/${params['project_id']}`}`;

export const linksOf = (request: Request, collection: string, id: string) => [
  { rel: 'self', href: `${apiRoot(request)}/${collection}/${id}` },
  {
    rel: 'bookmark',
    href: `${request.baseUrl}${request.params['project_id'] === undefined ? '' : `/${request.params['project_id']}`}/${collection}/${id}`,
  },
];

export const isAdmin = (request: Request): boolean => request.allows('admin_api');

/** Admins may reach objects of every project by id, others those of their own. */
export const scopeOf = (request: Request): Scope =>
  isAdmin(request) ? null : (request.auth.projectId ?? '');

export const first = (request: Pick<ApiRequest, 'query'>, name: string): string | undefined =>
  request.query[name]?.[0];

export async function requestedVolume(
  { database: { db } }: HandlerDeps,
  request: Request,
): Promise<Outcome<VolumeRow>> {
  const id = request.params['id'] ?? '';
  return (
    (await findVolume(db, id, scopeOf(request))) ??
    fault('notFound', `Volume ${id} could not be found.`)
  );
}

/** The refusal for a volume whose status does not allow the request. */
export const wrongStatus = (volume: VolumeRow, needs: string) =>
  fault(
    'badRequest',
    `Invalid volume: Volume ${volume.id} status must be ${needs}, but current status is: ${volume.status}.`,
  );

export async function requestedSnapshot(
  { database: { db } }: HandlerDeps,
  request: Request,
): Promise<Outcome<SnapshotRow>> {
  const id = request.params['id'] ?? '';
  return (
    (await findSnapshot(db, id, scopeOf(request))) ??
    fault('notFound', `Snapshot ${id} could not be found.`)
  );
}

/**
 * `GET /volumes/` asks for the volume with id '', which does not exist; only `GET /volumes` is the
 * list.
 */
export const asksForNothing = (request: Request): boolean => request.path.endsWith('/');

/**
 * Checks a rule of the policy. forbidden: the caller is not allowed `rule`. For routes whose policy
 * depends on the body.
 */
export function mayDo(request: Request, rule: string): Outcome<undefined> {
  return request.allows(rule)
    ? undefined
    : fault('forbidden', `Policy doesn't allow ${rule} to be performed.`);
}

/**
 * The value of `limit` or `offset`, which must be whole numbers from 0; a greater limit than the
 * maximum is lowered.
 */
export function numberOf(request: Request, name: 'limit' | 'offset'): Outcome<number | undefined> {
  const text = first(request, name);
  if (text === undefined) return undefined;
  return /^\d{1,9}$/.test(text)
    ? Number(text)
    : fault('badRequest', `${name} param must be an integer that is 0 or more: ${text}`);
}

export function pageSize(request: Request, max: number): Outcome<number> {
  const limit = numberOf(request, 'limit');
  return isFault(limit) ? limit : Math.min(limit ?? max, max);
}
