// Shuffles the first `count` hosts in an order that depends on the server alone. For an evacuation
// Nova uses only the first host, so that without this all servers of the host that is evacuated
// would be sent to the same one.
import { fnv1a, mixed } from '../fleet/fnv1a.ts';

export function shuffleFirst(hosts: readonly string[], count: number, serverId: string): string[] {
  const seed = fnv1a(serverId);
  const order = (name: string): number => mixed(fnv1a(name) ^ seed);
  return [
    ...hosts.slice(0, count).sort((a, b) => order(a) - order(b)),
    ...hosts.slice(Math.max(0, count)),
  ];
}
