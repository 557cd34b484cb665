// A guest's diagnostics: state, uptime, memory, counters of CPU and disks. The counters are read
// from libvirt's bulk statistics in one call.
import { stat } from 'node:fs/promises';
import { fault, type Outcome } from '#contracts/common/fault.ts';
import type { GuestDiagnostics } from '#contracts/nova/guest.ts';
import type { Driver } from './driver.ts';
import { asOutcome, unlessMissing } from './outcome.ts';
import { STATS } from './rpc/flags.ts';

const kibInMib = 1024;

export function guestDiagnostics(driver: Driver, uuid: string): Promise<Outcome<GuestDiagnostics>> {
  return asOutcome(async () => {
    const domain = await driver.domains.find(uuid);
    if (!domain) return fault('notFound', `no guest ${uuid} on this host`);
    const [state, stats, socket] = await Promise.all([
      driver.domains.state(uuid),
      driver.domains.stats(
        domain,
        STATS.state | STATS.cpuTotal | STATS.vcpu | STATS.balloon | STATS.block,
      ),
      unlessMissing(stat(driver.folder.guest(uuid).vncSocket), null),
    ]);
    const number = (field: string) => Number(stats.get(field) ?? 0);
    const isActive = state === 'running' || state === 'paused';
    const perVcpu = Array.from({ length: number('vcpu.current') }, (_, i) =>
      stats.get(`vcpu.${i}.time`),
    ).filter((time) => time !== undefined);
    const currentKib = number('balloon.current');
    // `usable` comes from the guest's balloon driver; without one, only the memory that QEMU holds
    // for the guest is known.
    const usedKib = stats.has('balloon.usable')
      ? currentKib - number('balloon.usable')
      : Math.min(currentKib, number('balloon.rss'));
    return {
      state,
      // QEMU creates the console socket when it starts; libvirt itself reports no start time.
      uptimeS:
        isActive && socket ? Math.max(0, Math.floor((driver.now() - socket.mtimeMs) / 1000)) : 0,
      cpuTimeNs: perVcpu.length > 0 ? perVcpu.map(Number) : [number('cpu.time')],
      memoryMib: Math.round(number('balloon.maximum') / kibInMib),
      memoryUsedMib: isActive ? Math.round(usedKib / kibInMib) : 0,
      disks: Array.from({ length: number('block.count') }, (_, i) => ({
        target: String(stats.get(`block.${i}.name`) ?? ''),
        readBytes: number(`block.${i}.rd.bytes`),
        readRequests: number(`block.${i}.rd.reqs`),
        writeBytes: number(`block.${i}.wr.bytes`),
        writeRequests: number(`block.${i}.wr.reqs`),
        errors: number(`block.${i}.errors`),
      })),
    };
  });
}
