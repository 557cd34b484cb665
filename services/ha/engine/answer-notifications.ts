// Handles the notifications of external monitors. Level-triggered, as everything in the engine:
// each pass takes the next step for every open notification. https://docs.openstack.org/masakari/
import { isFault } from '#contracts/common/fault.ts';
import type { NotificationStatus, VmPayload, WorkflowDetail } from '#contracts/ha/masakari.ts';
import type { FleetServer } from '#openstack/clients/nova-fleet.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import { wantedBy } from '../domain/notification.ts';
import { recoveryPolicyFor } from '../recovery-facts.ts';
import { findHost } from '../store/hosts.ts';
import { listMoves } from '../store/moves.ts';
import { changeNotification, forgetNotifications, listOpen } from '../store/notifications.ts';
import type { NotificationRow } from '../store/tables.ts';
import type { StepDeps } from './step.ts';
import { forEachHost } from './step.ts';

const everyMs = 1_000;
/** How long a notification counts as evidence; without confirmation it is ignored afterwards. */
export const wordCountsMs = 60_000;
/** Time limits for the stop and the start of a server, as in masakari. */
const [stopMs, startMs] = [180_000, 60_000];
/** How long the rows of notifications are kept. */
const keptMs = 30 * 24 * 3_600_000;

export const answerNotifications = (deps: StepDeps): Task => ({
  name: 'ha.answer-notifications',
  everyMs,
  scope: 'one',
  run: async () => await answerOnce(deps),
});

export async function answerOnce(deps: StepDeps): Promise<void> {
  const { db } = deps.database;
  await forEachHost(
    deps,
    await listOpen(db),
    ({ host }) => host,
    async (row) => await answer(deps, row),
  );
}

export const forgetOld = ({ database, clock }: StepDeps): Task => ({
  name: 'ha.forget-notifications',
  everyMs: 3_600_000,
  scope: 'one',
  run: async () => void (await forgetNotifications(database.db, clock.now() - keptMs)),
});

async function answer(deps: StepDeps, row: NotificationRow): Promise<void> {
  const payload = JSON.parse(row.payload) as object; // validated at creation
  const wanted = wantedBy(row.type, payload);
  if (wanted.kind === 'ignore') return await end(deps, row, 'ignored', wanted.why);
  switch (row.type) {
    case 'COMPUTE_HOST':
      return await ofHost(deps, row);
    case 'PROCESS':
      return await disableService(deps, row);
    case 'VM':
      return await restartServer(deps, row, (payload as VmPayload).instance_uuid);
  }
}

/**
 * A host notification follows the host's own recovery, to which it may have contributed as
 * evidence: see detect-host.ts.
 */
async function ofHost(deps: StepDeps, row: NotificationRow): Promise<void> {
  const { database, clock } = deps;
  const host = await findHost(database.db, row.host);
  if (!host) return await end(deps, row, 'failed', `HA does not watch ${row.host}`);
  if (row.incident_id === null) {
    if (host.state !== 'Healthy' && host.incident_id !== null)
      await note(deps, row, 'running', `${row.host} is ${host.state}`, {
        incident_id: host.incident_id,
      });
    else if (clock.now() - row.created_at_ms > wordCountsMs)
      await end(deps, row, 'ignored', `nothing else says that ${row.host} is dead`);
    return;
  }
  const isItsIncident = host.incident_id === row.incident_id;
  if (isItsIncident && host.state === 'FailedToFence' && row.status !== 'error')
    return void (await note(deps, row, 'error', host.reason));
  if (isItsIncident && host.state !== 'FailedToFence' && row.status === 'error')
    return void (await note(deps, row, 'running', `${row.host} is ${host.state}`));
  if (isItsIncident && host.state !== 'Recovered' && host.state !== 'Healthy') return;
  const moves = await listMoves(database.db, row.incident_id);
  const failed = moves.filter(({ status }) => status === 'failed').length;
  if (failed > 0) return await end(deps, row, 'failed', `${failed} servers were not recovered`);
  const moved = moves.filter(({ status }) => status === 'succeeded').length;
  await end(deps, row, 'finished', `${moved} servers were recovered`);
}

async function disableService(deps: StepDeps, row: NotificationRow): Promise<void> {
  const services = await deps.nova.computeServices();
  if (isFault(services)) return;
  const service = services.find(({ host }) => host === row.host);
  if (!service) return await end(deps, row, 'ignored', `Nova knows no host ${row.host}`);
  if (service.status === 'enabled') {
    const disabling = await deps.nova.disable(service.id, 'HA was told that nova-compute failed.');
    if (isFault(disabling)) return;
  }
  await end(deps, row, 'finished', `the compute service of ${row.host} is disabled`);
}

async function restartServer(deps: StepDeps, row: NotificationRow, id: string): Promise<void> {
  const server = await deps.nova.server(id);
  if (isFault(server)) {
    if (server.kind === 'notFound') await end(deps, row, 'ignored', `there is no server ${id}`);
    return;
  }
  if (row.phase !== null) return await takeOn(deps, row, server);
  const why = await whyItStays(deps, row, server);
  if (why !== undefined) return await end(deps, row, 'ignored', why);
  if (server['OS-EXT-STS:task_state'] !== null) return await giveUpLate(deps, row, stopMs, server);
  const now = deps.clock.now();
  const isOff = server.status === 'SHUTOFF';
  const begun = { phase: isOff ? 'starting' : 'stopping', phase_since_ms: now } as const;
  if (!(await note(deps, row, 'running', isOff ? 'starting it' : 'stopping it', begun))) return;
  await (isOff ? deps.nova.start(id) : deps.nova.stop(id)); // if it fails, it is repeated below
}

async function whyItStays(
  { nova }: StepDeps,
  { host }: NotificationRow,
  server: FleetServer,
): Promise<string | undefined> {
  if (!(await recoveryPolicyFor(nova, server, new Map())).isWanted) return 'HA is off for it';
  if (server['OS-EXT-SRV-ATTR:host'] !== host) return `it is not on ${host}`;
  return ['ACTIVE', 'ERROR', 'SHUTOFF'].includes(server.status)
    ? undefined
    : `it is ${server.status}`;
}

async function takeOn(deps: StepDeps, row: NotificationRow, server: FleetServer): Promise<void> {
  const isBusy = server['OS-EXT-STS:task_state'] !== null;
  const isOff = server.status === 'SHUTOFF';
  if (row.phase === 'stopping') {
    if (isBusy || !isOff) {
      if (!isBusy) await deps.nova.stop(server.id);
      return await giveUpLate(deps, row, stopMs, server);
    }
    const next = { phase: 'starting', phase_since_ms: deps.clock.now() } as const;
    if (await note(deps, row, 'running', 'it is stopped; starting it', next))
      await deps.nova.start(server.id);
    return;
  }
  if (!isBusy && server.status === 'ACTIVE')
    return await end(deps, row, 'finished', 'it runs again');
  if (!isBusy && isOff) await deps.nova.start(server.id);
  await giveUpLate(deps, row, startMs, server);
}

async function giveUpLate(
  deps: StepDeps,
  row: NotificationRow,
  withinMs: number,
  { status }: FleetServer,
): Promise<void> {
  if (deps.clock.now() - (row.phase_since_ms ?? row.created_at_ms) > withinMs)
    await end(deps, row, 'failed', `it is ${status} after ${withinMs / 1000} s`);
}

const end = async (
  deps: StepDeps,
  row: NotificationRow,
  status: NotificationStatus,
  message: string,
): Promise<void> => void (await note(deps, row, status, message, { phase: null }));

/** Returns false if another process has changed the notification meanwhile. */
async function note(
  { database, clock, log }: StepDeps,
  row: NotificationRow,
  status: NotificationStatus,
  message: string,
  change: Partial<NotificationRow> = {},
): Promise<boolean> {
  const isOver = status === 'finished' || status === 'ignored' || status === 'failed';
  const details = JSON.parse(row.details) as WorkflowDetail[]; // written by this file
  const timestamp = new Date(clock.now()).toISOString().slice(0, 23).replace('T', ' ');
  const progress = isOver ? 1 : 0;
  const step: WorkflowDetail = {
    name: workflows[row.type],
    state: status === 'failed' || status === 'error' ? 'FAILURE' : isOver ? 'SUCCESS' : 'RUNNING',
    progress,
    progress_details: [
      ...(details[0]?.progress_details ?? []),
      { timestamp, message, progress: String(progress) },
    ],
  };
  const isChanged = await changeNotification(database.db, row, {
    status,
    details: JSON.stringify([step]),
    updated_at_ms: clock.now(),
    ...change,
  });
  const facts = { notification: row.uuid, type: row.type, host: row.host, status, why: message };
  if (isChanged) log[status === 'failed' ? 'error' : 'info'](facts, 'a notification is taken on');
  return isChanged;
}

const workflows = {
  COMPUTE_HOST: 'RecoverHost',
  PROCESS: 'DisableComputeService',
  VM: 'RestartInstance',
} as const;
