// The role cinder-volume: executes operations on volumes and snapshots on the backends. Every
// process can reach every backend of the cloud; any number of processes share the journal.
import type { CinderAudit } from '#contracts/cinder/audit.ts';
import type { CinderSchedulerRpc } from '#contracts/cinder/scheduler-rpc.ts';
import { cinderSchedulerTopic } from '#contracts/cinder/scheduler-rpc.ts';
import type { BackendFigures, CinderVolumeRpc } from '#contracts/cinder/volume-rpc.ts';
import { cinderVolumeTopic } from '#contracts/cinder/volume-rpc.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Role } from '#openstack/role.ts';
import type { RpcServer } from '#platform/bus/bus.ts';
import { rpcClient, rpcServer } from '#platform/bus/contract.ts';
import { fencedHandlers } from '#platform/bus/fenced-handlers.ts';
import { patientBus } from '#platform/bus/patient-bus.ts';
import { withDeadline } from '#platform/clock.ts';
import { emptySpool } from '#platform/spool.ts';
import type { CinderDeps } from '../deps.ts';
import { auditBackends } from './audit-backends.ts';
import { watchBackends } from './backend-figures.ts';
import { placedVolume } from './backends.ts';
import { createSnapshot } from './create-snapshot.ts';
import { createVolume, createVolumeWithData, discardVolume } from './create-volume.ts';
import { deleteSnapshot } from './delete-snapshot.ts';
import { deleteVolume } from './delete-volume.ts';
import { extendVolume } from './extend-volume.ts';
import { purgeMessagesTask } from './purge-messages.ts';
import { releaseVolume } from './release-volume.ts';
import { reportBackends, reportBackendsTask } from './report-backends.ts';
import { uploadImage } from './upload-image.ts';
import type { VolumeDeps } from './volume-deps.ts';

export interface CinderVolumeDeps
  extends CinderDeps, Pick<VolumeDeps, 'backends' | 'spoolDir' | 'wakeSagas'> {}

export interface CinderVolume extends Role {
  /** Adds the backends to the service list at the start of a cloud; a task repeats it. */
  reportBackends(): Promise<void>;
  /** Compares the backends with Cinder's volumes. A text: why a backend could not be listed. */
  audit(): Promise<CinderAudit['backends']>;
}

export function createCinderVolume(roleDeps: CinderVolumeDeps): CinderVolume {
  const { bus, clock, config } = roleDeps;
  const patient = patientBus(bus, { clock, patienceMs: config.peerAwayMs });
  const deps: VolumeDeps = {
    ...roleDeps,
    scheduler: rpcClient<CinderSchedulerRpc>(patient, cinderSchedulerTopic),
  };
  const figures = watchBackends(deps);
  const startedAtMs = deps.clock.now();
  return {
    name: 'cinder-volume',
    http: [],
    rpc: [volumeRpc(deps, figures)],
    tasks: [
      reportBackendsTask(deps, figures),
      purgeMessagesTask(deps),
      // Runs in every process: each has a spool folder of its own.
      {
        name: 'cinder.empty-volume-spool',
        everyMs: 3_600_000,
        scope: 'every',
        atStart: true,
        run: async () => await emptySpool(deps.spoolDir, startedAtMs, deps.log),
      },
    ],
    sagas: [
      createVolume(deps),
      createVolumeWithData(deps),
      deleteVolume(deps),
      extendVolume(deps),
      releaseVolume(deps),
      createSnapshot(deps),
      deleteSnapshot(deps),
      uploadImage(deps),
    ],
    reportBackends: async () => await reportBackends(deps, figures),
    audit: async () => await auditBackends(deps),
  };
}

const connectionTimeoutMs = 30_000;
/**
 * How many calls are served at once. High, so that calls waiting for a hung backend do not block
 * calls for other backends.
 */
const concurrency = 512;

function volumeRpc(deps: VolumeDeps, figures: () => Promise<BackendFigures[]>): RpcServer {
  const server = rpcServer<CinderVolumeRpc>(
    cinderVolumeTopic,
    {
      wakeSagas: async () => {
        deps.wakeSagas();
        return null;
      },
      backendFigures: async () => await figures(),
      connection: async ({ volumeId }) => {
        const placed = await placedVolume(deps, volumeId);
        return isFault(placed)
          ? placed
          : await withDeadline(
              placed.backend.connection(volumeId),
              connectionTimeoutMs,
              () => fault('timeout', 'The storage backend does not answer.'),
              deps.clock,
            );
      },
      createBlankVolume: async ({ volumeId }) => {
        const placed = await placedVolume(deps, volumeId);
        if (isFault(placed)) return placed;
        const { volume, backend } = placed;
        const created = await backend.createVolume(volumeId, volume.size_gib, { kind: 'blank' });
        return isFault(created) ? created : null;
      },
      discardVolume: async ({ volumeId }, { requestId }) => {
        await discardVolume(deps, volumeId, { requestId });
        return null;
      },
    },
    { concurrency },
  );
  return { ...server, handlers: fencedHandlers(server.handlers) };
}
