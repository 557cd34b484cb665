// Forecasts where each server of a host could move: the largest server is placed first, each into
// the capacity that the servers placed before it leave free. Nova chooses when a server really
// moves, and has further constraints (server groups, zones). Pure.
import type { FleetServer } from '#openstack/clients/nova-fleet.ts';

/** Resource class -> amount. */
export type Amounts = Readonly<Record<string, number>>;

export interface Room {
  host: string;
  free: Amounts;
}

export interface Mover {
  server: Pick<FleetServer, 'id' | 'name'>;
  needs: Amounts;
  /**
   * The hosts that could take the server, with their free amounts, if it were the only one to move,
   * according to Placement and Nova.
   */
  rooms: readonly Room[];
}

export interface PlannedMove {
  server: Mover['server'];
  host: string;
}

export interface MovePlan {
  moves: PlannedMove[];
  /** Servers that fit nowhere, and why. */
  stuck: { server: Mover['server']; why: string }[];
}

const memory = 'MEMORY_MB';

/**
 * Plans the moves. `targets`: the number of hosts that accept servers at all, by which the reason
 * for a stuck server is worded.
 */
export function planMoves(movers: readonly Mover[], targets: number): MovePlan {
  const plannedUse = new Map<string, Record<string, number>>();
  const plan: MovePlan = { moves: [], stuck: [] };
  for (const { server, needs, rooms } of movers.toSorted(bySize)) {
    const freeRooms = rooms.map(({ host, free }) => ({
      host,
      free: minus(free, plannedUse.get(host) ?? {}),
    }));
    const fitting = freeRooms.filter(({ free }) =>
      Object.entries(needs).every(([name, amount]) => (free[name] ?? 0) >= amount),
    );
    // The host with the most free memory, as Nova's RAM weigher would choose.
    const [best] = fitting.toSorted(
      (a, b) => (b.free[memory] ?? 0) - (a.free[memory] ?? 0) || (a.host < b.host ? -1 : 1),
    );
    if (!best) {
      plan.stuck.push({ server, why: whyNot(needs, rooms, targets) });
      continue;
    }
    plan.moves.push({ server, host: best.host });
    plannedUse.set(best.host, plus(plannedUse.get(best.host) ?? {}, needs));
  }
  return plan;
}

function whyNot(needs: Amounts, rooms: readonly Room[], targets: number): string {
  if (targets === 0) return 'no other host takes servers now';
  const wanted = Object.entries(needs)
    .map(([name, amount]) => `${amount} ${name}`)
    .join(', ');
  return rooms.length === 0
    ? `no other host that takes servers has what it needs: ${wanted}`
    : `no room is left for it beside the larger ones: ${wanted}`;
}

const bySize = (a: Mover, b: Mover): number =>
  (b.needs[memory] ?? 0) - (a.needs[memory] ?? 0) || (a.server.id < b.server.id ? -1 : 1);

const plus = (a: Amounts, b: Amounts): Record<string, number> => combined(a, b, 1);
const minus = (a: Amounts, b: Amounts): Record<string, number> => combined(a, b, -1);

const combined = (a: Amounts, b: Amounts, sign: 1 | -1): Record<string, number> =>
  Object.fromEntries(
    Object.keys({ ...a, ...b }).map((name) => [name, (a[name] ?? 0) + sign * (b[name] ?? 0)]),
  );

/** The stuck servers as text, e.g. `a (id): why; b (id): why; and 3 more`. */
export function stuckIn({ stuck }: MovePlan, most = 3): string {
  const shown = stuck
    .slice(0, most)
    .map(({ server, why }) => `${server.name} (${server.id}): ${why}`);
  const rest = stuck.length - shown.length;
  return [...shown, ...(rest > 0 ? [`and ${rest} more`] : [])].join('; ');
}
