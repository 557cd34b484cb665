// Transfers of volumes between projects: the owner creates one and passes its key on, the other
// project accepts with the key.
// https://docs.openstack.org/api-ref/block-storage/v3/#volume-transfers-volume-transfers-3-55-or-later,
// and os-volume-transfer before
import { createHash, timingSafeEqual } from 'node:crypto';
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { booleanOf } from '#openstack/http/lenient-values.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import { snapshotsOf, transferSnapshots } from '../store/snapshots.ts';
import type { TransferRow } from '../store/tables.ts';
import { deleteTransfer, findTransfer, insertTransfer } from '../store/transfers.ts';
import { changeVolume, changeVolumeIn, findVolume, lockVolume } from '../store/volumes.ts';
import { booleanSchema, idSchema, nameSchema, strict } from './field-schemas.ts';
import type { HandlerDeps } from './handler-deps.ts';
import type { ListRules } from './list-filters.ts';
import { listRoutes } from './list-routes.ts';
import { linksOf, scopeOf } from './request.ts';
import type { Request } from './request.ts';
import { takeQuota } from './take-quota.ts';
import { timeText } from './times.ts';

type Create = {
  transfer: { volume_id: string; name?: string | null; no_snapshots?: boolean | string };
};
const withoutSnapshots = Type.Object(
  { transfer: Type.Object({ volume_id: idSchema, name: nameSchema }, strict) },
  strict,
);
const withSnapshots = Type.Object(
  {
    transfer: Type.Object(
      { volume_id: idSchema, name: nameSchema, no_snapshots: Type.Optional(booleanSchema) },
      strict,
    ),
  },
  strict,
);
const acceptBody = Type.Object(
  { accept: Type.Object({ auth_key: Type.String({ minLength: 1, maxLength: 255 }) }, strict) },
  strict,
);
const rules: ListRules<'transfers'> = {
  table: 'transfers',
  text: { id: 'id', name: 'name', volume_id: 'volume_id' },
  sort: {
    id: 'id',
    name: 'name',
    display_name: 'name',
    created_at: 'created_at_ms',
    volume_id: 'volume_id',
  },
};
const newPathSince = 55;
const historySince = 57;

const hashOf = (salt: string, key: string): string =>
  createHash('sha256').update(`${salt}:${key}`).digest('hex');

function summary(request: Request, row: TransferRow, path: string): JsonObject {
  return {
    id: row.id,
    volume_id: row.volume_id,
    name: row.name,
    links: linksOf(request, path, row.id),
  };
}
const detail = (request: Request, row: TransferRow, path: string): JsonObject => ({
  ...summary(request, row, path),
  created_at: timeText(row.created_at_ms),
  ...(request.version >= newPathSince ? { no_snapshots: row.no_snapshots === 1 } : {}),
  ...(request.version >= historySince
    ? { source_project_id: row.project_id, destination_project_id: null, accepted: false }
    : {}),
});

export function transferRoutes(deps: HandlerDeps): readonly Route[] {
  return [
    ...routesAt(deps, 'os-volume-transfer', 0),
    ...routesAt(deps, 'volume-transfers', newPathSince),
  ];
}

function routesAt(deps: HandlerDeps, path: string, since: number): readonly Route[] {
  const { db } = deps.database;
  const { clock } = deps;
  const find = async (id: string, scope: string | null): Promise<Outcome<TransferRow>> =>
    (await findTransfer(db, id, scope)) ?? fault('notFound', `Transfer ${id} could not be found.`);
  return [
    ...listRoutes(deps, {
      path: `/${path}`,
      since,
      policy: 'volume:get_all_transfers',
      rules,
      summary: (request, rows) => rows.map((row) => summary(request, row, path)),
      detail: (request, rows) => rows.map((row) => detail(request, row, path)),
    }),
    route<Create>('POST', `/${path}`, {
      since,
      policy: 'volume:create_transfer',
      body: since === 0 ? withoutSnapshots : withSnapshots,
      faults: ['notFound'],
      handler: async (request) => await offer(deps, request, path),
    }),
    route('GET', `/${path}/:id`, {
      since,
      policy: 'volume:get_transfer',
      faults: ['notFound'],
      handler: async (request) => {
        const row = await find(request.params['id'] ?? '', scopeOf(request));
        return isFault(row) ? row : { status: 200, body: { transfer: detail(request, row, path) } };
      },
    }),
    route('DELETE', `/${path}/:id`, {
      since,
      policy: 'volume:delete_transfer',
      faults: ['notFound'],
      handler: async (request) => {
        const row = await find(request.params['id'] ?? '', scopeOf(request));
        if (isFault(row)) return row;
        await transaction(db, async (trx) => {
          await deleteTransfer(trx, row.id);
          await changeVolumeIn(
            trx,
            row.volume_id,
            ['awaiting-transfer'],
            { status: 'available' },
            clock.now(),
          );
        });
        return { status: 202 };
      },
    }),
    route<{ accept: { auth_key: string } }>('POST', `/${path}/:id/accept`, {
      since,
      policy: 'volume:accept_transfer',
      body: acceptBody,
      faults: ['notFound', 'overQuota'],
      handler: async (request) => {
        // The scope is null: any project that has the key may accept.
        const row = await find(request.params['id'] ?? '', null);
        if (isFault(row)) return row;
        const acceptance = await accept(deps, request, row, request.body.accept.auth_key);
        return isFault(acceptance)
          ? acceptance
          : { status: 202, body: { transfer: summary(request, row, path) } };
      },
    }),
  ];
}

async function offer(deps: HandlerDeps, request: Request & { body: Create }, path: string) {
  const { db } = deps.database;
  const { ids, clock } = deps;
  const { volume_id, name, no_snapshots } = request.body.transfer;
  const volume = await findVolume(db, volume_id, scopeOf(request));
  if (!volume) return fault('notFound', `Volume ${volume_id} could not be found.`);
  const key = ids.bytes(16).toString('hex');
  const salt = ids.bytes(8).toString('hex');
  const row: TransferRow = {
    id: ids.uuid(),
    volume_id,
    project_id: volume.project_id,
    name: name ?? null,
    salt,
    key_hash: hashOf(salt, key),
    no_snapshots: booleanOf(no_snapshots ?? false) ? 1 : 0,
    created_at_ms: clock.now(),
  };
  const refusal = await transaction(db, async (trx): Promise<Outcome<undefined>> => {
    if (row.no_snapshots === 1 && (await snapshotsOf(trx, volume_id)).length > 0)
      return fault(
        'badRequest',
        'Invalid volume: Volume has snapshots, which a transfer without snapshots cannot leave behind.',
      );
    if (
      !(await changeVolumeIn(
        trx,
        volume_id,
        ['available'],
        { status: 'awaiting-transfer' },
        clock.now(),
      ))
    )
      return fault('badRequest', 'Invalid volume: status must be available');
    await insertTransfer(trx, row);
    return undefined;
  });
  return (
    refusal ?? { status: 202, body: { transfer: { ...detail(request, row, path), auth_key: key } } }
  );
}

/** Accepts the transfer: volume, snapshots and quota change project in one transaction. */
async function accept(
  deps: HandlerDeps,
  request: Request,
  row: TransferRow,
  key: string,
): Promise<Outcome<undefined>> {
  const { db } = deps.database;
  const { clock } = deps;
  const [actual, expected] = [Buffer.from(hashOf(row.salt, key)), Buffer.from(row.key_hash)];
  if (!timingSafeEqual(actual, expected))
    return fault(
      'badRequest',
      `Invalid auth key: Attempt to transfer ${row.id} with invalid auth key.`,
    );
  const projectId = request.auth.projectId ?? '';
  return await transaction(db, async (trx): Promise<Outcome<undefined>> => {
    await lockVolume(trx, row.volume_id);
    const volume = await findVolume(trx, row.volume_id, null);
    if (!volume || !(await findTransfer(trx, row.id, null)))
      return fault('notFound', `Transfer ${row.id} could not be found.`);
    if (volume.status !== 'awaiting-transfer')
      return fault('badRequest', `Invalid volume: Volume ${volume.id} is not awaiting a transfer.`);
    const snapshots = await snapshotsOf(trx, volume.id);
    const gigabytes = snapshots.reduce((sum, { size_gib }) => sum + size_gib, volume.size_gib);
    const over = await takeQuota(
      deps,
      trx,
      projectId,
      { volumes: 1, snapshots: snapshots.length, gigabytes },
      { typeId: volume.type_id, volumeGib: volume.size_gib },
    );
    if (over) return over;
    await changeVolume(
      trx,
      volume.id,
      { status: 'available', project_id: projectId, user_id: request.auth.userId },
      clock.now(),
    );
    await transferSnapshots(trx, volume.id, { projectId, userId: request.auth.userId });
    await deleteTransfer(trx, row.id);
    return undefined;
  });
}
