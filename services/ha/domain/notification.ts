// Which notifications of external monitors are acted upon: the same as in masakari. Pure.
// masakari.engine.manager, _handle_notification_type_*
import type {
  HostPayload,
  NotificationType,
  ProcessPayload,
  VmPayload,
} from '#contracts/ha/masakari.ts';

/** What a notification asks for. `ignore`: no action, for the reason `why`. */
export type Wanted = { kind: 'recover' } | { kind: 'ignore'; why: string };

const recover: Wanted = { kind: 'recover' };
const ignore = (why: string): Wanted => ({ kind: 'ignore', why });

/** Events of a VM after which its server is stopped and started again. */
const vmFailures: readonly (readonly [event: string, detail: string])[] = [
  ['LIFECYCLE', 'STOPPED_FAILED'],
  ['IO_ERROR', 'IO_ERROR_REPORT'],
  ['QEMU_GUEST_AGENT_ERROR', 'STOPPED_FAILED'],
];

export function wantedBy(type: NotificationType, payload: object): Wanted {
  switch (type) {
    case 'COMPUTE_HOST':
      return ofHost(payload as HostPayload); // each type has its own schema
    case 'PROCESS':
      return ofProcess(payload as ProcessPayload);
    case 'VM':
      return ofVm(payload as VmPayload);
  }
}

function ofHost({ event, host_status: status, cluster_status: cluster }: HostPayload): Wanted {
  if (event !== 'STOPPED') return ignore('the host has started');
  if (status !== 'NORMAL') return ignore('the monitor is not certain');
  return cluster === 'ONLINE' ? ignore('the host is in its cluster') : recover;
}

function ofProcess({ event, process_name: name }: ProcessPayload): Wanted {
  if (event !== 'STOPPED') return ignore('the process has started');
  return name === 'nova-compute' ? recover : ignore(`nothing depends on ${name} here`);
}

function ofVm({ event, vir_domain_event: detail }: VmPayload): Wanted {
  return vmFailures.some((failure) => failure[0] === event && failure[1] === detail)
    ? recover
    : ignore(`${event} ${detail} is no failure`);
}
