// Reads from the Hypervisor resources in Kubernetes whether HA is switched off for a host, and
// writes there what HA has done. HA works without them: if the Kubernetes API does not answer,
// nothing waits for it.
import { isFault } from '#contracts/common/fault.ts';
import { isSameCondition, stamped } from '#contracts/kube/conditions.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import { hypervisors } from '#contracts/kube/kinds.ts';
import type { Kube } from '#ports/kube.ts';
import { haConditions, haEnabled } from '../domain/ha-enabled.ts';
import type { StepDeps } from './step.ts';

type Deps = Pick<StepDeps, 'kube' | 'clock' | 'log'>;

/** The reason why HA is off for the host; undefined: HA is on, or the resource cannot be read. */
export async function whyHaIsOff({ kube }: Deps, host: string): Promise<string | undefined> {
  const hypervisor = await kube()?.get(hypervisors, { name: host });
  if (hypervisor === undefined || isFault(hypervisor)) return undefined;
  const { status, message } = haEnabled(hypervisor);
  return status === 'True' ? undefined : message;
}

/** Updates HA's conditions on the Hypervisor resources of these hosts. */
export async function showHaEnabled(deps: Deps, hosts: ReadonlySet<string>): Promise<void> {
  const kube = deps.kube();
  const all = await kube?.list(hypervisors);
  if (kube === undefined || all === undefined || isFault(all)) return;
  for (const each of all)
    if (
      hosts.has(each.metadata.name ?? '') &&
      !haConditions(each).every((condition) => isSameCondition(each, condition))
    )
      await writeConditions(deps, kube, each);
}

/**
 * Marks the host as failed and under maintenance by HA, so that other controllers leave it alone.
 */
export const showFenced = async (deps: Deps, host: string, reason: string): Promise<void> =>
  await maintain(deps, host, { maintenance: 'ha', maintenanceReason: reason });

/**
 * Marks the host as back in service. A maintenance that somebody else has requested meanwhile is
 * kept.
 */
export async function showReturned(deps: Deps, host: string): Promise<void> {
  const hypervisor = await deps.kube()?.get(hypervisors, { name: host });
  if (hypervisor === undefined || isFault(hypervisor) || hypervisor.spec.maintenance !== 'ha')
    return;
  const spec = { maintenance: '', maintenanceReason: '' } as const;
  await maintain(deps, host, spec, { isReturning: true });
}

async function maintain(
  deps: Deps,
  host: string,
  spec: Pick<Hypervisor['spec'], 'maintenance' | 'maintenanceReason'>,
  how?: { isReturning: boolean },
): Promise<void> {
  const kube = deps.kube();
  const patched = await kube?.patch(hypervisors, { name: host }, { spec });
  if (kube === undefined || patched === undefined) return;
  if (!isFault(patched)) return await writeConditions(deps, kube, patched, how);
  if (patched.kind !== 'notFound')
    deps.log.warn({ host, why: patched.message }, 'the Hypervisor does not show what HA does');
}

async function writeConditions(
  { clock, log }: Deps,
  kube: Kube,
  hypervisor: Hypervisor,
  how?: { isReturning: boolean },
): Promise<void> {
  const { name = '' } = hypervisor.metadata;
  const now = clock.now();
  const conditions = haConditions(hypervisor, how).map((each) => stamped(hypervisor, each, now));
  const update = await kube.apply(
    hypervisors,
    { metadata: { name }, status: { conditions } },
    { subresource: 'status' },
  );
  if (isFault(update))
    log.warn({ host: name, why: update.message }, 'the conditions of HA are not written');
}
