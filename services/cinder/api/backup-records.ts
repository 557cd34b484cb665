// Export and import of backup records: with a record, an operator restores a lost row of a backup
// whose data is still in the store. A record is versioned JSON in base64 and holds no secret.
// https://docs.openstack.org/api-ref/block-storage/v3/#export-a-backup
import Type from 'typebox';
import type { Static } from 'typebox';
import { backupLock } from '#contracts/cinder/operations.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { bodyChecker } from '#openstack/http/schema.ts';
import { isUniqueViolation } from '#platform/db/errors.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { BackedUpFacts } from '../store/backups.ts';
import { backedUpFacts, dataIdOf, findBackup, insertBackup } from '../store/backups.ts';
import { enqueueOperation } from '../store/operations.ts';
import { metadataIn } from '../store/rows.ts';
import type { BackupRow } from '../store/tables.ts';
import { metadataSchema, strict } from './field-schemas.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { linksOf } from './request.ts';
import type { Request } from './request.ts';
import { requestedBackup } from './restore.ts';
import { takeQuota } from './take-quota.ts';

const uuidSchema = Type.String({
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
});
const textOrNull = (maxLength: number) => Type.Union([Type.String({ maxLength }), Type.Null()]);
const imageMetadataSchema = Type.Record(
  Type.String({ pattern: '^.{1,255}$' }),
  Type.String({ maxLength: 65_535 }),
  { additionalProperties: false },
);
/** Deadline for the store to list its backups. */
const storeTimeoutMs = 30_000;
const latestMs = 8.64e15; // the greatest time of a Date

/**
 * A change of these fields needs a new version. `object`: the id of the data in the store; it stays
 * the same if somebody edits the record's `id`.
 */
const recordSchema = Type.Object(
  {
    version: Type.Literal(1),
    id: uuidSchema,
    object: uuidSchema,
    container: textOrNull(255),
    format: Type.Literal('qcow2'),
    size: Type.Integer({ minimum: 1, maximum: 0x7fff_ffff }),
    name: textOrNull(255),
    description: textOrNull(65_535),
    metadata: metadataSchema,
    data_at_ms: Type.Union([Type.Integer({ minimum: 0, maximum: latestMs }), Type.Null()]),
    volume_id: uuidSchema,
    snapshot_id: Type.Union([uuidSchema, Type.Null()]),
    volume: Type.Object(
      { bootable: Type.Boolean(), metadata: metadataSchema, image_metadata: imageMetadataSchema },
      strict,
    ),
  },
  strict,
);
type BackupRecord = Static<typeof recordSchema>;
const checkRecord = bodyChecker(recordSchema);

interface Envelope {
  backup_service: string;
  backup_url: string;
}
/** Twice the greatest total length of a backup's texts. */
const maxBodyBytes = 8 * 1024 * 1024;
const importBody = Type.Object(
  {
    'backup-record': Type.Object(
      {
        backup_service: Type.String({ minLength: 1, maxLength: 255 }),
        backup_url: Type.String({ minLength: 1 }),
      },
      strict,
    ),
  },
  strict,
);

export function backupRecordRoutes(deps: HandlerDeps): readonly Route[] {
  // In the form of a stock driver's name, as clients expect, but different from all of them:
  // neither can read the other's data.
  const service = `cinder.backup.drivers.cobalt.${deps.backupStoreName}`;
  return [
    route('GET', '/backups/:id/export_record', {
      policy: 'backup:export-import',
      faults: ['notFound'],
      handler: async (request) => {
        const row = await requestedBackup(deps, request, request.params['id'] ?? '');
        if (isFault(row)) return row;
        if (row.status !== 'available')
          return fault(
            'badRequest',
            `Invalid backup: Backup status must be available and not ${row.status}.`,
          );
        return {
          status: 200,
          body: {
            'backup-record': { backup_service: service, backup_url: encoded(recordOf(row)) },
          },
        };
      },
    }),
    route<{ 'backup-record': Envelope }>('POST', '/backups/import_record', {
      policy: 'backup:export-import',
      body: importBody,
      maxBodyBytes,
      faults: ['overQuota'],
      handler: async (request) => {
        const { backup_service, backup_url } = request.body['backup-record'];
        if (backup_service !== service)
          return fault(
            'badRequest',
            `Invalid input received: the record is of the backup service ${backup_service}, here is ${service}.`,
          );
        const record = decoded(backup_url);
        const row = isFault(record) ? record : await importRecord(deps, request, record);
        return isFault(row)
          ? row
          : {
              status: 201,
              body: {
                backup: { id: row.id, name: row.name, links: linksOf(request, 'backups', row.id) },
              },
            };
      },
    }),
  ];
}

function recordOf(row: BackupRow): BackupRecord {
  const facts = backedUpFacts(row);
  return {
    version: 1,
    id: row.id,
    object: dataIdOf(row),
    container: row.container,
    format: 'qcow2',
    size: row.size_gib,
    name: row.name,
    description: row.description,
    metadata: metadataIn(row.metadata_json),
    data_at_ms: row.data_at_ms,
    volume_id: row.volume_id,
    snapshot_id: row.snapshot_id,
    volume: {
      bootable: facts.bootable === 1,
      metadata: facts.metadata,
      image_metadata: facts.imageMetadata,
    },
  };
}

const encoded = (record: BackupRecord): string =>
  Buffer.from(JSON.stringify(record)).toString('base64');

function decoded(text: string): Outcome<BackupRecord> {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text))
    return fault(
      'badRequest',
      "Invalid input received: Can't parse backup record: it is not base64.",
    );
  let record: Json;
  try {
    record = JSON.parse(
      new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(text, 'base64')),
    ) as Json;
  } catch {
    return fault(
      'badRequest',
      "Invalid input received: Can't parse backup record: it is not JSON.",
    );
  }
  const wrong = checkRecord(record, 0);
  return wrong
    ? fault('badRequest', `Invalid input received: Can't parse backup record: ${wrong.message}`)
    : (record as BackupRecord); // validated by the schema
}

async function importRecord(
  deps: HandlerDeps,
  request: Request,
  record: BackupRecord,
): Promise<Outcome<BackupRow>> {
  const { db } = deps.database;
  const { clock, config, backup, backupStoreName } = deps;
  const data = await backup.call(
    'hasData',
    { dataId: record.object },
    { timeoutMs: storeTimeoutMs, requestId: request.id },
  );
  if (isFault(data)) return data;
  if (!data.found)
    return fault(
      'badRequest',
      `Invalid input received: the store ${backupStoreName} has no data ${record.object} for backup ${record.id}.`,
    );
  const facts: BackedUpFacts = {
    bootable: record.volume.bootable ? 1 : 0,
    metadata: record.volume.metadata,
    imageMetadata: record.volume.image_metadata,
  };
  const row: BackupRow = {
    id: record.id,
    project_id: request.auth.projectId ?? '',
    user_id: request.auth.userId,
    name: record.name,
    description: record.description,
    status: 'creating',
    fail_reason: null,
    volume_id: record.volume_id,
    snapshot_id: record.snapshot_id,
    availability_zone: config.defaultZone,
    container: record.container,
    size_gib: record.size,
    object_count: 0,
    metadata_json: JSON.stringify(record.metadata),
    volume_facts_json: JSON.stringify(facts),
    data_id: record.object === record.id ? null : record.object,
    data_at_ms: record.data_at_ms,
    created_at_ms: clock.now(),
    updated_at_ms: null,
  };
  const exists = fault('badRequest', 'Invalid backup: Backup already exists in database.');
  try {
    const refusal = await transaction(db, async (trx): Promise<Outcome<undefined>> => {
      if (await findBackup(trx, row.id, null)) return exists;
      const over = await takeQuota(deps, trx, row.project_id, {
        backups: 1,
        backup_gigabytes: row.size_gib,
      });
      if (over) return over;
      await insertBackup(trx, row);
      await enqueueOperation(deps, trx, request.id, {
        name: 'cinder.import-backup',
        lockKey: backupLock(record.object),
        input: { backupId: row.id, dataId: record.object, projectId: row.project_id },
      });
      return undefined;
    });
    if (refusal) return refusal;
  } catch (error) {
    if (isUniqueViolation(error)) return exists; // a concurrent import inserted it
    throw error;
  }
  await deps.wakeBackup(request.id);
  return row;
}
