// Records what a controller did to an object as a Kubernetes Event, for `kubectl describe` and
// `kubectl get events`. A repetition increments the count of the existing Event.
// https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
import { createHash } from 'node:crypto';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import { conditionOf } from '#contracts/kube/conditions.ts';
import type { Event } from '#contracts/kube/kinds.ts';
import { events } from '#contracts/kube/kinds.ts';
import type { Condition, KubeObject } from '#contracts/kube/object.ts';
import type { ControllerDeps } from './controller.ts';

export type Happening = Pick<Event, 'type' | 'reason' | 'message'>;

const component = 'hypervisor-operator';
/** Namespace of Events about cluster-scoped objects, as upstream. */
const home = 'default';

/** Events are informational: if one cannot be written, a warning is logged and the work goes on. */
export async function recordEvent(
  { kube, clock, log }: Pick<ControllerDeps, 'kube' | 'clock' | 'log'>,
  { apiVersion, kind, metadata }: KubeObject,
  { type, reason, message }: Happening,
): Promise<void> {
  const { name = '', namespace = home, uid = '' } = metadata;
  const at = `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
  const mark = createHash('sha256').update([uid, type, reason, message].join('\n')).digest('hex');
  const ref = { name: `${name}.${mark.slice(0, 16)}`, namespace };
  const created = await kube.create(events, {
    metadata: ref,
    involvedObject: {
      apiVersion,
      kind,
      name,
      uid,
      ...(metadata.namespace === undefined ? {} : { namespace }),
    },
    type,
    reason,
    message,
    count: 1,
    firstTimestamp: at,
    lastTimestamp: at,
    source: { component },
    reportingComponent: component,
  });
  const outcome: Outcome<unknown> =
    isFault(created) && created.kind === 'conflict' ? await again({ kube }, ref, at) : created;
  if (isFault(outcome))
    log.warn({ object: name, reason, why: outcome.message }, 'no event is kept');
}

async function again(
  { kube }: Pick<ControllerDeps, 'kube'>,
  ref: { name: string; namespace: string },
  lastTimestamp: string,
): Promise<Fault | Event> {
  const event = await kube.get(events, ref);
  return isFault(event)
    ? event
    : await kube.patch(events, ref, { count: event.count + 1, lastTimestamp });
}

/** Events for the conditions whose status or reason has changed. */
export function happenings(
  before: KubeObject & { status?: { conditions?: Condition[] } },
  conditions: readonly Pick<Condition, 'type' | 'status' | 'reason' | 'message'>[],
): Happening[] {
  return conditions
    .filter(({ type, status, reason }) => {
      const earlier = conditionOf(before, type);
      return earlier?.status !== status || earlier.reason !== reason;
    })
    .map(({ type, reason, message, status }) => ({
      type: reason === 'Failed' ? 'Warning' : 'Normal',
      // `Ready` if type and reason are equal, otherwise both together: OnboardingSucceeded
      reason: type === reason ? type : `${type}${reason}`,
      message: message === '' ? `${type} is ${status}` : message,
    }));
}
