// The sagas that attach an interface to an existing server, running or stopped, and detach one.
// Begun by POST and DELETE …/os-interface.
import { fault, isFault } from '#contracts/common/fault.ts';
import type { NovaOperations } from '#contracts/nova/operations.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { guestNic } from '../domain/network-info.ts';
import { imageOf } from '../domain/server-row.ts';
import { defineOperation } from '../operations.ts';
import { agentOn } from '../rpc-clients.ts';
import type { Nic } from '../store/nics.ts';
import { deleteNic, infoOf, nicsOf } from '../store/nics.ts';
import type { Server } from '../store/servers.ts';
import { connectNics, disconnectNic, refreshNetworkInfo } from './connect-nics.ts';
import { asEvent, logFailure, serverOf } from './saga-context.ts';

const neutronDeadlineMs = 120_000;
const plugDeadlineMs = 60_000;
const settleDeadlineMs = 60_000;

export function attachInterface(deps: NovaDeps): AnySaga {
  return defineOperation<'nova.attach-interface', Record<string, never>>({
    name: 'nova.attach-interface',
    steps: [
      {
        name: 'connect port',
        deadlineMs: neutronDeadlineMs,
        retries: 2,
        async run(input, _state, { requestId, signal }) {
          const nicContext = await nicOf(deps, input);
          if (isFault(nicContext)) return nicContext;
          return await asEvent(
            deps,
            input,
            { seq: 0, name: 'conductor_connect_port', host: nicContext.host },
            async () => {
              const connected = await connectNics(
                deps,
                nicContext.server,
                nicContext.host,
                [nicContext.nic],
                {
                  requestId,
                  signal,
                },
              );
              return isFault(connected)
                ? connected
                : await refreshNetworkInfo(deps, input.serverId, { requestId });
            },
          );
        },
        async undo({ serverId, seq }, _state, { requestId }) {
          const disconnected = await disconnectNic(deps, serverId, seq, { requestId });
          if (isFault(disconnected)) throw new Error(`give the port back: ${disconnected.message}`);
          const networkInfo = await refreshNetworkInfo(deps, serverId, { requestId });
          if (isFault(networkInfo)) throw new Error(`read the ports: ${networkInfo.message}`);
        },
      },
      {
        name: 'plug',
        deadlineMs: plugDeadlineMs,
        retries: 1,
        run: async (input, _state, { requestId }) => await plug(deps, input, requestId),
        undo: async (input, _state, { requestId }) => {
          const outcome = await unplug(deps, input, requestId);
          // If the guest does not release the device now, the interface disappears at its next
          // start; its port is given up in any case.
          if (
            isFault(outcome) &&
            outcome.kind !== 'unavailable' &&
            outcome.kind !== 'timeout' &&
            outcome.kind !== 'notFound'
          )
            throw new Error(`unplug again: ${outcome.message}`);
        },
      },
    ],
    async failed(input, _state, _reason) {
      await deleteNic(deps.database.db, { server_id: input.serverId, seq: input.seq });
      await logFailure(deps, input);
    },
  });
}

export function detachInterface(deps: NovaDeps): AnySaga {
  return defineOperation<'nova.detach-interface', Record<string, never>>({
    name: 'nova.detach-interface',
    steps: [
      {
        name: 'unplug',
        deadlineMs: plugDeadlineMs,
        retries: 1,
        run: async (input, _state, { requestId }) =>
          await unplug(deps, input, requestId, { seq: 1, name: 'compute_detach_interface' }),
        async undo(input, _state, { requestId }) {
          // notFound: the port was deleted meanwhile, so there is nothing to plug in again.
          const outcome = await plug(deps, input, requestId, undefined);
          if (isFault(outcome) && outcome.kind !== 'notFound')
            throw new Error(`plug in again: ${outcome.message}`);
        },
      },
      {
        // Cannot be undone: a deleted port does not come back.
        name: 'release port',
        deadlineMs: neutronDeadlineMs,
        retries: 5,
        run: async ({ serverId, seq }, _state, { requestId }) =>
          await disconnectNic(deps, serverId, seq, { requestId }),
      },
      {
        name: 'settle',
        deadlineMs: settleDeadlineMs,
        retries: 5,
        run: async ({ serverId }, _state, { requestId }) =>
          await refreshNetworkInfo(deps, serverId, { requestId }),
      },
    ],
    async failed(input, _state, _reason, { requestId }) {
      const networkInfo = await refreshNetworkInfo(deps, input.serverId, { requestId });
      if (isFault(networkInfo))
        deps.log.warn(
          { server: input.serverId, req: requestId, why: networkInfo.message },
          'network info is healed later',
        );
      await logFailure(deps, input);
    },
  });
}

async function nicOf(deps: NovaDeps, input: NovaOperations['nova.attach-interface']) {
  const server = await serverOf(deps, input);
  if (isFault(server)) return server;
  const nic = (await nicsOf(deps.database.db, server.id)).find(({ seq }) => seq === input.seq);
  if (!nic) return fault('notFound', `Instance ${server.id} has no such interface.`);
  return server.host === null
    ? fault('conflict', `Instance ${server.id} is on no host.`)
    : { server, nic, host: server.host };
}

const specOf = (server: Server, nic: Nic) => {
  const info = infoOf(nic);
  return info && guestNic(info, imageOf(server)?.properties['hw_vif_model']);
};

async function plug(
  deps: NovaDeps,
  input: NovaOperations['nova.attach-interface'],
  requestId: string,
  event: { seq: number; name: string } | undefined = { seq: 1, name: 'compute_attach_interface' },
) {
  const nicContext = await nicOf(deps, input);
  if (isFault(nicContext)) return nicContext;
  const { server, host, nic } = nicContext;
  const work = async () => {
    const spec = specOf(server, nic);
    if (!spec) return fault('conflict', `The interface's port is not known yet.`);
    const outcome = await agentOn(deps, host).call(
      'attachNic',
      { uuid: server.id, nic: spec },
      { timeoutMs: plugDeadlineMs, requestId },
    );
    return isFault(outcome) ? outcome : undefined;
  };
  return event ? await asEvent(deps, input, { ...event, host }, work) : await work();
}

async function unplug(
  deps: NovaDeps,
  input: NovaOperations['nova.attach-interface'],
  requestId: string,
  event?: { seq: number; name: string },
) {
  const nicContext = await nicOf(deps, input);
  // notFound: an earlier try of this step has already removed the row.
  if (isFault(nicContext)) return nicContext.kind === 'notFound' ? undefined : nicContext;
  const { server, host, nic } = nicContext;
  const portId = nic.port_id;
  if (portId === null) return undefined;
  const work = async () => {
    const outcome = await agentOn(deps, host).call(
      'detachNic',
      { uuid: server.id, portId },
      { timeoutMs: plugDeadlineMs, requestId },
    );
    return isFault(outcome) ? outcome : undefined;
  };
  return event ? await asEvent(deps, input, { ...event, host }, work) : await work();
}
