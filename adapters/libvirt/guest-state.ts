// Pure: libvirt's states and lifecycle events in Nova's terms.
import type { GuestState } from '#contracts/nova/guest.ts';
import { LIFECYCLE, PAUSED_STARTING_UP, SHUTOFF_UNASKED, STATE, STOPPED } from './rpc/flags.ts';

/**
 * The guest's state by libvirt's `state` and `reason`. `hasManagedSave`: the guest's memory is
 * saved on disk, so a guest that is off counts as suspended.
 */
export function guestState(state: number, reason: number, hasManagedSave: boolean): GuestState {
  switch (state) {
    case STATE.running:
    case STATE.blocked:
    case STATE.shutdown: // shutting down, still holding its resources
      return 'running';
    case STATE.paused:
      return reason === PAUSED_STARTING_UP ? 'shutoff' : 'paused';
    case STATE.pmSuspended:
      return 'suspended';
    case STATE.crashed:
      return 'crashed';
    default:
      if (hasManagedSave) return 'suspended';
      return state === STATE.shutoff && SHUTOFF_UNASKED.has(reason) ? 'crashed' : 'shutoff';
  }
}

/**
 * The guest's state after a lifecycle event; null: the event does not change it (a new definition;
 * the beginning of a shutdown).
 */
export function stateAfterEvent(event: number, detail: number): GuestState | null {
  switch (event) {
    case LIFECYCLE.started:
    case LIFECYCLE.resumed:
      return 'running';
    case LIFECYCLE.suspended:
      return 'paused';
    case LIFECYCLE.pmSuspended:
      return 'suspended';
    case LIFECYCLE.crashed:
      return 'crashed';
    case LIFECYCLE.undefined:
      return 'absent';
    case LIFECYCLE.stopped:
      if (detail === STOPPED.saved) return 'suspended';
      return detail === STOPPED.crashed || detail === STOPPED.failed ? 'crashed' : 'shutoff';
    default:
      return null;
  }
}
