// POST /volumes: reads the source's facts, then takes quota, inserts the row and journals the saga
// in one transaction. https://docs.openstack.org/api-ref/block-storage/v3/#create-a-volume
import Type from 'typebox';
import type { CopiedOrigin, CreateVolumeInput } from '#contracts/cinder/operations.ts';
import { volumeLock } from '#contracts/cinder/operations.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { booleanOf } from '#openstack/http/lenient-values.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { SourceSnapshot, SourceVolume, VolumeSources } from '../domain/volume-source.ts';
import { planSource } from '../domain/volume-source.ts';
import { enqueueOperation } from '../store/operations.ts';
import type { CinderDb } from '../store/rows.ts';
import { metadataIn } from '../store/rows.ts';
import { findSnapshot, insertSnapshot } from '../store/snapshots.ts';
import type { VolumeRow } from '../store/tables.ts';
import { findVolume, lockVolume } from '../store/volumes.ts';
import { newSnapshotRow } from './create-snapshot.ts';
import { displayTextSchemas } from './display-texts.ts';
import { booleanSchema, metadataSchema, orNull, sizeSchema, strict } from './field-schemas.ts';
import { fetchImage } from './glance.ts';
import type { HandlerDeps } from './handler-deps.ts';
import type { WantedVolume } from './new-volume.ts';
import { beginCreation, newVolumeRow, typeFor, zoneOf } from './new-volume.ts';
import { scopeOf } from './request.ts';
import type { Request } from './request.ts';
import { restoreToNewVolume } from './restore.ts';
import { volumeView } from './views.ts';

const text = Type.Optional(orNull(Type.String({ maxLength: 255 })));
const body = Type.Object(
  {
    volume: Type.Object(
      {
        size: Type.Optional(orNull(sizeSchema)),
        ...displayTextSchemas,
        availability_zone: text,
        volume_type: text,
        snapshot_id: text,
        source_volid: text,
        imageRef: text,
        image_id: text,
        backup_id: text,
        consistencygroup_id: text,
        group_id: text,
        source_replica: text,
        multiattach: Type.Optional(orNull(booleanSchema)),
        metadata: Type.Optional(orNull(metadataSchema)),
        // Old clients send these fields; they are ignored.
        status: Type.Optional(Type.Any()),
        attach_status: Type.Optional(Type.Any()),
        user_id: Type.Optional(Type.Any()),
        project_id: Type.Optional(Type.Any()),
      },
      strict,
    ),
    'OS-SCH-HNT:scheduler_hints': Type.Optional(orNull(Type.Object({}))),
  },
  strict,
);

const backupsSince = 47;
const uuid = /^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/i;

export function createVolumeRoutes(deps: HandlerDeps): readonly Route[] {
  return [
    route<{ volume: WantedVolume }>('POST', '/volumes', {
      policy: 'volume:create',
      body,
      faults: ['notFound', 'overQuota', 'conflict'],
      handler: async (request) => {
        const wanted = request.body.volume;
        if (wanted.backup_id && request.version >= backupsSince) {
          const restored = await restoreToNewVolume(deps, request, wanted.backup_id, wanted);
          return isFault(restored)
            ? restored
            : { status: 202, body: { volume: await volumeView(deps, request, restored, 'base') } };
        }
        const row = await createOf(deps, request, wanted);
        return isFault(row)
          ? row
          : { status: 202, body: { volume: await volumeView(deps, request, row, 'base') } };
      },
    }),
  ];
}

async function createOf(
  deps: HandlerDeps,
  request: Request,
  wanted: WantedVolume,
): Promise<Outcome<VolumeRow>> {
  const unsupported = notOffered(wanted);
  if (unsupported) return unsupported;
  const sources = await sourcesOf(deps, request, wanted);
  if (isFault(sources)) return sources;
  const plan = planSource(
    wanted.size === undefined || wanted.size === null ? null : Number(wanted.size),
    sources,
  );
  if (isFault(plan)) return plan;
  const { origin } = plan;
  const type = await typeFor(deps, request, wanted.volume_type ?? null, origin?.volume ?? null);
  if (isFault(type)) return type;
  const zone = zoneOf(deps, wanted, origin?.volume.zone ?? null);
  if (isFault(zone)) return zone;
  const row = newVolumeRow(deps, request, wanted, {
    size_gib: plan.sizeGib,
    bootable: plan.bootable ? 1 : 0,
    image_metadata_json: JSON.stringify(plan.imageMetadata),
    availability_zone: zone,
    type_id: type.id,
    host: origin?.volume.host ?? null,
    snapshot_id: origin?.kind === 'snapshot' ? origin.id : null,
    source_volid: origin?.kind === 'volume' ? origin.id : null,
    creating_lock: origin ? volumeLock(origin.volume.id) : null,
  });
  const input: CreateVolumeInput = {
    volumeId: row.id,
    projectId: row.project_id,
    imageId: sources.image?.id ?? null,
    origin:
      origin === null
        ? null
        : origin.kind === 'snapshot'
          ? { kind: 'snapshot', id: origin.id, volumeId: origin.volume.id }
          : { kind: 'volume', id: origin.id },
  };
  const created = await beginCreation(deps, row, async (trx) => {
    // The source may have been deleted since it was read: lock it and look again. From the commit
    // on the saga's lock protects it.
    if (origin) await lockVolume(trx, origin.volume.id);
    if (
      origin?.kind === 'snapshot' &&
      (await findSnapshot(trx, origin.id, null))?.status !== 'available'
    )
      return fault(
        'badRequest',
        "Invalid snapshot: Originating snapshot status must be one of 'available' values",
      );
    const source = origin?.kind === 'volume' ? await findVolume(trx, origin.id, null) : undefined;
    if (origin?.kind === 'volume' && source?.status !== 'available' && source?.status !== 'in-use')
      return fault('badRequest', 'Invalid volume: the source volume is not available any more.');
    const originOverride =
      source?.status === 'in-use'
        ? { origin: await temporarySnapshotOf(deps, trx, request, source) }
        : {};
    await enqueueOperation(deps, trx, request.id, {
      name:
        origin === null && input.imageId === null
          ? 'cinder.create-volume'
          : 'cinder.create-volume-with-data',
      lockKey: row.creating_lock ?? volumeLock(row.id),
      input: { ...input, ...originOverride },
    });
    return undefined;
  });
  if (!isFault(created)) await deps.wakeVolume(request.id);
  return created;
}

/**
 * A guest is writing the source, so a temporary snapshot of it is copied. Both sagas lock the
 * volume, so the snapshot is taken first. The copy's saga removes it.
 */
async function temporarySnapshotOf(
  deps: HandlerDeps,
  trx: CinderDb,
  request: Request,
  source: VolumeRow,
): Promise<CopiedOrigin> {
  const snapshot = newSnapshotRow(deps, request, source, { name: `copy of ${source.id}` });
  await insertSnapshot(trx, snapshot);
  await enqueueOperation(deps, trx, request.id, {
    name: 'cinder.create-snapshot',
    lockKey: volumeLock(source.id),
    input: { snapshotId: snapshot.id, volumeId: source.id, projectId: source.project_id },
  });
  return { kind: 'snapshot', id: snapshot.id, volumeId: source.id, temporary: true };
}

function notOffered(wanted: WantedVolume): Outcome<undefined> {
  if (wanted.multiattach && booleanOf(wanted.multiattach) === true)
    return fault(
      'badRequest',
      'Invalid input received: volumes that several servers attach at once are not offered.',
    );
  for (const name of ['consistencygroup_id', 'group_id', 'source_replica'] as const) {
    if (wanted[name]) return fault('badRequest', `Invalid input received: ${name} is not offered.`);
  }
  return undefined;
}

async function sourcesOf(
  deps: HandlerDeps,
  request: Request,
  wanted: WantedVolume,
): Promise<Outcome<VolumeSources>> {
  const { db } = deps.database;
  const scope = scopeOf(request);
  const sources: VolumeSources = { snapshot: null, volume: null, image: null };
  const imageId = wanted.imageRef || wanted.image_id || null;
  if ([wanted.snapshot_id, wanted.source_volid, imageId].filter(Boolean).length > 1)
    return fault('badRequest', 'May specify only one of snapshot, imageRef or source volume.');
  if (wanted.snapshot_id) {
    const snapshot = await findSnapshot(db, wanted.snapshot_id, scope);
    const volume = snapshot && (await findVolume(db, snapshot.volume_id, null));
    if (!snapshot || !volume)
      return fault('notFound', `Snapshot ${wanted.snapshot_id} could not be found.`);
    sources.snapshot = {
      id: snapshot.id,
      sizeGib: snapshot.size_gib,
      status: snapshot.status,
      volume: factsOf(volume),
    } satisfies SourceSnapshot;
  }
  if (wanted.source_volid) {
    const volume = await findVolume(db, wanted.source_volid, scope);
    if (!volume) return fault('notFound', `Volume ${wanted.source_volid} could not be found.`);
    sources.volume = factsOf(volume);
  }
  if (imageId !== null) {
    if (!uuid.test(imageId))
      return fault('badRequest', 'Invalid image identifier or unable to access requested image.');
    const image = await fetchImage(deps, imageId, {
      token: request.auth.token,
      requestId: request.id,
    });
    if (isFault(image)) return image;
    sources.image = image;
  }
  return sources;
}

const factsOf = (volume: VolumeRow): SourceVolume => ({
  id: volume.id,
  sizeGib: volume.size_gib,
  status: volume.status,
  typeId: volume.type_id,
  zone: volume.availability_zone,
  host: volume.host,
  bootable: volume.bootable === 1,
  imageMetadata: metadataIn(volume.image_metadata_json),
});
