// Steps that the sagas of resize, revert and evacuation share: choose a host, then switch volumes,
// ports and the server's row to it. Undo switches them back.
import { fault, isFault } from '#contracts/common/fault.ts';
import type { MigrationStatus } from '#contracts/nova/migration-states.ts';
import type { TaskState } from '#contracts/nova/server-states.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { SagaStep } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { advanceMigration, changeMigration, findMigration } from '../store/server-migrations.ts';
import type { ServerChange } from '../store/servers.ts';
import { changeDuring, changeServer } from '../store/servers.ts';
import type { MigrationRow } from '../store/tables.ts';
import { chooseHost } from './choose-host.ts';
import { connectAllNics } from './connect-nics.ts';
import { giveUpVolumes, moveVolumes } from './move-volumes.ts';
import type { ServerInput } from './saga-context.ts';
import { asEvent } from './saga-context.ts';
import type { Move } from './server-move.ts';
import { destinationOf, moveOf, returnClaim } from './server-move.ts';

type MoveInput = ServerInput & { migrationId: string };

/** The scheduler's choice, stored in the saga's state. */
export type ChosenHost = { host?: string; nodeUuid?: string };

/** The direction of a move: for a revert, source and destination are exchanged. */
export interface Direction<State> {
  from: (move: Move) => string;
  to: (move: Move, state: State) => string;
  /**
   * Whether the `from` host is up. If so, the guest there, which is stopped, detaches its volumes
   * first.
   */
  isFromUp: boolean;
}

export const toDestination: Direction<ChosenHost> = {
  from: ({ source }) => source,
  to: (_move, { host = '' }) => host,
  isFromUp: true,
};

export const backToSource: Direction<object> = {
  from: ({ dest }) => dest,
  to: ({ source }) => source,
  isFromUp: true,
};

/**
 * The move, if there is still something to undo. undefined: the server is deleted, or a revert is
 * complete, after which the guest's copy on the destination may already be removed.
 */
export async function moveToUndo(deps: NovaDeps, input: MoveInput): Promise<Move | undefined> {
  const move = await moveOf(deps, input);
  return isFault(move) || move.migration.status === 'reverted' ? undefined : move;
}

/**
 * The step that chooses the destination and claims it. `status`: the migration's status afterwards.
 */
const scheduleMoveStep = <Input extends MoveInput & { forcedHost: string | null }>(
  deps: NovaDeps,
  options: {
    event: string;
    excludedHosts: (input: Input, move: Move) => string[];
    status?: MigrationStatus;
  },
): SagaStep<Input, ChosenHost> => ({
  name: 'schedule and claim',
  deadlineMs: 60_000,
  retries: 2,
  async run(input, _state, { requestId }) {
    const { db } = deps.database;
    const move = await moveOf(deps, input);
    if (isFault(move)) return move;
    const { server, migration } = move;
    const wanted = {
      zone: server.availability_zone,
      host: input.forcedHost,
      excludedHosts: options.excludedHosts(input, move),
    };
    const place = { serverId: server.id, migration: migration.uuid };
    const selection = await asEvent(
      deps,
      input,
      { seq: 1, name: options.event, host: null },
      async () => await chooseHost(deps, place, wanted, requestId),
    );
    if (isFault(selection)) return selection;
    const destination = await destinationOf(deps, selection);
    const now = deps.clock.now();
    await changeMigration(db, migration.uuid, destination, now);
    if (options.status) await advanceMigration(db, migration, options.status, now);
    return selection;
  },
  undo: async (input, _state, { requestId }) => await returnClaim(deps, input, requestId),
});

const connectDeadlineMs = 5 * 60_000;

const moveVolumesStep = <State>(
  deps: NovaDeps,
  { from, to, isFromUp }: Direction<State>,
): SagaStep<MoveInput, State> => ({
  name: 'move volumes',
  deadlineMs: connectDeadlineMs,
  retries: 2,
  async run(input, state, call) {
    const move = await moveOf(deps, input);
    if (isFault(move)) return move;
    const { server } = move;
    const disconnection = isFromUp
      ? await giveUpVolumes(deps, server, from(move), call)
      : undefined;
    return isFault(disconnection)
      ? disconnection
      : await moveVolumes(deps, server, to(move, state), call);
  },
  async undo(input, _state, call) {
    const move = await moveToUndo(deps, input);
    if (!move) return;
    const back = await moveVolumes(deps, move.server, from(move), call);
    if (isFault(back)) throw new Error(`volumes back to ${from(move)}: ${back.message}`);
  },
});

/** The step that binds the server's ports to the new host. `before`: called before that. */
const bindPortsStep = <State>(
  deps: NovaDeps,
  { from, to }: Direction<State>,
  before?: (move: Move) => Promise<void>,
): SagaStep<MoveInput, State> => ({
  name: 'bind ports',
  deadlineMs: connectDeadlineMs,
  retries: 2,
  async run(input, state, call) {
    const move = await moveOf(deps, input);
    if (isFault(move)) return move;
    await before?.(move);
    return await connectAllNics(deps, move.server, to(move, state), call);
  },
  async undo(input, _state, call) {
    const move = await moveToUndo(deps, input);
    if (!move) return;
    const back = await connectAllNics(deps, move.server, from(move), call);
    if (isFault(back)) throw new Error(`ports back to ${from(move)}: ${back.message}`);
  },
});

/**
 * The step that writes the new host into the server's row. `there`: the changes of the row when the
 * server goes to the new host; `back`: those that undo it.
 */
const switchHostStep = <State>(
  deps: NovaDeps,
  options: {
    tasks: readonly TaskState[];
    there: (move: Move, state: State) => ServerChange;
    back: (move: Move) => ServerChange;
    /** Message of the conflict if the server's task_state is not in `tasks` any more. */
    otherwise: string;
  },
): SagaStep<MoveInput, State> => ({
  name: 'switch host',
  deadlineMs: 30_000,
  async run(input, state) {
    const { database, clock } = deps;
    const move = await moveOf(deps, input);
    if (isFault(move)) return move;
    const change = options.there(move, state);
    return (await changeDuring(database.db, move.server.id, options.tasks, change, clock.now()))
      ? undefined
      : fault('conflict', options.otherwise);
  },
  async undo(input) {
    const move = await moveToUndo(deps, input);
    if (!move) return;
    await changeServer(deps.database.db, input.serverId, options.back(move), deps.clock.now());
  },
});

export const moveSteps = {
  schedule: scheduleMoveStep,
  moveVolumes: moveVolumesStep,
  bindPorts: bindPortsStep,
  switchHost: switchHostStep,
};

/**
 * The `run` of the last step of a move to its destination. Logs `event` once, even if it runs
 * twice.
 */
export const finishMove =
  <Input extends MoveInput>(
    deps: NovaDeps,
    end: {
      tasks: readonly TaskState[];
      change(input: Input, nowMs: number): ServerChange;
      status: MigrationStatus;
      event: string;
    },
  ): SagaStep<Input, ChosenHost>['run'] =>
  async (input, { host }, { requestId }) => {
    const { database, clock, log } = deps;
    const migration = await findMigration(database.db, input.migrationId);
    if (!migration) return;
    const now = clock.now();
    const change = end.change(input, now);
    if (await settleMove(deps, migration, end.tasks, change, end.status, now))
      log.info({ server: input.serverId, host, req: requestId }, end.event);
  };

/**
 * Writes the end of a move to server and migration in one transaction. Returns false, and writes
 * nothing, if the server's task_state is not in `tasks` any more.
 */
export const settleMove = async (
  { database: { db } }: NovaDeps,
  migration: MigrationRow,
  tasks: readonly TaskState[],
  change: ServerChange,
  status: MigrationStatus,
  nowMs: number,
): Promise<boolean> =>
  await transaction(db, async (trx) => {
    const isSettled = await changeDuring(trx, migration.server_id, tasks, change, nowMs);
    if (isSettled) await advanceMigration(trx, migration, status, nowMs);
    return isSettled;
  });
