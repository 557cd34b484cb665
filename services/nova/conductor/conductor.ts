// The conductor: serves the hosts and wakes the sagas. One topic, one table of handlers.
import type { ConductorRpc } from '#contracts/nova/conductor-rpc.ts';
import { conductorTopic } from '#contracts/nova/conductor-rpc.ts';
import type { RpcServer } from '#platform/bus/bus.ts';
import { rpcServer } from '#platform/bus/contract.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { assistSnapshot } from './assist-snapshot.ts';
import { attachInterface, detachInterface } from './attach-interface.ts';
import { attachVolume, detachVolume } from './attach-volume.ts';
import { buildServer } from './build-server.ts';
import { changeServer } from './change-server.ts';
import { createImage } from './create-image.ts';
import { deleteServer } from './delete-server.ts';
import { extendVolume } from './extend-volume.ts';
import { networkEvent } from './network-event.ts';
import {
  agentStops,
  expectedGuests,
  imagesInUse,
  reportGuests,
  reportHost,
} from './observe-host.ts';

export const sagas = (deps: NovaDeps): readonly AnySaga[] => [
  buildServer(deps),
  deleteServer(deps),
  changeServer(deps),
  attachInterface(deps),
  detachInterface(deps),
  attachVolume(deps),
  detachVolume(deps),
  assistSnapshot(deps),
  createImage(deps),
];

export function conductor(deps: NovaDeps, wakeSagas: () => void): RpcServer {
  return rpcServer<ConductorRpc>(conductorTopic, {
    wakeSagas: async () => {
      wakeSagas();
      return null;
    },
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
  });
}
