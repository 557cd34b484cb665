// Start, stop, reboot, pause, unpause, suspend, resume: the actions that only change whether the
// guest runs.
import Type from 'typebox';
import { isFault } from '#contracts/common/fault.ts';
import type { ServerAction } from '#contracts/nova/operations.ts';
import { beginChange } from '../servers/begin.ts';
import type { ServerActionRow } from './action.ts';
import { accepted } from './action.ts';

const simple = (
  key: string,
  action: ServerAction,
  logAs: string,
  policy: string,
): ServerActionRow => ({
  key,
  policy: `os_compute_api:${policy}`,
  faults: ['conflict', 'notFound'],
  handler: async (deps, request, server) =>
    (await beginChange(deps, request, server, action, { logAs })) ?? accepted,
});

export const start = simple('os-start', 'start', 'start', 'servers:start');
export const stop = simple('os-stop', 'stop', 'stop', 'servers:stop');
export const pause = simple('pause', 'pause', 'pause', 'os-pause-server:pause');
export const unpause = simple('unpause', 'unpause', 'unpause', 'os-pause-server:unpause');
export const suspend = simple('suspend', 'suspend', 'suspend', 'os-suspend-server:suspend');
export const resume = simple('resume', 'resume', 'resume', 'os-suspend-server:resume');

const kinds = ['HARD', 'SOFT', 'Hard', 'Soft', 'hard', 'soft'].map((kind) => Type.Literal(kind));

export const reboot: ServerActionRow = {
  key: 'reboot',
  policy: 'os_compute_api:servers:reboot',
  faults: ['conflict', 'notFound'],
  schema: Type.Object({ type: Type.Union(kinds) }, { additionalProperties: false }),
  handler: async (deps, request, server, value) => {
    const { type } = value as { type: string }; // by the schema
    const begun = await beginChange(
      deps,
      request,
      server,
      type.toLowerCase() === 'hard' ? 'hardReboot' : 'softReboot',
      { logAs: 'reboot' },
    );
    return isFault(begun) ? begun : accepted;
  },
};
