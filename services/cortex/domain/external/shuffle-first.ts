// Nova takes only the first host of an evacuation: servers of one dead host would all be sent to
// the same one. The first few are put in an order that differs by server, and is the same each
// time.
import { fnv1a, mixed } from '../fleet/fnv1a.ts';

export function shuffleFirst(hosts: readonly string[], count: number, serverId: string): string[] {
  const seed = fnv1a(serverId);
  const order = (name: string): number => mixed(fnv1a(name) ^ seed);
  return [
    ...hosts.slice(0, count).sort((a, b) => order(a) - order(b)),
    ...hosts.slice(Math.max(0, count)),
  ];
}
