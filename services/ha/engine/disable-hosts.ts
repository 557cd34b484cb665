// Disables the compute service of a host whose libvirtd does not answer for a while, so that it
// gets no new servers; its guests continue to run. Enables the service when libvirtd answers again.
import { isFault } from '#contracts/common/fault.ts';
import type { ComputeService } from '#openstack/clients/nova-recovery.ts';
import { listHosts } from '../store/hosts.ts';
import type { StepDeps } from './step.ts';
import { forEachHost } from './step.ts';

/** Marks services that were disabled by this file, so that no others are enabled again. */
const disabledReason = 'HA: libvirtd does not answer on the host';

/**
 * One pass over the hosts that are Healthy and on which HA is not switched off. `services`: as Nova
 * shows them now.
 */
export async function disableHosts(
  deps: StepDeps,
  services: readonly ComputeService[],
): Promise<void> {
  const { database, nova, observer, config, log } = deps;
  const watched = new Map((await listHosts(database.db)).map((row) => [row.host, row]));
  await forEachHost(
    deps,
    services,
    ({ host }) => host,
    async ({ host, id, status, disabled_reason: reason }) => {
      const row = watched.get(host);
      const awayMs = observer.hypervisorAwayMs(host);
      if (awayMs === null || row?.state !== 'Healthy' || row.enabled === 0) return;
      if (status === 'enabled' && awayMs > config.hypervisorAwayMs) {
        const disabling = await nova.disable(id, disabledReason);
        const why = isFault(disabling) ? { why: disabling.message } : {};
        log.error({ host, awayMs: Math.round(awayMs), ...why }, 'host disabled: libvirtd is away');
      } else if (status === 'disabled' && reason === disabledReason && awayMs === 0) {
        const enabling = await nova.enable(id);
        const why = isFault(enabling) ? { why: enabling.message } : {};
        log.info({ host, ...why }, 'host enabled: libvirtd answers again');
      }
    },
  );
}
