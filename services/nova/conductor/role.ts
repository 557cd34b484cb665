// The role nova-conductor: executes Nova's sagas, handles the reports of agents, and runs periodic
// tasks.
import type { ConductorRpc } from '#contracts/nova/conductor-rpc.ts';
import { conductorTopic } from '#contracts/nova/conductor-rpc.ts';
import type { Role } from '#openstack/role.ts';
import { rpcServer } from '#platform/bus/contract.ts';
import { patientBus } from '#platform/bus/patient-bus.ts';
import type { NovaDeps } from '../deps.ts';
import { reportService } from '../report-service.ts';
import { assistSnapshot } from './assist-snapshot.ts';
import { attachInterface, detachInterface } from './attach-interface.ts';
import { attachVolume, detachVolume } from './attach-volume.ts';
import { buildServer } from './build-server.ts';
import { changeServer } from './change-server.ts';
import { confirmResize } from './confirm-resize.ts';
import { refreshNetworkInfo } from './connect-nics.ts';
import { createImage } from './create-image.ts';
import { deleteServer } from './delete-server.ts';
import { evacuateServer } from './evacuate-server.ts';
import { expectedGuests, imagesInUse } from './expected-guests.ts';
import { extendVolume } from './extend-volume.ts';
import { liveMigrateServer } from './live-migration/live-migrate-server.ts';
import { networkEvent } from './network-event.ts';
import { agentStops, reportGuests, reportHost } from './observe-host.ts';
import { offloadServer } from './offload-server.ts';
import { removeAbandoned } from './remove-abandoned.ts';
import { resizeServer } from './resize-server.ts';
import { revertResize } from './revert-resize.ts';
import { shelveServer } from './shelve-server.ts';
import { dropShelvedImage } from './shelved-image.ts';
import { confirmResizes } from './tasks/confirm-resizes.ts';
import { healNetworkInfo } from './tasks/heal-network-info.ts';
import { offloadShelved } from './tasks/offload-shelved.ts';
import { purgeDeletedTask } from './tasks/purge-deleted.ts';
import { reapClaims } from './tasks/reap-claims.ts';
import { reapPorts } from './tasks/reap-ports.ts';
import { reapVolumes } from './tasks/reap-volumes.ts';
import { removeAbandonedResources } from './tasks/remove-abandoned-resources.ts';
import { unshelveServer } from './unshelve-server.ts';

/** Creates the role. `wakeSagas` makes the saga runner of this process read the journal. */
export function createNovaConductor(deps: NovaDeps, wakeSagas: () => void): Role {
  const { bus, clock, config } = deps;
  const patient = {
    ...deps,
    bus: patientBus(bus, { clock, patienceMs: config.agentAwayMs }),
  };
  return {
    name: 'nova-conductor',
    http: [],
    rpc: [
      rpcServer<ConductorRpc>(conductorTopic, {
        wakeSagas: async () => {
          wakeSagas();
          return null;
        },
        refreshNetworkInfo: async ({ serverId }, { requestId }) =>
          (await refreshNetworkInfo(deps, serverId, { requestId })) ?? null,
        removeAbandoned: async ({ id }) => (await removeAbandoned(deps, id)) ?? null,
        networkEvent: async (event, { requestId }) => await networkEvent(deps, event, requestId),
        volumeExtended: async ({ serverId, volumeId }, { requestId }) => {
          await extendVolume(deps, serverId, volumeId, requestId);
          return null;
        },
        reportHost: async (report) => await reportHost(deps, report),
        agentStops: async (stopped) => await agentStops(deps, stopped),
        reportGuests: async (report) => await reportGuests(deps, report),
        expectedGuests: async (question) => await expectedGuests(deps, question),
        imagesInUse: async (question) => await imagesInUse(deps, question),
      }),
    ],
    tasks: [
      reportService(deps, 'nova-conductor'),
      purgeDeletedTask(deps),
      healNetworkInfo(deps),
      reapClaims(deps),
      reapPorts(deps),
      reapVolumes(deps),
      offloadShelved(deps),
      removeAbandonedResources(deps),
      confirmResizes(deps),
    ],
    sagas: [
      buildServer(patient),
      deleteServer(patient),
      changeServer(patient),
      attachInterface(patient),
      detachInterface(patient),
      attachVolume(patient),
      detachVolume(patient),
      assistSnapshot(patient),
      createImage(patient),
      shelveServer(patient),
      offloadServer(patient),
      unshelveServer(patient),
      dropShelvedImage(patient),
      liveMigrateServer(patient),
      resizeServer(patient),
      confirmResize(patient),
      revertResize(patient),
      evacuateServer(patient, deps),
    ],
  };
}
