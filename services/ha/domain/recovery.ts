// Decides the next steps to recover the servers of a fenced host: which are evacuated now and to
// where, which have arrived, which are given up, and whether the recovery is over. Pure.
import type { MoveStatus } from '#contracts/ha/host-states.ts';
import type { FleetServer } from '#openstack/clients/nova-fleet.ts';

/** The record of one server that is to leave the failed host. */
export interface Move {
  serverId: string;
  status: MoveStatus;
  priority: number;
  /** Number of evacuations requested from Nova so far. */
  attempts: number;
  /** Time of the last attempt; before the first, the time when the server was found on the host. */
  attemptAtMs: number;
  /** Hosts at which an attempt failed. */
  tried: readonly string[];
  /** Target of the last attempt; null: left to Nova, and not known yet. */
  destination: string | null;
  /** The server was stopped before the failure, so it is left stopped. */
  staysOff: boolean;
}

export interface RecoveryLimits {
  atOnce: number;
  atOncePerTarget: number;
  attempts: number;
  /** Pause between two attempts for one server. */
  pauseMs: number;
  /** Time within which Nova must have begun a requested evacuation. */
  beginMs: number;
  /** Time after which an evacuation that has not ended in Nova counts as failed. */
  timeoutMs: number;
  /** If true, Nova is always given a target host and never chooses itself. */
  named?: boolean;
}

export type MoveChange =
  | { kind: 'begin'; target: string | null }
  /**
   * Set the server to ERROR: Nova refuses to evacuate it in its current status, but accepts ERROR.
   */
  | { kind: 'resetState' }
  | { kind: 'succeeded'; destination: string }
  | { kind: 'ignored'; message: string }
  | FailedAttempt;

/** A failed attempt. Another one follows unless `isLast`. */
interface FailedAttempt {
  kind: 'failedAttempt';
  message: string;
  isLast: boolean;
}

/**
 * Statuses in which Nova refuses to evacuate a server. HA resets such a server to ERROR first,
 * which Nova does evacuate.
 * nova.compute.api, evacuate
 */
const resettable: readonly string[] = ['PAUSED', 'SUSPENDED', 'RESCUE'];
const evacuable: readonly string[] = ['ACTIVE', 'SHUTOFF', 'ERROR'];

const isBusy = ({ status, 'OS-EXT-STS:task_state': task }: FleetServer): boolean =>
  task !== null || status === 'REBUILD';

/**
 * The outcome of a move; undefined: nothing new. `server`: as Nova shows it now; null: deleted.
 */
export function observedMove(
  move: Move,
  server: FleetServer | null,
  source: string,
  limits: RecoveryLimits,
  nowMs: number,
): MoveChange | undefined {
  if (server === null) return { kind: 'ignored', message: 'it was deleted' };
  const host = server['OS-EXT-SRV-ATTR:host'];
  const failed = (message: string): FailedAttempt => ({
    kind: 'failedAttempt',
    message,
    isLast: move.attempts >= limits.attempts,
  });
  const sinceMs = nowMs - move.attemptAtMs;
  if (isBusy(server)) {
    if (sinceMs <= limits.timeoutMs) return undefined;
    const afterS = Math.round(limits.timeoutMs / 1000);
    return move.status === 'ongoing'
      ? failed(`not over after ${afterS} s`)
      : { ...failed(`Nova was busy with it for ${afterS} s`), isLast: true };
  }
  if (host !== source)
    return host === null
      ? { kind: 'ignored', message: 'it is on no host any more' }
      : { kind: 'succeeded', destination: host };
  if (move.status !== 'ongoing') return undefined;
  if (server.status === 'ERROR') return failed(server.fault?.message ?? 'it ended in ERROR');
  return sinceMs > limits.beginMs ? failed('Nova has not begun it') : undefined;
}

export interface Begin {
  serverId: string;
  change: Extract<MoveChange, { kind: 'begin' | 'resetState' | 'failedAttempt' }>;
}

/**
 * The evacuations to begin now: the pending ones of the highest unsettled priority, within the
 * limits. `targets`: hosts that may take servers.
 */
export function nextMoves(
  moves: readonly Move[],
  servers: ReadonlyMap<string, FleetServer>,
  targets: readonly string[],
  limits: RecoveryLimits,
  nowMs: number,
): Begin[] {
  const unsettled = moves.filter(({ status }) => status === 'pending' || status === 'ongoing');
  const urgent = Math.max(...unsettled.map(({ priority }) => priority));
  const underWay = moves.filter(({ status }) => status === 'ongoing');
  const load = new Map(targets.map((target) => [target, 0]));
  for (const { destination } of underWay)
    if (destination !== null && load.has(destination))
      load.set(destination, (load.get(destination) ?? 0) + 1);
  let room = Math.min(limits.atOnce, limits.atOncePerTarget * targets.length) - underWay.length;
  const begun: Begin[] = [];
  for (const move of unsettled) {
    const server = servers.get(move.serverId);
    if (room <= 0) break;
    if (move.status !== 'pending' || move.priority !== urgent || !server || isBusy(server))
      continue;
    if (move.attempts > 0 && nowMs - move.attemptAtMs < limits.pauseMs) continue;
    const target = chooseTarget(move, load, limits);
    if (target === undefined) continue;
    const change = beginning(server, target);
    if (change.kind === 'begin' && target !== null) load.set(target, (load.get(target) ?? 0) + 1);
    if (change.kind === 'begin') room -= 1;
    begun.push({ serverId: move.serverId, change });
  }
  return begun;
}

function beginning(server: FleetServer, target: string | null): Begin['change'] {
  if (evacuable.includes(server.status)) return { kind: 'begin', target };
  if (resettable.includes(server.status)) return { kind: 'resetState' };
  return {
    kind: 'failedAttempt',
    message: `Nova evacuates no server in status ${server.status}`,
    isLast: true,
  };
}

/**
 * The target host; null: Nova chooses, which it does best. A target is named only after a failed
 * attempt, or if some host has its maximum of concurrent evacuations. undefined: no host has room
 * now.
 */
function chooseTarget(
  { attempts, tried }: Move,
  load: ReadonlyMap<string, number>,
  { atOncePerTarget, named = false }: RecoveryLimits,
): string | null | undefined {
  const free = [...load].filter(([, count]) => count < atOncePerTarget);
  if (!named && attempts === 0 && free.length === load.size) return null;
  const untried = free.filter(([host]) => !tried.includes(host));
  const [best] = (untried.length > 0 ? untried : free).sort(
    ([a, countA], [b, countB]) => countA - countB || (a < b ? -1 : 1),
  );
  return best?.[0];
}

export const isOver = (moves: readonly Pick<Move, 'status'>[]): boolean =>
  moves.every(({ status }) => status !== 'pending' && status !== 'ongoing');
