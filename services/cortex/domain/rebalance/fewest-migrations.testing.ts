// The fewest migrations that bring a small fleet into balance, by trying all sets of them: what
// plans are compared with. A set is given up early only where the migrations that are left cannot
// take enough from the hosts that have too much, or bring enough to those that have too little.
import { Balance } from './balance.ts';
import type { BalanceGoal, MovableFleet } from './movable-fleet.ts';

/** undefined: more than `most`. */
export function fewestMigrations(
  fleet: MovableFleet,
  goal: BalanceGoal,
  most: number,
): number | undefined {
  for (let count = 0; count <= most; count += 1)
    if (isReachable(fleet, new Balance(fleet, goal), count, 0)) return count;
  return undefined;
}

function isReachable(fleet: MovableFleet, state: Balance, left: number, from: number): boolean {
  const least = leastMigrations(fleet, state);
  if (least === 0) return true;
  if (least > left) return false;
  const seen = new Set<string>();
  for (let at = from; at < fleet.servers.length; at += 1) {
    const server = fleet.servers[at];
    if (!server) continue;
    const home = state.hostOf(server);
    // Of equal servers on one host the first goes first.
    const kind = `${home}/${state.sizeOf(server)}`;
    if (seen.has(kind)) continue;
    seen.add(kind);
    for (const { name: to } of fleet.hosts) {
      if (to === home || !state.fits(server, to)) continue;
      state.move({ server, to });
      const isThere = isReachable(fleet, state, left - 1, at + 1);
      state.move({ server, to: home });
      if (isThere) return true;
    }
  }
  return false;
}

/** A lower bound: a migration takes from one host, and brings to another, one size at most. */
function leastMigrations({ hosts, servers }: MovableFleet, state: Balance): number {
  const largest = Math.max(...servers.map((server) => state.sizeOf(server)));
  let [above, below] = [0, 0];
  for (const { name } of hosts) {
    const needed = Math.ceil(state.excessOf(name) / largest);
    if (state.deviationOf(name) > 0) above += needed;
    else below += needed;
  }
  return Math.max(above, below);
}
