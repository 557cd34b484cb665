// Facts about the cloud that API and engine need for a recovery: the recovery policy of each
// server, and the hosts that may take servers.
import { isFault } from '#contracts/common/fault.ts';
import type { FleetServer } from '#openstack/clients/nova-fleet.ts';
import type { NovaRecovery } from '#openstack/clients/nova-recovery.ts';
import type { Database } from '#platform/db/database.ts';
import type { RecoveryPolicy } from './domain/priority.ts';
import { recoveryPolicy } from './domain/priority.ts';
import { listHosts } from './store/hosts.ts';
import type { HaTables } from './store/tables.ts';

/**
 * The recovery policy of a server, by its metadata, flavor and image. `images`: cache of image
 * properties. An image that cannot be read counts as one without properties.
 */
export async function recoveryPolicyFor(
  nova: Pick<NovaRecovery, 'imageProperties'>,
  { metadata, flavor, image }: FleetServer,
  images: Map<string, Record<string, string>>,
): Promise<RecoveryPolicy> {
  const id = image === undefined || image === '' ? undefined : image.id;
  if (id !== undefined && !images.has(id)) {
    const properties = await nova.imageProperties(id);
    images.set(id, isFault(properties) ? {} : properties);
  }
  const ofImage = id === undefined ? {} : (images.get(id) ?? {});
  return recoveryPolicy(metadata ?? {}, flavor.extra_specs ?? {}, ofImage);
}

/**
 * Hosts other than `source` that may take servers now: enabled and up in Nova, and either Healthy
 * for HA or not watched by it.
 */
export async function targetsFor(
  { nova, database }: { nova: NovaRecovery; database: Database<HaTables> },
  source: string,
): Promise<string[]> {
  const services = await nova.computeServices();
  if (isFault(services)) return [];
  const states = new Map((await listHosts(database.db)).map(({ host, state }) => [host, state]));
  return services
    .filter(({ host, status, state, forced_down: isForcedDown }) => {
      const isWell = (states.get(host) ?? 'Healthy') === 'Healthy';
      return host !== source && status === 'enabled' && state === 'up' && !isForcedDown && isWell;
    })
    .map(({ host }) => host);
}
