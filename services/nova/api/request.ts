// Small questions every handler asks of its request.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { timeMsOf } from '#openstack/http/lenient-values.ts';
import type { ApiRequest, Reply } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import type { Scope, Server } from '../store/servers.ts';
import { findServer } from '../store/servers.ts';

export const isAdmin = (request: ApiRequest<unknown>): boolean =>
  request.allows('context_is_admin');

/** In whose name other services are asked. */
export const callerOf = (request: ApiRequest<unknown>): { token: string; requestId: string } => ({
  token: request.auth.token,
  requestId: request.id,
});

/** Admins reach every project's objects by id, everybody else their own. */
export function scopeOf(request: ApiRequest<unknown>): Scope {
  return isAdmin(request) ? null : (request.auth.projectId ?? '');
}

/** The server of `:id`. notFound: also for another project's. */
export async function requestedServer(
  deps: NovaDeps,
  request: ApiRequest<unknown>,
): Promise<Outcome<Server>> {
  const id = request.params['id'] ?? '';
  return (
    (await findServer(deps.database.db, id, scopeOf(request))) ??
    fault('notFound', `Instance ${id} could not be found.`)
  );
}

/** A handler of requests about the server of `:id`, which `work` gets. */
export const ofServer =
  <Body>(
    deps: NovaDeps,
    work: (request: ApiRequest<Body>, server: Server) => Promise<Outcome<Reply>> | Outcome<Reply>,
  ) =>
  async (request: ApiRequest<Body>): Promise<Outcome<Reply>> => {
    const server = await requestedServer(deps, request);
    return isFault(server) ? server : await work(request, server);
  };

export const first = (request: Pick<ApiRequest, 'query'>, name: string): string | undefined =>
  request.query[name]?.[0];

/**
 * `limit` of a list: a whole number from 0; more than the maximum is the maximum. badRequest names
 * the field.
 */
export function limitOf(request: Pick<ApiRequest, 'query'>, max: number): Outcome<number> {
  const text = first(request, 'limit');
  if (text === undefined) return max;
  if (!/^\d+$/.test(text))
    return fault(
      'badRequest',
      `Invalid input for query parameters limit. Value: ${text}. It must be a whole number, 0 or more.`,
    );
  return Math.min(Number(text), max);
}

/**
 * The last millisecond of the time as written: a time in whole seconds, as the API shows them,
 * means all of its second.
 */
export function lastMsOf(text: string): number | undefined {
  const ms = timeMsOf(text);
  return ms === undefined || text.includes('.') ? ms : ms + 999;
}

/**
 * badRequest: the query has a parameter that this list does not know, where its schema forbids
 * others.
 */
export function unknownQuery(
  request: ApiRequest<unknown>,
  allowedNames: readonly string[],
): Outcome<undefined> {
  const unknown = Object.keys(request.query).find((name) => !allowedNames.includes(name));
  return unknown === undefined
    ? undefined
    : fault(
        'badRequest',
        `Additional properties are not allowed ('${unknown}' was unexpected) in the query.`,
      );
}
/** From 2.75 on no list takes a parameter it does not know. api-ref, microversion history, 2.75 */
export const strictQueriesSince = 75;
