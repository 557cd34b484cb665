// Functions that many handlers use to read their request: caller, project scope, server, limit,
// filters.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { timeMsOf } from '#openstack/http/lenient-values.ts';
import type { ApiRequest, Reply } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import type { Scope, Server } from '../store/servers.ts';
import { findServer } from '../store/servers.ts';

export const isAdmin = (request: ApiRequest<unknown>): boolean =>
  request.allows('context_is_admin');

/** The caller's token and request id, for calls to other services in the caller's name. */
export const callerOf = (request: ApiRequest<unknown>): { token: string; requestId: string } => ({
  token: request.auth.token,
  requestId: request.id,
});

/**
 * The project to which queries are restricted; null for administrators, who may read every
 * project's objects.
 */
export function scopeOf(request: ApiRequest<unknown>): Scope {
  return isAdmin(request) ? null : (request.auth.projectId ?? '');
}

/** Reads the server `:id`. notFound: no such server, or another project's. */
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

/** Wraps `work` in a handler that first reads the server `:id` and passes it on. */
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

/** The query's `limit`: an integer from 0, capped at `max`. badRequest: it is not a number. */
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
 * The last millisecond of a time in a query: "12:00:05" without a fraction, as the API itself shows
 * times, stands for the whole second, so 12:00:05.999 is returned. undefined: it is no time.
 */
export function lastMsOf(text: string): number | undefined {
  const ms = timeMsOf(text);
  return ms === undefined || text.includes('.') ? ms : ms + 999;
}

/**
 * Checks the names of the query parameters. badRequest: the query has one that is not in
 * `allowedNames`.
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
/** From 2.75 on lists refuse unknown query parameters. api-ref, microversion history, 2.75 */
export const strictQueriesSince = 75;
