// Server actions for consoles: the output of the serial console, and access tokens for the
// graphical one.
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import type { NovaDeps } from '../../deps.ts';
import { agentOn } from '../../rpc-clients.ts';
import { insertConsoleToken } from '../../store/console-tokens.ts';
import type { Server } from '../../store/servers.ts';
import { member } from '../policy-rules.ts';
import type { ServerActionRow } from './action.ts';

// A host keeps at most this much of a console's output, and an answer returns at most as much.
const maxConsoleBytes = 1024 * 1024;
const agentTimeoutMs = 15_000;

export const getConsoleOutput: ServerActionRow = {
  key: 'os-getConsoleOutput',
  policy: { name: 'os_compute_api:os-console-output', default: member },
  faults: ['conflict', 'notFound'],
  schema: Type.Union([
    Type.Null(),
    Type.Object(
      {
        length: Type.Optional(
          Type.Union([
            Type.Integer({ minimum: -1 }),
            Type.String({ pattern: '^(-1|[0-9]+)?$' }),
            Type.Null(),
          ]),
        ),
      },
      { additionalProperties: false },
    ),
  ]),
  handler: async (deps, request, server, value) => {
    if (server.host === null) return fault('conflict', `Instance ${server.id} is not ready`);
    // validated by the schema
    const length = (value as { length?: number | string | null } | null)?.length;
    const read = await agentOn(deps, server.host).call(
      'consoleLog',
      { uuid: server.id, maxBytes: maxConsoleBytes },
      { timeoutMs: agentTimeoutMs, requestId: request.id },
    );
    if (isFault(read))
      return read.kind === 'notFound'
        ? fault('conflict', `Instance ${server.id} is not ready`)
        : read;
    const lines = length === undefined || length === null || length === '' ? -1 : Number(length);
    return { status: 200, body: { output: lastLines(read.text, lines) } };
  },
};

/** The last `count` lines without the final newline; -1: the whole text. */
export function lastLines(text: string, count: number): string {
  if (count < 0) return text;
  if (count === 0) return '';
  const lines = text.replace(/\n$/, '').split('\n');
  return lines.slice(-count).join('\n');
}

export interface ConsoleAccess {
  type: string;
  url: string;
}

/**
 * The URL of a console page, with a new token that expires. conflict: the server is not running.
 */
export async function grantConsole(
  deps: NovaDeps,
  request: ApiRequest,
  server: Server,
): Promise<Outcome<ConsoleAccess>> {
  const { db } = deps.database;
  const { config, clock, ids } = deps;
  if (server.host === null) return fault('conflict', `Instance ${server.id} is not ready`);
  const socket = await agentOn(deps, server.host).call(
    'vncConsole',
    { uuid: server.id },
    { timeoutMs: agentTimeoutMs, requestId: request.id },
  );
  if (isFault(socket))
    return socket.kind === 'notFound'
      ? fault('conflict', `Instance ${server.id} is not ready`)
      : socket;
  const token = ids.uuid();
  const nowMs = clock.now();
  await insertConsoleToken(
    db,
    token,
    { serverId: server.id, host: server.host, endsAtMs: nowMs + config.consoleTokenMs },
    nowMs,
  );
  return { type: 'novnc', url: `${config.consoleBaseUrl}/vnc.html?token=${token}` };
}

export const getVncConsole: ServerActionRow = {
  key: 'os-getVNCConsole',
  until: 5,
  policy: { name: 'os_compute_api:os-remote-consoles', default: member },
  faults: ['conflict', 'notFound', 'notImplemented'],
  schema: Type.Object({ type: Type.String() }, { additionalProperties: false }),
  handler: async (deps, request, server, value) => {
    const { type } = value as { type: string }; // validated by the schema
    if (type !== 'novnc') return fault('badRequest', `Unavailable console type ${type}.`);
    const access = await grantConsole(deps, request, server);
    return isFault(access)
      ? access
      : { status: 200, body: { console: { type: access.type, url: access.url } } };
  },
};
