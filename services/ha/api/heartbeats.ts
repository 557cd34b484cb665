// Receives the heartbeats of the hosts' HA agents. The answer lists the neighbours that the agent
// is to probe.
import { createHash, timingSafeEqual } from 'node:crypto';
import Type from 'typebox';
import { fault } from '#contracts/common/fault.ts';
import { agentSecretHeader } from '#contracts/ha/wire.ts';
import type { Heartbeat, HeartbeatAnswer } from '#contracts/ha/wire.ts';
import { guestStates } from '#contracts/nova/guest.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { HaApiDeps } from '../deps.ts';
import { neighboursOf } from '../domain/neighbours.ts';
import { listAddresses, recordHeartbeat } from '../store/heartbeats.ts';

const strict = { additionalProperties: false };
const name = Type.String({ minLength: 1, maxLength: 255 });
const mark = Type.Union([Type.String({ maxLength: 255 }), Type.Null()]);

const heartbeat = Type.Object(
  {
    host: name,
    bootId: name,
    uptimeS: Type.Integer({ minimum: 0 }),
    address: Type.String({ maxLength: 255 }),
    guests: Type.Union([
      Type.Array(
        Type.Object(
          // `died` is sent by agents of the previous release; it is accepted and ignored.
          { uuid: name, state: Type.Enum([...guestStates]), died: Type.Optional(Type.Boolean()) },
          strict,
        ),
      ),
      Type.Null(),
    ]),
    selfFencingMs: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
    saw: Type.Record(
      name,
      Type.Object(
        { reached: Type.Union([Type.Boolean(), Type.Null()]), storageMark: mark },
        strict,
      ),
    ),
  },
  strict,
);

export function heartbeatRoutes(deps: HaApiDeps): readonly Route[] {
  return [
    route<Heartbeat>('POST', '/api/heartbeats', {
      policy: 'ha:heartbeats:create',
      body: heartbeat,
      handler: async ({ body }) => ({ status: 200, body: { ...(await take(deps, body)) } }),
    }),
    // Authenticated by the agent's own secret, not by Keystone: an outage of Keystone must not make
    // hosts look dead. An agent can report only for its own host.
    route<Heartbeat>('POST', '/api/hosts/:host/heartbeats', {
      auth: 'none',
      policy: null,
      faults: ['unauthorized'],
      body: heartbeat,
      async handler(request) {
        const { params, body } = request;
        const { host } = body;
        const secret = request.header(agentSecretHeader) ?? '';
        if (params['host'] !== host || !isEqual(secret, deps.agentSecretOf(host).reveal()))
          return fault('unauthorized', `This is not the secret of the HA Agent of ${host}.`);
        return { status: 200, body: { ...(await take(deps, body)) } };
      },
    }),
  ];
}

/** Constant-time comparison. */
const isEqual = (a: string, b: string): boolean =>
  timingSafeEqual(...([a, b].map(sha256) as [Buffer, Buffer])); // map keeps the length

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

async function take(
  { database, clock, config }: HaApiDeps,
  beat: Heartbeat,
): Promise<HeartbeatAnswer> {
  await recordHeartbeat(database.db, beat, clock.now());
  const all = await listAddresses(database.db);
  const near = new Set(
    neighboursOf(
      beat.host,
      all.map(({ host }) => host),
      config.neighboursPerSide,
    ),
  );
  return { neighbours: all.filter(({ host }) => near.has(host)) };
}
