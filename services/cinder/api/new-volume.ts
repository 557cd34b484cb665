// What every new volume needs, whatever its source: type, zone, row and quota. Called by
// create-volume.ts and restore.ts.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { transaction } from '#platform/db/transaction.ts';
import { backendOf } from '../domain/pick-pool.ts';
import type { SourceVolume } from '../domain/volume-source.ts';
import type { CinderDb } from '../store/rows.ts';
import type { VolumeRow, VolumeTypeRow } from '../store/tables.ts';
import { defaultTypeName, extraSpecsOf, findType, findTypeByIdOrName } from '../store/types.ts';
import { insertVolume } from '../store/volumes.ts';
import type { DisplayTexts } from './display-texts.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { scopeOf } from './request.ts';
import type { Request } from './request.ts';
import { takeQuota } from './take-quota.ts';

export interface WantedVolume extends DisplayTexts {
  size?: number | string | null;
  availability_zone?: string | null;
  volume_type?: string | null;
  snapshot_id?: string | null;
  source_volid?: string | null;
  imageRef?: string | null;
  image_id?: string | null;
  backup_id?: string | null;
  multiattach?: boolean | string | null;
  metadata?: Record<string, string> | null;
  consistencygroup_id?: string | null;
  group_id?: string | null;
  source_replica?: string | null;
}

/**
 * Takes quota, inserts the row and runs `also`, in one transaction. Afterwards the caller must wake
 * the role that executes the saga which `also` journalled.
 */
export async function beginCreation(
  deps: HandlerDeps,
  row: VolumeRow,
  also: (trx: CinderDb) => Promise<Outcome<undefined>>,
): Promise<Outcome<VolumeRow>> {
  const { db } = deps.database;
  const refusal = await transaction(db, async (trx): Promise<Outcome<undefined>> => {
    const over = await takeQuota(
      deps,
      trx,
      row.project_id,
      { gigabytes: row.size_gib, volumes: 1 },
      { typeId: row.type_id, volumeGib: row.size_gib },
    );
    if (over) return over;
    const wrong = await also(trx);
    if (!wrong) await insertVolume(trx, row);
    return wrong;
  });
  return refusal ?? row;
}

export function newVolumeRow(
  { ids, clock }: HandlerDeps,
  request: Request,
  wanted: WantedVolume,
  facts: Pick<VolumeRow, 'size_gib' | 'availability_zone'> & Partial<VolumeRow>,
): VolumeRow {
  return {
    id: ids.uuid(),
    project_id: request.auth.projectId ?? '',
    user_id: request.auth.userId,
    name: wanted.name ?? wanted.display_name ?? null,
    description: wanted.description ?? wanted.display_description ?? null,
    status: 'creating',
    extending_gib: 0,
    host: null,
    type_id: null,
    snapshot_id: null,
    source_volid: null,
    bootable: 0,
    readonly: null,
    metadata_json: JSON.stringify(wanted.metadata ?? {}),
    image_metadata_json: '{}',
    creating_lock: null,
    created_at_ms: clock.now(),
    updated_at_ms: null,
    ...facts,
  };
}

/**
 * The requested type, else the source's, else the default. badRequest: the type is on another
 * backend than the source, and a copy cannot change its backend.
 */
export async function typeFor(
  { database: { db } }: HandlerDeps,
  request: Request,
  typeNameOrId: string | null,
  origin: SourceVolume | null,
): Promise<Outcome<VolumeTypeRow>> {
  const scope = scopeOf(request);
  if (typeNameOrId === null || typeNameOrId === '') {
    const own = origin?.typeId ? await findType(db, origin.typeId, null) : undefined;
    const type = own ?? (await findTypeByIdOrName(db, defaultTypeName, null));
    return (
      type ?? fault('notFound', `Volume type with name ${defaultTypeName} could not be found.`)
    );
  }
  const type = await findTypeByIdOrName(db, typeNameOrId, scope);
  if (!type) return fault('notFound', `Volume type with name ${typeNameOrId} could not be found.`);
  const backend = extraSpecsOf(type)['volume_backend_name'];
  if (origin?.host && backend !== undefined && backend !== backendOf(origin.host))
    return fault(
      'badRequest',
      'Invalid volume_type provided (requested type is not compatible with the source; either match it or leave it out).',
    );
  return type;
}

export function zoneOf(
  { config }: HandlerDeps,
  wanted: WantedVolume,
  origin: string | null,
): Outcome<string> {
  const zone = wanted.availability_zone || origin || config.defaultZone;
  return zone === config.defaultZone
    ? zone
    : fault('badRequest', `Invalid input received: Availability zone '${zone}' is invalid.`);
}
