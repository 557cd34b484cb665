// Filters of the pool list. It is the only list in which unknown filters are refused to
// administrators as well: cinder.api.common, reject_invalid_filters
import type { Pool } from '#contracts/cinder/scheduler-rpc.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { suits } from '../domain/pick-pool.ts';
import { extraSpecsOf, findTypeByIdOrName } from '../store/types.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { first, numberOf } from './request.ts';
import type { Request } from './request.ts';

// Minor microversions from which on pools are filtered by name, unknown filters are refused,
// `name~` matches a part of the name, pools are filtered by type: rest_api_version_history.
const nameSince = 28;
const refusedSince = 31;
const likeSince = 34;
const typeSince = 35;
const filters = new Set(['name', 'volume_type']);
const notFilters = new Set(['detail', 'offset', 'limit', 'marker', 'sort', 'sort_key', 'sort_dir']);

export async function chosenPools(
  deps: HandlerDeps,
  request: Request,
  all: readonly Pool[],
): Promise<Outcome<readonly Pool[]>> {
  const { version } = request;
  const offset = numberOf(request, 'offset');
  if (isFault(offset)) return offset;
  const wrong = Object.keys(request.query).filter(
    (name) =>
      !notFilters.has(name) &&
      !filters.has(version >= likeSince && name === 'name~' ? 'name' : name),
  );
  if (version >= refusedSince && wrong.length > 0)
    return fault('badRequest', `Invalid filters ${wrong.join(',')} are found in query options.`);
  const [name, part, typeName] = [
    version >= nameSince ? first(request, 'name') : undefined,
    version >= likeSince ? first(request, 'name~') : undefined,
    version >= typeSince ? first(request, 'volume_type') : undefined,
  ];
  const type =
    typeName === undefined ? undefined : await findTypeByIdOrName(deps.database.db, typeName, null);
  const pools = all.filter(
    ({ host }) =>
      (name === undefined || host === name) && (part === undefined || host.includes(part)),
  );
  if (typeName !== undefined && !type) return [];
  return (type ? pools.filter((pool) => suits(pool, extraSpecsOf(type))) : pools).slice(
    offset ?? 0,
  );
}
