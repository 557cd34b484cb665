// The HTTP interface of an emulated BMC: finds the resource, authenticates the client, applies
// injected failures. Every request gets a Redfish reply, unless an injected failure prevents it.
import { Readable } from 'node:stream';
import { isFault } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import type { HttpHandler, RawReply, RawRequest } from '#platform/http/messages.ts';
import { readJson } from '#platform/http/read-json.ts';
import type { Log } from '#platform/log.ts';
import type { BmcCore } from './bmc-core.ts';
import { changesOf, isBody, missing } from './redfish-changes.ts';
import type { Change } from './redfish-changes.ts';
import { documentAt, etagOf, pathsOf, root } from './redfish-documents.ts';
import { faultReply, redfishError, redfishHeaders } from './redfish-errors.ts';
import type { Sessions } from './sessions.ts';
import type { VendorProfile } from './vendor-profiles.ts';

const [maxBodyBytes, bodyDeadlineMs, restartMs] = [16 * 1024, 10_000, 2_000];
/** Readable without credentials: DSP0266, "Authentication". */
const openPaths = ['/redfish', root];

export interface RedfishDeps {
  core: BmcCore;
  sessions: Sessions;
  profile: VendorProfile;
  clock: Clock;
  log: Log;
  /** Ends the replies that an injected failure delays. */
  closing: AbortSignal;
}

export function redfishHandler(deps: RedfishDeps): HttpHandler {
  const { core, sessions, profile, clock, log } = deps;
  const paths = pathsOf(profile);
  const changes = changesOf(paths);
  let restartingUntilMs = 0;
  const restart = (): void => void (restartingUntilMs = clock.now() + restartMs);

  /**
   * The refusal of an unauthenticated request; undefined: it may be answered. The refusal is the
   * same whether or not the path exists.
   */
  function strangerReply(request: RawRequest, path: string, found: Found): RawReply | undefined {
    const isOpen = isRead(request) ? openPaths.includes(path) : found.wanted?.change.isOpen;
    const isLocked = core.trouble()?.kind === 'locked';
    const mayPass = isOpen
      ? isRead(request) || !isLocked
      : !isLocked && sessions.allows(request.headers);
    return mayPass
      ? undefined
      : redfishError(401, 'NoValidSession', 'Credentials are missing or wrong.', {
          'www-authenticate': 'Basic realm="BMC"',
        });
  }

  async function answer(request: RawRequest): Promise<RawReply> {
    const path = pathOf(request.path);
    if (clock.now() < restartingUntilMs)
      return redfishError(503, 'ServiceTemporarilyUnavailable', 'The BMC restarts.');
    const matchingChanges = changesAt(changes, path, request.method);
    const stranger = strangerReply(request, path, matchingChanges);
    if (stranger) return stranger;
    const snapshot = await core.snapshot();
    if (isFault(snapshot)) return faultReply(snapshot);
    const document = documentAt(path, { ...snapshot, sessions: sessions.list() });
    const etag = document && profile.etags !== 'none' ? `W/"${etagOf(document)}"` : undefined;
    if (isRead(request) && document)
      return {
        status: 200,
        headers: { ...redfishHeaders, ...(etag ? { etag } : {}) },
        body: document,
      };
    if (isRead(request) || !matchingChanges.wanted) {
      // A path of an action exists, although it has no document to read.
      const isThere = document !== undefined || matchingChanges.all.some(({ id }) => id === '');
      return isThere ? notAllowed(matchingChanges) : missing();
    }
    return await change(request, matchingChanges.wanted, etag);
  }

  async function change(
    request: RawRequest,
    { change: wanted, id }: MatchingChange,
    etag: string | undefined,
  ): Promise<RawReply> {
    const stale = etag === undefined ? undefined : precondition(request, wanted, etag);
    if (stale) return stale;
    const body = await readJson(request, { maxBodyBytes, bodyDeadlineMs }, clock);
    if (isFault(body)) return faultReply(body);
    if (body !== null && !isBody(body))
      return redfishError(400, 'MalformedJSON', 'The body is a JSON object.');
    return await wanted.run({ core, sessions, profile, restart }, body ?? {}, id);
  }

  function precondition(
    { headers }: RawRequest,
    { method }: Change,
    etag: string,
  ): RawReply | undefined {
    if (method !== 'PATCH') return undefined;
    const ifMatch = headers['if-match'];
    if (ifMatch === undefined)
      return profile.etags === 'strong'
        ? redfishError(428, 'PreconditionRequired', 'If-Match is missing.')
        : undefined;
    const accepted = profile.etags === 'strong' ? etag.slice(2) : etag;
    return ifMatch === accepted || ifMatch === '*'
      ? undefined
      : redfishError(412, 'PreconditionFailed', 'The resource has another ETag.');
  }

  return {
    async handle(request) {
      const trouble = core.trouble();
      if (trouble?.kind === 'dead') return cut();
      if (trouble?.kind === 'silent') {
        await aborted(deps.closing);
        return cut();
      }
      if (trouble?.kind === 'slow')
        await clock.sleep(trouble.ms, { signal: deps.closing, unref: true }).catch(() => undefined);
      if (trouble?.kind === 'unavailable')
        return redfishError(503, 'ServiceTemporarilyUnavailable', 'The BMC is busy.', {
          'retry-after': '1',
        });
      try {
        return await answer(request);
      } catch (error) {
        log.error({ err: error, method: request.method, path: request.path }, 'request to a BMC');
        return redfishError(500, 'InternalError', 'The request could not be answered.');
      }
    },
  };
}

/**
 * The path without a trailing slash. Nothing is percent-decoded or normalised: a path with `%`,
 * `..` or `//` matches no resource.
 */
const pathOf = (path: string): string => (path.endsWith('/') ? path.slice(0, -1) : path);

const isRead = ({ method }: RawRequest): boolean => method === 'GET' || method === 'HEAD';

/**
 * The id of the collection's member in the path; '' if the pattern has no `:id`; undefined: no
 * match.
 */
function idIn({ path: pattern }: Change, path: string): string | undefined {
  if (!pattern.endsWith('/:id')) return pattern === path ? '' : undefined;
  const parent = pattern.slice(0, -':id'.length);
  const id = path.startsWith(parent) ? path.slice(parent.length) : '';
  return id === '' || id.includes('/') ? undefined : id;
}

interface MatchingChange {
  change: Change;
  id: string;
}

/** The changes that a path allows, and the one that the request asks for. */
interface Found {
  all: readonly MatchingChange[];
  wanted: MatchingChange | undefined;
}

function changesAt(changes: readonly Change[], path: string, method: string): Found {
  const all = changes.flatMap((change) => {
    const id = idIn(change, path);
    return id === undefined ? [] : [{ change, id }];
  });
  return { all, wanted: all.find(({ change }) => change.method === method) };
}

function notAllowed({ all }: Found): RawReply {
  const isAction = all.some(({ change }) => change.path.includes('/Actions/'));
  const allow = [
    ...(isAction ? [] : ['GET', 'HEAD']),
    ...all.map(({ change }) => change.method),
  ].join(', ');
  return redfishError(405, 'OperationNotAllowed', `What is allowed here: ${allow}.`, { allow });
}

/** A reply whose body fails, so that the server cuts the connection. */
const cut = (): RawReply => ({
  status: 200,
  headers: {},
  body: new Readable({
    read() {
      this.destroy(new Error('the BMC is dead'));
    },
  }),
});

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted)
    await new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => resolve(), { once: true }),
    );
}
