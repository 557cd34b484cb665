// The sagas that attach a volume to an existing server, running or stopped, and detach one. Begun
// by POST and DELETE …/os-volume_attachments.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { NovaOperations } from '#contracts/nova/operations.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { guestVolume } from '../domain/guest-volume.ts';
import { defineOperation } from '../operations.ts';
import { agentOn } from '../rpc-clients.ts';
import { changeServerVolume, deleteServerVolume } from '../store/volumes.ts';
import {
  connectVolume,
  currentRow,
  ownCinder,
  releaseVolume,
  reserveVolume,
} from './connect-volumes.ts';
import { asEvent, logFailure, serverOf } from './saga-context.ts';

const cinderDeadlineMs = 120_000;
const plugDeadlineMs = 60_000;
type Nothing = Record<string, never>;

export function attachVolume(deps: NovaDeps): AnySaga {
  const { db } = deps.database;
  const { log } = deps;
  return defineOperation<'nova.attach-volume', Nothing>({
    name: 'nova.attach-volume',
    steps: [
      {
        name: 'reserve',
        deadlineMs: cinderDeadlineMs,
        retries: 2,
        run: async (input, _state, call) =>
          await asEvent(
            deps,
            input,
            { seq: 0, name: 'conductor_reserve_volume', host: null },
            async () => {
              const row = await currentRow(deps, input.rowId);
              const reserved = isFault(row) ? row : await reserveVolume(deps, row, call);
              return isFault(reserved) ? reserved : undefined;
            },
          ),
        async undo({ rowId }, _state, call) {
          const row = await currentRow(deps, rowId);
          // The row names a host, so a guest may have the volume: the server's deletion gives it
          // back.
          if (isFault(row) || row.host !== null) return;
          const released = await releaseVolume(deps, row, call);
          if (isFault(released)) throw new Error(`give the volume back: ${released.message}`);
        },
      },
      {
        name: 'connect',
        deadlineMs: cinderDeadlineMs,
        retries: 2,
        async run(input, _state, call) {
          const server = await serverOf(deps, input);
          if (isFault(server)) return server;
          // An offloaded server has no host to connect now; unshelving connects its volumes.
          if (server.vm_state === 'shelved_offloaded') return undefined;
          if (server.host === null)
            return fault('conflict', `Instance ${server.id} is on no host.`);
          const row = await currentRow(deps, input.rowId);
          const connected = isFault(row) ? row : await connectVolume(deps, row, server.host, call);
          return isFault(connected) ? connected : undefined;
        },
        /**
         * Undoes `plug` as well. Throws, and so is tried again, until the guest has released the
         * volume: earlier no other server may get it.
         */
        async undo(input, _state, { requestId }) {
          const outcome = await unplug(deps, { input, requestId });
          const server = await serverOf(deps, input);
          if (
            isFault(outcome) &&
            outcome.kind === 'unavailable' &&
            (isFault(server) || server.task_state === 'deleting')
          )
            return;
          if (isFault(outcome)) throw new Error(`unplug again: ${outcome.message}`);
          await changeServerVolume(db, input.rowId, { host: null, connection: null });
        },
      },
      {
        name: 'plug',
        deadlineMs: plugDeadlineMs,
        retries: 1,
        async run(input, _state, { requestId }) {
          if (await isOffloaded(deps, input)) return undefined;
          const event = { seq: 1, name: 'compute_attach_volume' };
          return await plug(deps, { input, requestId, event });
        },
      },
      {
        name: 'complete',
        deadlineMs: cinderDeadlineMs,
        retries: 3,
        async run(input, _state, call) {
          const { rowId, serverId } = input;
          const row = await currentRow(deps, rowId);
          if (isFault(row)) return row;
          if (row.attachment_id === null)
            return fault('conflict', 'The volume is not reserved any more.');
          const outcome = await ownCinder(deps, call).complete(row.attachment_id);
          if (!isFault(outcome))
            log.info(
              { server: serverId, volume: row.volume_id, req: call.requestId },
              'volume attached',
            );
          return outcome;
        },
      },
    ],
    async failed(input) {
      const row = await currentRow(deps, input.rowId);
      if (!isFault(row) && row.host === null) await deleteServerVolume(db, input.rowId);
      await logFailure(deps, input);
    },
  });
}

export function detachVolume(deps: NovaDeps): AnySaga {
  const { db } = deps.database;
  const { log } = deps;
  return defineOperation<'nova.detach-volume', Nothing>({
    name: 'nova.detach-volume',
    steps: [
      {
        name: 'begin',
        deadlineMs: cinderDeadlineMs,
        retries: 2,
        async run({ rowId }, _state, call) {
          const row = await currentRow(deps, rowId);
          if (isFault(row)) return undefined; // an earlier request has detached it
          if (row.host === null) return undefined; // connected to no host: the server is offloaded
          const begun = await ownCinder(deps, call).act(row.volume_id, 'os-begin_detaching');
          if (!isFault(begun) || begun.kind !== 'badRequest')
            return isFault(begun) && begun.kind === 'notFound' ? undefined : begun;
          // badRequest: the volume is in status `detaching` already (this step ran before a crash),
          // or an administrator changed its status. Either way it is detached from the guest.
          log.warn(
            { volume: row.volume_id, req: call.requestId, why: begun.message },
            'detaching a volume that Cinder does not hold for in use',
          );
        },
        async undo({ rowId }, _state, call) {
          const row = await currentRow(deps, rowId);
          const back =
            isFault(row) || row.host === null
              ? undefined
              : await ownCinder(deps, call).act(row.volume_id, 'os-roll_detaching');
          if (isFault(back) && back.kind !== 'notFound' && back.kind !== 'badRequest')
            throw new Error(`roll the detaching back: ${back.message}`);
        },
      },
      {
        name: 'unplug',
        deadlineMs: plugDeadlineMs,
        retries: 1,
        run: async (input, _state, { requestId }) =>
          await unplug(deps, {
            input,
            requestId,
            event: { seq: 1, name: 'compute_detach_volume' },
          }),
        async undo(input, _state, { requestId }) {
          const outcome = await plug(deps, { input, requestId });
          // If the host cannot be reached now, its agent plugs the volume in again at its next
          // reconciliation.
          if (isFault(outcome))
            log.warn(
              { server: input.serverId, req: requestId, why: outcome.message },
              'a volume is not plugged in again yet',
            );
        },
      },
      {
        // Cannot be undone: a released volume may already belong to another server.
        name: 'give back',
        deadlineMs: cinderDeadlineMs,
        retries: 20,
        async run({ rowId, serverId }, _state, call) {
          const row = await currentRow(deps, rowId);
          if (isFault(row)) return undefined;
          const released = await releaseVolume(deps, row, call);
          if (isFault(released)) return released;
          await deleteServerVolume(db, rowId);
          log.info(
            { server: serverId, volume: row.volume_id, req: call.requestId },
            'volume detached',
          );
        },
      },
    ],
    failed: async (input) => await logFailure(deps, input),
  });
}

const isOffloaded = async (
  deps: NovaDeps,
  input: NovaOperations['nova.attach-volume'],
): Promise<boolean> => {
  const server = await serverOf(deps, input);
  return !isFault(server) && server.vm_state === 'shelved_offloaded';
};

/**
 * A call to the server's host and, if `event` is set, the event that records it in the action log.
 */
interface Visit {
  input: NovaOperations['nova.attach-volume'];
  requestId: string;
  event?: { seq: number; name: string };
}

async function plug(deps: NovaDeps, visit: Visit): Promise<Outcome<void>> {
  const row = await currentRow(deps, visit.input.rowId);
  if (isFault(row)) return row;
  const volume = guestVolume(row);
  if (!volume || row.host === null)
    return fault('conflict', `Volume ${row.volume_id} is not connected.`);
  const message = { uuid: visit.input.serverId, volume };
  return await onHost(
    deps,
    visit,
    row.host,
    async (agent, options) => await agent.call('attachVolume', message, options),
  );
}

async function unplug(deps: NovaDeps, visit: Visit): Promise<Outcome<void>> {
  const row = await currentRow(deps, visit.input.rowId);
  // An earlier try has removed the row, or the volume was never connected to a host.
  if (isFault(row) || row.host === null) return undefined;
  const message = { uuid: visit.input.serverId, volumeId: row.volume_id };
  return await onHost(
    deps,
    visit,
    row.host,
    async (agent, options) => await agent.call('detachVolume', message, options),
  );
}

async function onHost(
  deps: NovaDeps,
  { input, requestId, event }: Visit,
  host: string,
  tell: (
    agent: ReturnType<typeof agentOn>,
    options: { timeoutMs: number; requestId: string },
  ) => Promise<Outcome<null>>,
): Promise<Outcome<void>> {
  const work = async () =>
    await tell(agentOn(deps, host), { timeoutMs: plugDeadlineMs, requestId });
  const outcome = event ? await asEvent(deps, input, { ...event, host }, work) : await work();
  return isFault(outcome) ? outcome : undefined;
}
