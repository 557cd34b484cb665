// Adds simulated hosts to a real OVN: OVN keeps the rows, and ports that request a simulated host
// are bound here. compose wraps its `openSdn` in this.
import { isFault } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import type { Sdn, SdnListeners } from '#ports/sdn.ts';
import { asSet, createPlugging } from './sim-plugging.ts';

type OpenSdn = (listeners: SdnListeners) => Sdn;

/** The network with these hosts added. They count as alive while OVN answers. */
export function simulateChassis(
  open: OpenSdn,
  hosts: readonly string[] | Set<string>,
  deps: { clock: Clock },
): OpenSdn {
  const names = asSet(hosts);
  return (listeners) => {
    const plugging = createPlugging(names, deps.clock, listeners);
    const isSimulated = (port: string): boolean => plugging.binding(port)?.chassis != null;
    const sdn = open({
      ...listeners,
      portChanged: (port, binding) => {
        // OVN reports a simulated host's port as not bound; its real binding is kept here.
        if (binding === null || !isSimulated(port)) listeners.portChanged?.(port, binding);
      },
    });
    let generation = 0;
    return {
      isWriter: () => sdn.isWriter(),
      async sync(desired) {
        const rows = [...desired];
        const drift = await sdn.sync(rows);
        if (!isFault(drift)) plugging.take(rows);
        return drift;
      },
      async change(put, remove) {
        const changed = await sdn.change(put, remove);
        if (!isFault(changed)) plugging.change(put, remove);
        return changed;
      },
      audit: async (desired) => await sdn.audit(desired),
      async askChassis() {
        const answer = await sdn.askChassis();
        if (!isFault(answer)) generation = answer;
        return answer;
      },
      chassis: () => [
        ...sdn.chassis(),
        ...[...names].map((name) => ({ name, hostname: name, options: {}, generation })),
      ],
      async removeChassis(name) {
        names.delete(name);
        return await sdn.removeChassis(name);
      },
      binding: (port) => (isSimulated(port) ? plugging.binding(port) : sdn.binding(port)),
      close() {
        plugging.close();
        sdn.close();
      },
    };
  };
}
