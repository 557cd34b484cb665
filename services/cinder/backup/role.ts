// The role cinder-backup: copies volumes into the backup store and back. It uses storage backends
// only to read and write volumes' data; for all else it asks cinder-volume.
import type { CinderAudit } from '#contracts/cinder/audit.ts';
import type { CinderBackupRpc } from '#contracts/cinder/backup-rpc.ts';
import { cinderBackupTopic } from '#contracts/cinder/backup-rpc.ts';
import type { CinderSchedulerRpc } from '#contracts/cinder/scheduler-rpc.ts';
import { cinderSchedulerTopic } from '#contracts/cinder/scheduler-rpc.ts';
import type { CinderVolumeRpc } from '#contracts/cinder/volume-rpc.ts';
import { cinderVolumeTopic } from '#contracts/cinder/volume-rpc.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Role } from '#openstack/role.ts';
import { rpcClient, rpcServer } from '#platform/bus/contract.ts';
import { patientBus } from '#platform/bus/patient-bus.ts';
import { emptySpool } from '#platform/spool.ts';
import type { CinderDeps } from '../deps.ts';
import { recordHeartbeat } from '../store/services.ts';
import { auditStore } from './audit-store.ts';
import type { BackupDeps } from './backup-deps.ts';
import { createBackup } from './create-backup.ts';
import { deleteBackup } from './delete-backup.ts';
import { importBackup } from './import-backup.ts';
import { restoreBackup } from './restore-backup.ts';

export interface CinderBackupDeps
  extends CinderDeps, Pick<BackupDeps, 'backups' | 'backends' | 'spoolDir'> {
  /** Wakes the runner of this role's sagas to read the journal. */
  wakeSagas(): void;
}

export interface CinderBackup extends Role {
  /** Adds the role to the service list at the start of a cloud; a task repeats it. */
  reportAlive(): Promise<void>;
  /** Compares the backup store with Cinder's backups. A text: why the store could not be listed. */
  audit(): Promise<CinderAudit['backups']>;
}

export function createCinderBackup(roleDeps: CinderBackupDeps): CinderBackup {
  const { bus, clock, config, database, log, spoolDir, wakeSagas } = roleDeps;
  const patient = patientBus(bus, { clock, patienceMs: config.peerAwayMs });
  const deps: BackupDeps = {
    ...roleDeps,
    scheduler: rpcClient<CinderSchedulerRpc>(patient, cinderSchedulerTopic),
    volume: rpcClient<CinderVolumeRpc>(patient, cinderVolumeTopic),
  };
  const service = { binary: 'cinder-backup', host: config.controlHost, zone: config.defaultZone };
  const reportAlive = async (): Promise<void> =>
    await recordHeartbeat(database.db, service, clock.now());
  const startedAtMs = clock.now();
  return {
    name: 'cinder-backup',
    http: [],
    rpc: [
      rpcServer<CinderBackupRpc>(cinderBackupTopic, {
        wakeSagas: async () => {
          wakeSagas();
          return null;
        },
        hasData: async ({ dataId }) => {
          const stored = await deps.backups.list();
          return isFault(stored) ? stored : { found: stored.includes(dataId) };
        },
      }),
    ],
    // Both run in every process: a host's service is up while any of its processes reports, and
    // each process has a spool folder of its own.
    tasks: [
      {
        name: 'cinder.report-backup',
        everyMs: config.heartbeatMs,
        scope: 'every',
        atStart: true,
        run: reportAlive,
      },
      {
        name: 'cinder.empty-backup-spool',
        everyMs: 3_600_000,
        scope: 'every',
        atStart: true,
        run: async () => await emptySpool(spoolDir, startedAtMs, log),
      },
    ],
    sagas: [createBackup(deps), restoreBackup(deps), deleteBackup(deps), importBackup(deps)],
    reportAlive,
    audit: async () => await auditStore(deps),
  };
}
