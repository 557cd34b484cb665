// The two routes of a list: summaries at its path, full objects at /detail. Used for volumes,
// snapshots, backups, attachments and transfers; messages.ts uses `listReply` alone.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { ListedTable } from '../store/rows.ts';
import type { CinderTables } from '../store/tables.ts';
import type { HandlerDeps } from './handler-deps.ts';
import type { ListRules } from './list-filters.ts';
import { readPage } from './list-query.ts';
import { asksForNothing } from './request.ts';
import type { Request } from './request.ts';

type View<Row> = (request: Request, rows: readonly Row[]) => Json[] | Promise<Json[]>;

export interface ListRoutes<N extends ListedTable> {
  /** The path below the version prefix, e.g. '/volumes'. */
  path: string;
  since?: number;
  policy: string;
  rules: ListRules<N>;
  summary: View<CinderTables[N]>;
  detail: View<CinderTables[N]>;
  /** The 404's text for `GET {path}/`, which stock reads as a request for the object with id ''. */
  nothing?: string;
}

export function listRoutes<N extends ListedTable>(
  deps: HandlerDeps,
  { path, since, policy, rules, summary, detail, nothing }: ListRoutes<N>,
): readonly Route[] {
  const shared = { since, policy, faults: ['notFound'] } as const;
  return [
    route('GET', path, {
      ...shared,
      handler: async (request) =>
        nothing !== undefined && asksForNothing(request)
          ? fault('notFound', nothing)
          : await listReply(deps, request, rules, summary),
    }),
    route('GET', `${path}/detail`, {
      ...shared,
      handler: async (request) => await listReply(deps, request, rules, detail),
    }),
  ];
}

/** The requested page under the table's name, with a link to the next page. */
export async function listReply<N extends ListedTable>(
  deps: HandlerDeps,
  request: Request,
  rules: ListRules<N>,
  view: View<CinderTables[N]>,
): Promise<Outcome<Reply>> {
  const page = await readPage(deps, request, rules);
  if (isFault(page)) return page;
  const { rows, links, count } = page;
  return {
    status: 200,
    body: {
      [rules.table]: await view(request, rows),
      ...(links && { [`${rules.table}_links`]: links }),
      ...(count === undefined ? {} : { count }),
    },
  };
}
