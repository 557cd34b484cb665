// cinder-backup, as data: copies volumes into the backup store and back. It holds the backends for
// their bytes alone; all else of a backend it asks cinder-volume.
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
  /** Tells the runner of this role's sagas to look at the journal. */
  wakeSagas(): void;
}

export interface CinderBackup extends Role {
  /** Lists the role among the services, for a fresh cloud; its task repeats it. */
  reportAlive(): Promise<void>;
  /** What the backup store has, held against Cinder's backups; a text: the store did not tell. */
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
    // Both in every process: the service of a host is up while one process of it reports, and each
    // process has a spool folder of its own.
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
