// The least number of migrations that balances a small fleet, by exhaustive search; tests compare
// plans with it. A branch is pruned only if the remaining migrations cannot remove enough from
// overloaded hosts, or bring enough to underloaded ones.
import { Balance } from './balance.ts';
import type { BalanceGoal, MovableFleet } from './movable-fleet.ts';

/** The least number of migrations; undefined: more than `most` are needed. */
export function fewestMigrations(
  fleet: MovableFleet,
  goal: BalanceGoal,
  most: number,
): number | undefined {
  for (let count = 0; count <= most; count += 1)
    if (isReachable(fleet, new Balance(fleet, goal), count, 0)) return count;
  return undefined;
}

function isReachable(
  fleet: MovableFleet,
  state: Balance,
  remainingMoves: number,
  from: number,
): boolean {
  const least = leastMigrations(fleet, state);
  if (least === 0) return true;
  if (least > remainingMoves) return false;
  const triedMoves = new Set<string>();
  for (let at = from; at < fleet.servers.length; at += 1) {
    const server = fleet.servers[at];
    if (!server) continue;
    const home = state.hostOf(server);
    // Of equal servers on one host only the first is tried.
    const kind = `${home}/${state.sizeOf(server)}`;
    if (triedMoves.has(kind)) continue;
    triedMoves.add(kind);
    for (const { name: to } of fleet.hosts) {
      if (to === home || !state.fits(server, to)) continue;
      state.move({ server, to });
      const isThere = isReachable(fleet, state, remainingMoves - 1, at + 1);
      state.move({ server, to: home });
      if (isThere) return true;
    }
  }
  return false;
}

/**
 * A lower bound: one migration takes at most the largest size from one host and adds it to another.
 */
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
