// A kind of object as data: attributes, table, views, and what its creation, change and deletion
// do; also the check who may change an object. resource-routes.ts creates the routes.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import type { ListedTable, Listing, Scope } from '../store/list.ts';
import type { RowOf } from '../store/objects.ts';
import { findVisible } from '../store/objects.ts';
import type { NeutronDb, NeutronTrx } from '../store/write.ts';
import { lockRow } from '../store/write.ts';
import type { Bodied } from './attributes.ts';
import { notAllowed } from './attributes.ts';
import type { NeutronParts } from './parts.ts';

export interface Context {
  parts: NeutronParts;
  request: ApiRequest;
  /** The caller is an operator or a service, and sees all projects. */
  admin: boolean;
  scope: Scope;
  nowMs: number;
}

export interface Resource<T extends ListedTable, Input> extends Bodied {
  listing: Listing & { table: T };
  notFound: { type: string; noun: string };
  /** The complete view of each row, in the order of `rows`. Hidden attributes are removed later. */
  views(db: NeutronDb, rows: readonly RowOf<T>[], parts: NeutronParts): Promise<JsonObject[]>;
  /**
   * Returns the new object's id. The objects of a bulk are created in order, in one transaction.
   */
  create(context: Context, trx: NeutronTrx, input: Input): Promise<Outcome<string>>;
  change?(
    context: Context,
    trx: NeutronTrx,
    row: RowOf<T>,
    input: Partial<Input>,
  ): Promise<Outcome<void>>;
  remove(context: Context, trx: NeutronTrx, row: RowOf<T>): Promise<Outcome<void>>;
  /**
   * Called before a list: creates what these projects have from first use, such as the default
   * security group.
   */
  beforeList?(context: Context, projectIds: readonly string[]): Promise<void>;
  /** The same, called before a creation. `projectIds`: the owners of the new objects. */
  beforeCreate?(context: Context, projectIds: readonly string[]): Promise<void>;
}

// `any`: a list of all kinds cannot name the type parameters of each.
export type AnyResource = Resource<any, any>;

export function contextOf(parts: NeutronParts, request: ApiRequest): Context {
  const admin = request.allows('admin_or_service');
  return {
    parts,
    request,
    admin,
    scope: admin ? null : (request.auth.projectId ?? ''),
    nowMs: parts.clock.now(),
  };
}

export const missing = ({ notFound }: Pick<AnyResource, 'notFound'>, id: string) =>
  fault('notFound', `${notFound.noun} ${id} could not be found.`, { type: notFound.type });

/**
 * The object if this caller may change it: notFound if the caller cannot see it, forbidden if it is
 * another project's, 412 if its revision is not the one in `If-Match`.
 */
export async function findToChange<T extends ListedTable>(
  context: Context,
  trx: NeutronTrx,
  resource: Resource<T, any>,
  id: string,
  rule: string,
): Promise<Outcome<RowOf<T>>> {
  await lockRow(trx, resource.listing.table, id);
  const row = await findVisible(trx, resource.listing, id, context.scope);
  if (!row) return missing(resource, id);
  if (context.scope !== null && row.project_id !== context.scope) return notAllowed(rule);
  return revisionFault(context.request, resource, row) ?? row;
}

/**
 * Checks the precondition `If-Match: revision_number=7`, if the request has one.
 * https://docs.openstack.org/api-ref/network/v2/#revisions
 */
function revisionFault(
  request: ApiRequest,
  { singular }: Bodied,
  row: { id: string; revision_number: number },
) {
  const ifMatch = request.header('if-match');
  if (ifMatch === undefined) return undefined;
  const number = /^"?revision_number=(\d+)"?$/.exec(ifMatch.trim())?.[1];
  if (number === undefined)
    return fault(
      'badRequest',
      `Invalid value for If-Match: ${ifMatch}. It must be revision_number=<number>.`,
    );
  if (Number(number) === row.revision_number) return undefined;
  return fault(
    'preconditionFailed',
    `Constrained to ${number}, but current revision of ${singular} ${row.id} is ${row.revision_number}`,
    { type: 'RevisionNumberConstraintFailed' },
  );
}

export const writeFaults = ['notFound', 'conflict', 'overQuota', 'preconditionFailed'] as const;

/** The columns of those `names` that a PUT sets as they are; booleans become 0 and 1. */
export function plainChanges(
  input: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Record<string, string | number | null> {
  const changes: Record<string, string | number | null> = {};
  for (const name of names) {
    const value = input[name];
    if (value !== undefined)
      changes[name] =
        // the attribute's parser allows no other type
        typeof value === 'boolean' ? Number(value) : (value as string | number | null);
  }
  return changes;
}
