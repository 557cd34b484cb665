// Finds out where the guest of a live migration is by asking both hosts. What the hypervisors say
// decides, not the results of earlier calls.
import { isFault } from '#contracts/common/fault.ts';
import type { NovaDeps } from '../../deps.ts';
import { agentOn } from '../../rpc-clients.ts';

/**
 * Where the guest is. `moving`: its migration is in progress, or it has left the source and not
 * arrived yet. `unknown`: a host whose answer is needed does not answer now.
 */
export type Whereabouts = 'source' | 'moving' | 'destination' | 'unknown';

const timeoutMs = 15_000;

export async function whereGuestIs(
  deps: NovaDeps,
  uuid: string,
  { source, host }: { source: string; host: string },
  requestId: string,
): Promise<Whereabouts> {
  const call = { timeoutMs, requestId };
  const there = await agentOn(deps, host).call('arrivalState', { uuid }, call);
  if (!isFault(there) && there.state === 'arrived') return 'destination';
  const departing = await agentOn(deps, source).call('isDeparting', { uuid }, call);
  const here = isFault(departing)
    ? departing
    : await agentOn(deps, source).call('guestState', { uuid }, call);
  if (isFault(departing) || isFault(here)) return 'unknown';
  if (departing.departing) return 'moving';
  if (here.state !== 'absent') return 'source';
  // The guest has left the source. Since the destination was asked it may have arrived there, so it
  // is asked again.
  if (isFault(there)) return 'unknown';
  const again = await agentOn(deps, host).call('arrivalState', { uuid }, call);
  if (isFault(again)) return 'unknown';
  if (again.state === 'absent') return 'source'; // on neither host: the source has lost it
  return again.state === 'arrived' ? 'destination' : 'moving';
}
