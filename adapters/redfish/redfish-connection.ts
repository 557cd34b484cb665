// Requests to one BMC: credentials, sessions and their renewal, retries within a deadline, tasks,
// ETags. Used by redfish-bmc.ts.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log, Secret } from '#platform/log.ts';
import { linkIn, objectAt, pathIn, textAt, valueAt } from './json-at.ts';
import { isPassing, nonsense, refusal } from './redfish-faults.ts';
import type { BmcTrust, RedfishAnswer, RedfishHttp } from './redfish-http.ts';
import { openHttp } from './redfish-http.ts';

export interface RedfishAddress {
  /** `https://<address>[:port]`; plain http only on this machine. */
  origin: string;
  user: string;
  password: Secret;
  trust: BmcTrust;
  /**
   * `session` (default): opens one session and keeps it; if the BMC offers none, uses Basic.
   * `basic`: always Basic.
   */
  authentication?: 'session' | 'basic';
}

export interface RedfishTimes {
  /** Deadline of a call of the port, with all its requests and retries. */
  callTimeoutMs: number;
  /** Deadline of one request. */
  requestTimeoutMs: number;
  /** How long a task is followed; one that goes on after that counts as accepted. */
  taskTimeoutMs: number;
}

export const redfishTimes: RedfishTimes = {
  callTimeoutMs: 30_000,
  requestTimeoutMs: 10_000,
  taskTimeoutMs: 10_000,
};

export interface ConnectionDeps {
  clock: Clock;
  ids: Pick<Ids, 'random'>;
  log: Log;
  times?: Partial<RedfishTimes>;
}

export interface Document {
  body: Json;
  etag: string;
}

export interface Change {
  method: 'POST' | 'PATCH' | 'DELETE';
  path: string;
  body?: Json;
  ifMatch?: string;
  /** The request is idempotent, and may be sent again. */
  isRepeatable: boolean;
}

/** The requests that belong to one call of the port; they share its deadline. */
export interface RedfishCall {
  get(path: string): Promise<Outcome<Document>>;
  /**
   * Makes a change; if the BMC answers with a task, follows it to its end or for `taskTimeoutMs`.
   */
  change(change: Change): Promise<Outcome<RedfishAnswer>>;
}

export interface RedfishConnection {
  begin(): RedfishCall;
  close(): Promise<void>;
}

const root = '/redfish/v1/';
const attempts = 3;
const firstPauseMs = 200;
const [firstPollMs, longestPollMs] = [100, 2_000];
const logoutTimeoutMs = 2_000;
const failedStates = ['Exception', 'Killed', 'Cancelled'];
const endedStates = ['Completed', ...failedStates];

interface Credentials {
  headers: Readonly<Record<string, string>>;
  session?: { path: string };
  /** For this request only: the next one tries again to open a session. */
  isTemporary?: boolean;
}

export function openConnection(address: RedfishAddress, deps: ConnectionDeps): RedfishConnection {
  const { clock, ids, log } = deps;
  const times = { ...redfishTimes, ...deps.times };
  const http: RedfishHttp = openHttp(address.origin, address.trust, clock);
  const password = address.password.reveal();
  const basic: Credentials = {
    headers: {
      authorization: `Basic ${Buffer.from(`${address.user}:${password}`).toString('base64')}`,
    },
  };
  let current: Promise<Outcome<Credentials>> | undefined =
    address.authentication === 'basic' ? Promise.resolve(basic) : undefined;
  let isClosed = false;
  let token = '';
  /** Removes credentials from a BMC's messages, which may repeat what was sent. */
  const scrub = (words: string): string =>
    [password, basic.headers['authorization']?.slice('Basic '.length) ?? '', token]
      .filter((secret) => secret !== '')
      .reduce((left, secret) => left.replaceAll(secret, '***'), words);
  const jittered = (ms: number): number => ms * (0.5 + ids.random());

  /** The credentials of the open session, or of a new one; concurrent callers share it. */
  async function credentials(timeoutMs: number): Promise<Outcome<Credentials>> {
    const mine = (current ??= openSession(timeoutMs));
    const opened = await mine;
    // The next call tries again.
    if ((isFault(opened) || opened.isTemporary) && current === mine) current = undefined;
    return opened;
  }

  async function openSession(timeoutMs: number): Promise<Outcome<Credentials>> {
    const rootReply = await http.send({ method: 'GET', path: root, headers: {}, timeoutMs });
    if (isFault(rootReply)) return rootReply;
    if (rootReply.status >= 500)
      return refusal(`GET ${root}`, rootReply.status, rootReply.body, scrub);
    const path = linkIn(objectAt(objectAt(rootReply.body, 'Links'), 'Sessions'));
    if (rootReply.status >= 400 || path === '') return basic;
    const body = { UserName: address.user, Password: password };
    const created = await http.send({ method: 'POST', path, headers: {}, body, timeoutMs });
    if (isFault(created)) return created;
    if (created.status === 401 || created.status === 403)
      return refusal('a new session', created.status, null, scrub);
    if (created.status >= 300 || created.token === '') {
      log.debug({ bmc: address.origin, status: created.status }, 'the BMC gives no session');
      // E.g. the BMC has no free session, but accepts Basic nevertheless.
      return { ...basic, isTemporary: created.status !== 404 && created.status !== 405 };
    }
    ({ token } = created);
    return {
      headers: { 'x-auth-token': created.token },
      session: { path: pathIn(created.location) || linkIn(created.body) },
    };
  }

  /** Sends a request; renews the session once if the BMC has forgotten it. */
  async function send(request: Request, leftMs: () => number): Promise<Outcome<RedfishAnswer>> {
    for (let isRenewed = false; ; isRenewed = true) {
      const timeoutMs = Math.max(1, Math.min(times.requestTimeoutMs, leftMs()));
      const using = await credentials(timeoutMs);
      if (isFault(using)) return using;
      const answer = await http.send({
        ...request,
        headers: { ...request.headers, ...using.headers },
        timeoutMs: Math.max(1, Math.min(times.requestTimeoutMs, leftMs())),
      });
      const isForgotten = !isFault(answer) && answer.status === 401 && using.session !== undefined;
      if (!isForgotten || isRenewed) return answer;
      const latest = await current;
      if (latest === using) current = undefined;
    }
  }

  async function request(wanted: Request, leftMs: () => number): Promise<Outcome<RedfishAnswer>> {
    const call = `${wanted.method} ${wanted.path}`;
    for (let attempt = 1; ; attempt += 1) {
      if (isClosed) return fault('unavailable', `BMC, ${call}: the connection is closed`);
      const answer = await send(wanted, leftMs);
      if (!isFault(answer) && answer.status < 400) return answer;
      const problem = isFault(answer) ? answer : refusal(call, answer.status, answer.body, scrub);
      const pauseMs = jittered(firstPauseMs * 2 ** attempt);
      const mayRepeat = wanted.isRepeatable && isPassing(problem) && attempt < attempts;
      if (!mayRepeat || pauseMs >= leftMs()) return problem;
      log.debug({ bmc: address.origin, reason: problem.message, attempt }, 'BMC is asked again');
      await clock.sleep(pauseMs);
    }
  }

  /** Follows the task that the answer names to its end. Returns the task's result. */
  async function followed(
    accepted: RedfishAnswer,
    leftMs: () => number,
  ): Promise<Outcome<RedfishAnswer>> {
    const path = pathIn(accepted.location) || linkIn(accepted.body);
    if (path === '') return accepted; // no task to follow: accepted
    const until = Math.min(times.taskTimeoutMs, leftMs());
    const startedAtMs = clock.monotonicMs();
    const rest = (): number => until - (clock.monotonicMs() - startedAtMs);
    for (let pauseMs = firstPollMs; ; pauseMs = Math.min(pauseMs * 1.5, longestPollMs)) {
      const polled = await request({ method: 'GET', path, headers: {}, isRepeatable: true }, rest);
      if (isFault(polled)) {
        // The task's record was deleted at its end, or the BMC cannot be asked now: the change was
        // accepted.
        if (polled.kind === 'notImplemented' || isPassing(polled)) return accepted;
        return polled;
      }
      // A task monitor answers 202 until the task has ended, and then with the result of the
      // change.
      const state = textAt(polled.body, 'TaskState');
      if (state === '' && polled.status !== 202) return polled;
      if (failedStates.includes(state)) return failure(path, polled.body);
      if (endedStates.includes(state)) return polled;
      if (jittered(pauseMs) >= rest()) return accepted;
      await clock.sleep(pauseMs);
    }
  }

  function failure(path: string, task: Json): Fault {
    const messages = valueAt(task, 'Messages') ?? null;
    const errorBody = { error: { '@Message.ExtendedInfo': messages } };
    return fault('unavailable', refusal(`task ${path}`, 500, errorBody, scrub).message);
  }

  return {
    begin() {
      const startedAtMs = clock.monotonicMs();
      const leftMs = (): number => times.callTimeoutMs - (clock.monotonicMs() - startedAtMs);
      return {
        async get(path) {
          const answer = await request(
            { method: 'GET', path, headers: {}, isRepeatable: true },
            leftMs,
          );
          if (isFault(answer)) return answer;
          if (objectAt({ it: answer.body }, 'it') === undefined)
            return nonsense(`GET ${path}`, 'the answer is no document');
          return { body: answer.body, etag: answer.etag };
        },
        async change({ method, path, body, ifMatch, isRepeatable }) {
          const headers: Record<string, string> = ifMatch ? { 'if-match': ifMatch } : {};
          const reply = await request({ method, path, body, headers, isRepeatable }, leftMs);
          return isFault(reply) || reply.status !== 202 ? reply : await followed(reply, leftMs);
        },
      };
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      const last = await current?.catch(() => undefined);
      if (last && !isFault(last) && last.session?.path)
        await http.send({
          method: 'DELETE',
          path: last.session.path,
          headers: last.headers,
          timeoutMs: logoutTimeoutMs,
        });
      http.close();
    },
  };
}

interface Request {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  body?: Json | undefined;
  headers: Readonly<Record<string, string>>;
  isRepeatable: boolean;
}
