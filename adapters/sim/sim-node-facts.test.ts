// Runs the port's contract suite on the simulated driver.
import { disklessGuest } from '#contracts/nova/diskless-guest.testing.ts';
import { systemClock } from '#platform/clock.ts';
import { nodeFactsContract, ok } from '#ports/node-facts.testing.ts';
import { createSimBmc } from './sim-bmc.ts';
import { createSimHypervisor } from './sim-hypervisor.ts';
import { createSimMoveLog, createSimNodeFacts } from './sim-node-facts.ts';
import { inMemoryStore } from './sim-world.ts';

nodeFactsContract('sim', async () => {
  const [hostname, store, clock] = ['sim0001', inMemoryStore(), systemClock];
  const moves = createSimMoveLog(clock);
  const hypervisor = createSimHypervisor({ hostname, fetchImages: false }, { store, clock, moves });
  const bmc = createSimBmc(hostname, { store, clock });
  return {
    open: () => createSimNodeFacts({ hostname, cells: 2 }, { store, hypervisor, moves }),
    startGuest: async (guest) => {
      const kernel = { id: 'k', diskFormat: 'aki' as const, sizeBytes: 0, checksum: '' };
      store.load(hostname).images.set('k', 0);
      const boot = { kernel, ramdisk: null, commandLine: '' };
      ok(await hypervisor.create(disklessGuest({ ...guest, kernel: boot })));
    },
    stopGuest: async (uuid) => ok(await hypervisor.stop(uuid, 0)),
    removeGuest: async (uuid) => ok(await hypervisor.destroy(uuid)),
    breakHypervisor: async () => bmc.hostDies(),
    mendHypervisor: async () => bmc.hostReturns(),
    close: async () => await hypervisor.close(),
  };
});
