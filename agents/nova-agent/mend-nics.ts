// Guests' interfaces against those they should have: an answer that was lost on its way may have left one too many, or one too few.
import { isFault } from '#contracts/common/fault.ts';
import type { ExpectedGuest } from '#contracts/nova/conductor-rpc.ts';
import type { GuestNic } from '#contracts/nova/guest.ts';
import type { NovaAgentDeps } from './deps.ts';

export type NicRepair = { action: 'attach'; nic: GuestNic } | { action: 'detach'; portId: string };

export function decideNics(wanted: readonly GuestNic[], found: readonly string[]): NicRepair[] {
  const right = new Set(wanted.map(({ portId }) => portId));
  return [
    ...found.filter((portId) => !right.has(portId)).map((portId): NicRepair => ({ action: 'detach', portId })),
    ...wanted.filter(({ portId }) => !found.includes(portId)).map((nic): NicRepair => ({ action: 'attach', nic })),
  ];
}

/** Mends what was wrong in the same way a round ago: what is only seen once may be a change under way. */
export function createNicMender({ hypervisor, config, log }: Pick<NovaAgentDeps, 'hypervisor' | 'config' | 'log'>): (expected: readonly ExpectedGuest[]) => Promise<void> {
  let suspects = new Set<string>();
  return async (expected) => {
    const seen = new Set<string>();
    for (const { uuid, nics } of expected) {
      const found = nics && (await hypervisor.nics(uuid));
      if (!nics || !found || isFault(found)) continue; // no such guest, or nobody answers: not ours to mend
      for (const repair of decideNics(nics, found)) {
        const key = `${uuid} ${repair.action} ${repair.action === 'attach' ? repair.nic.portId : repair.portId}`;
        if (!suspects.has(key)) {
          seen.add(key);
          continue;
        }
        const done = await (repair.action === 'attach' ? hypervisor.attachNic(uuid, repair.nic) : hypervisor.detachNic(uuid, repair.portId));
        if (isFault(done)) log.error({ server: uuid, host: config.host, action: repair.action, why: done.message }, 'interface cannot be mended');
        else log.warn({ server: uuid, host: config.host, action: repair.action }, 'interface mended');
        if (isFault(done)) seen.add(key);
      }
    }
    suspects = seen;
  };
}
