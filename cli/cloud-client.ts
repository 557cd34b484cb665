// The CLI as a client of its own cloud: an administrator's token, and the public APIs over a
// socket.
import { isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import { createSocketClient } from '#openstack/http/client.ts';
import { systemClock } from '#platform/clock.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import type { Secret } from '#platform/log.ts';
import { UserError } from './user-error.ts';

type Service =
  | 'identity'
  | 'image'
  | 'placement'
  | 'compute'
  | 'network'
  | 'volume'
  | 'scheduler'
  | 'ha';

export interface CloudClient {
  /** Address of the cloud's APIs. */
  origin: string;
  /** The Keystone token of the login, which every request carries. */
  token: string;
  /** Sends a request that must succeed; returns its parsed body. */
  ask<T>(service: Service, method: HttpMethod, path: string, body?: Json): Promise<T>;
  /** Sends a request; returns the answer with whatever status it has. */
  send(
    service: Service,
    method: HttpMethod,
    path: string,
    body?: Json,
  ): Promise<{ status: number; body: Json | undefined }>;
}

const versions = { 'openstack-api-version': 'compute 2.96, placement 1.36, volume 3.59' };

/** Logs in at the cloud. Throws a UserError if it refuses. `timeoutMs`: deadline of each call. */
export async function connectCloud(
  origin: string,
  user: { name: string; password: Secret; project: string },
  timeoutMs = 10_000,
): Promise<CloudClient> {
  const http = createSocketClient(
    {
      identity: `${origin}/identity`,
      image: `${origin}/image`,
      placement: `${origin}/placement`,
      compute: `${origin}/compute`,
      network: `${origin}/network`,
      volume: `${origin}/volume`,
      scheduler: `${origin}/scheduler`,
      ha: `${origin}/ha`,
    },
    systemClock,
  );
  const domain = { id: 'default' };
  // No typed client: this is a user's login, and commands print answers of any service as they are.
  const login = await http.send({
    method: 'POST',
    service: 'identity',
    path: '/v3/auth/tokens?nocatalog',
    timeoutMs,
    body: {
      auth: {
        identity: {
          methods: ['password'],
          password: { user: { name: user.name, domain, password: user.password.reveal() } },
        },
        scope: { project: { name: user.project, domain } },
      },
    },
  });
  if (isFault(login))
    throw new UserError(`The cloud at ${origin} does not answer: ${login.message}`);
  const token = login.headers['x-subject-token'];
  if (login.status !== 201 || token === undefined)
    throw new UserError(`The cloud at ${origin} refused ${user.name}: ${login.status}`);
  const send: CloudClient['send'] = async (service, method, path, body) => {
    const answer = await http.send({
      method,
      service,
      path,
      token,
      headers: versions,
      body,
      timeoutMs,
    });
    if (isFault(answer)) throw new UserError(answer.message);
    return { status: answer.status, body: answer.body };
  };
  return {
    origin,
    token,
    send,
    async ask<T>(service: Service, method: HttpMethod, path: string, body?: Json) {
      const answer = await send(service, method, path, body);
      if (answer.status >= 300)
        throw new UserError(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body as T; // cast: the caller names the type of the body
    },
  };
}
