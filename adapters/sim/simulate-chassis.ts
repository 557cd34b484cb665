// Simulated hosts beside a real OVN, which keeps the rows: the hosts bind the ports that request
// them. compose wraps its `openSdn` in this.
import { isFault } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import type { Sdn, SdnListeners } from '#ports/sdn.ts';
import { asSet, createPlugging } from './sim-plugging.ts';

type OpenSdn = (listeners: SdnListeners) => Sdn;

/** The same network with these hosts in it. They count as alive as long as OVN answers. */
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
        // OVN itself binds no such port, so its event says nothing new.
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
        const asked = await sdn.askChassis();
        if (!isFault(asked)) generation = asked;
        return asked;
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
