// Users of a cloud in trouble: each creates a port, a volume and a server, waits, and deletes them,
// again and again. What a service answered by 2xx must come true. Used by distributed.test.ts.
import type { CloudClient } from '#cli/cloud-client.ts';
import { systemClock } from '#platform/clock.ts';
import type { HttpMethod } from '#platform/http/messages.ts';

export interface UsersReport {
  requests: number;
  /** Method, path and reason: no answer, or a 5xx. */
  failedRequests: string[];
  /** Number of objects that were created, reached their status, and were deleted. */
  created: number;
  /** Answered by 2xx, but then missing, in error, or still there after their deletion. */
  lost: string[];
  /** Neither reached their status nor failed within the time. */
  stuck: string[];
}

export interface Users {
  /** Lets each user finish its round, deletes what is left, and returns the result. */
  stop(withinMs: number): Promise<UsersReport>;
}

type Service = Parameters<CloudClient['send']>[0];

interface Thing {
  service: Service;
  path: string;
  /** The single member of the request's and the answer's JSON. */
  member: string;
  /** The `status` that the object reaches when it is ready. */
  restsAs: string;
}

const things = {
  port: { service: 'network', path: '/v2.0/ports', member: 'port', restsAs: 'DOWN' },
  volume: { service: 'volume', path: '/v3/volumes', member: 'volume', restsAs: 'available' },
  server: { service: 'compute', path: '/v2.1/servers', member: 'server', restsAs: 'ACTIVE' },
} as const satisfies Record<string, Thing>;

const pollEveryMs = 250;
const retryEveryMs = 500;
const restWithinMs = 60_000;

export async function startUsers({
  login,
  count,
}: {
  login(): Promise<CloudClient>;
  count: number;
}): Promise<Users> {
  const client = await login();
  const report: UsersReport = {
    requests: 0,
    failedRequests: [],
    created: 0,
    lost: [],
    stuck: [],
  };
  let isStopping = false;

  /** Sends a request; undefined: there was no answer, or a 5xx. */
  const ask = async (service: Service, method: HttpMethod, path: string, body?: object) => {
    report.requests += 1;
    const failed = (why: string): undefined =>
      void report.failedRequests.push(`${method} ${service}${path}: ${why}`);
    try {
      // Cast: callers pass JSON.
      const answer = await client.send(service, method, path, body as never);
      return answer.status >= 500
        ? failed(`${answer.status} ${JSON.stringify(answer.body)}`)
        : answer;
    } catch (error) {
      return failed(String(error));
    }
  };

  /** As `ask`, retried until it is answered. */
  const askOften: typeof ask = async (...words) => {
    const endsMs = systemClock.now() + restWithinMs;
    for (;;) {
      const answer = await ask(...words);
      if (answer || systemClock.now() > endsMs) return answer;
      await systemClock.sleep(retryEveryMs);
    }
  };

  /** Creates the object; returns its id, or undefined if the answer was no 2xx. */
  async function make({ service, path, member }: Thing, body: object): Promise<string | undefined> {
    const answer = await ask(service, 'POST', path, { [member]: body });
    if (!answer) return undefined;
    const document = answer.body as Record<string, { id: string }>;
    if (answer.status >= 300) {
      report.lost.push(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return undefined;
    }
    return document[member]?.id;
  }

  async function comesToRest({ service, path, member, restsAs }: Thing, id: string): Promise<void> {
    const endsMs = systemClock.now() + restWithinMs;
    let status = '';
    while (systemClock.now() < endsMs) {
      const answer = await ask(service, 'GET', `${path}/${id}`);
      if (answer?.status === 404) return void report.lost.push(`${member} ${id} is not there`);
      const shown = (
        answer?.body as Record<string, { status: string; fault?: object }> | undefined
      )?.[member];
      status = shown?.status ?? status;
      if (status.toLowerCase() === 'error')
        return void report.lost.push(`${member} ${id} in error: ${JSON.stringify(shown?.fault)}`);
      if (status === restsAs) {
        report.created += 1;
        return;
      }
      await systemClock.sleep(pollEveryMs);
    }
    report.stuck.push(`${member} ${id} is ${status}`);
  }

  async function remove({ service, path, member }: Thing, id: string): Promise<void> {
    const deletion = await askOften(service, 'DELETE', `${path}/${id}`);
    if (deletion && deletion.status >= 300 && deletion.status !== 404)
      return void report.lost.push(
        `DELETE ${member} ${id}: ${deletion.status} ${JSON.stringify(deletion.body)}`,
      );
    const endsMs = systemClock.now() + restWithinMs;
    while (systemClock.now() < endsMs) {
      const answer = await ask(service, 'GET', `${path}/${id}`);
      if (answer?.status === 404) return;
      await systemClock.sleep(pollEveryMs);
    }
    report.stuck.push(`${member} ${id} does not go`);
  }

  const [image, network] = [
    await client.ask<{ images: { id: string }[] }>('image', 'GET', '/v2/images?name=tiny'),
    await client.ask<{ networks: { id: string }[] }>(
      'network',
      'GET',
      '/v2.0/networks?name=public',
    ),
  ];
  const prefix = `user-${systemClock.now()}`;

  async function round(name: string): Promise<void> {
    const port = await make(things.port, { network_id: network.networks[0]?.id, name });
    const volume = await make(things.volume, { size: 1, name });
    const server = await make(things.server, {
      name,
      imageRef: image.images[0]?.id,
      flavorRef: '42',
      networks: port === undefined ? 'none' : [{ port }],
    });
    if (volume !== undefined) await comesToRest(things.volume, volume);
    if (server !== undefined) {
      await comesToRest(things.server, server);
      await remove(things.server, server);
    }
    if (volume !== undefined) await remove(things.volume, volume);
    if (port !== undefined) await remove(things.port, port);
  }

  async function user(index: number): Promise<void> {
    for (let turn = 1; !isStopping; turn += 1) await round(`${prefix}-${index}-${turn}`);
  }
  const working = Promise.all(Array.from({ length: count }, async (_, index) => await user(index)));

  /** Deletes objects whose creation was carried out although its answer was lost. */
  async function removeRest({ service, path, member }: Thing): Promise<void> {
    const listed = await askOften(service, 'GET', path);
    const all = (listed?.body as Record<string, { id: string; name: string }[]> | undefined)?.[
      `${member}s`
    ];
    for (const { id, name } of all ?? [])
      if (name.startsWith(prefix)) await remove({ service, path, member, restsAs: '' }, id);
  }

  return {
    async stop(withinMs) {
      isStopping = true;
      const late = systemClock.sleep(withinMs * 3, { unref: true }).then(() => 'late');
      if ((await Promise.race([working, late])) === 'late') report.stuck.push('the users');
      for (const thing of [things.server, things.volume, things.port]) await removeRest(thing);
      return report;
    },
  };
}
