// Start, stop, reboot, pause, unpause, suspend, resume: actions that change only the power state.
import Type from 'typebox';
import { isFault } from '#contracts/common/fault.ts';
import type { ServerAction } from '#contracts/nova/operations.ts';
import type { VmState } from '#contracts/nova/server-states.ts';
import { member } from '../policy-rules.ts';
import { beginChange } from '../servers/begin.ts';
import type { BeginStates, ServerActionRow } from './action.ts';
import { accepted } from './action.ts';

const simple = (
  key: string,
  action: ServerAction,
  from: readonly VmState[],
  policy: string,
): ServerActionRow => ({
  key,
  policy: { name: `os_compute_api:${policy}`, default: member },
  begins: { [action]: from },
  faults: ['conflict', 'notFound'],
  handler: async (deps, request, server) =>
    (await beginChange(deps, request, server, action, { from, logAs: action })) ?? accepted,
});

export const start = simple('os-start', 'start', ['stopped'], 'servers:start');
export const stop = simple('os-stop', 'stop', ['active', 'error'], 'servers:stop');
export const pause = simple('pause', 'pause', ['active'], 'os-pause-server:pause');
export const unpause = simple('unpause', 'unpause', ['paused'], 'os-pause-server:unpause');
export const suspend = simple('suspend', 'suspend', ['active'], 'os-suspend-server:suspend');
export const resume = simple('resume', 'resume', ['suspended'], 'os-suspend-server:resume');

const kinds = ['HARD', 'SOFT', 'Hard', 'Soft', 'hard', 'soft'].map((kind) => Type.Literal(kind));

const rebootStates = {
  softReboot: ['active'],
  hardReboot: ['active', 'stopped', 'paused', 'suspended', 'error'],
} as const satisfies BeginStates;

export const reboot: ServerActionRow = {
  key: 'reboot',
  policy: { name: 'os_compute_api:servers:reboot', default: member },
  begins: rebootStates,
  faults: ['conflict', 'notFound'],
  schema: Type.Object({ type: Type.Union(kinds) }, { additionalProperties: false }),
  handler: async (deps, request, server, value) => {
    const { type } = value as { type: string }; // validated by the schema
    const action = type.toLowerCase() === 'hard' ? 'hardReboot' : 'softReboot';
    const from = rebootStates[action];
    const begun = await beginChange(deps, request, server, action, { from, logAs: 'reboot' });
    return isFault(begun) ? begun : accepted;
  },
};
