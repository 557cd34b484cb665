// For tests of adapters/ontap: a filer's REST interface over the folder that a real NFS server
// exports. As strict as the API reference: basic auth, only the requested fields, %2E in paths,
// pages, jobs that take time. Failures can be injected one by one.
import { randomUUID } from 'node:crypto';
import { constants, copyFileSync, existsSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { openShare } from '#adapters/nfs/share.ts';
import type { OntapAddress } from '#adapters/ontap/ontap-http.ts';
import { isFault } from '#contracts/common/fault.ts';
import { Secret } from '#platform/log.ts';

/** A failure of the next request that matches. */
export interface Trouble {
  /** Start of method and path, e.g. `POST /api/storage/file/clone`. */
  at: string;
  /**
   * 'error': answers with it. 'silence': never answers. 'cut': closes the connection at once; 'cut
   * after': after the request was carried out. 'nonsense': answers with invalid JSON.
   */
  as: 'error' | 'silence' | 'cut' | 'cut after' | 'nonsense';
  status?: number;
  error?: { message: string; code: string; target?: string };
  times?: number;
}

/**
 * A failure of the next job: it fails without an effect, its record is lost before or after its
 * work, or it never ends.
 */
export type JobTrouble =
  | { as: 'failure'; error: { message: string; code: string } }
  | { as: 'lost undone' | 'lost' | 'endless' };

export interface TestOntap {
  address: OntapAddress;
  svm: string;
  flexVol: string;
  /** All requests so far, as `METHOD path?query`. */
  requests: string[];
  trouble(trouble: Trouble): void;
  nextJob(trouble: JobTrouble): void;
  /** State of the ONTAP volume; a test may change it. */
  volume: { state: string; junctionPath: string | null; exists: boolean; uuid: string };
  close(): Promise<void>;
}

type Answer = { status: number; body: object };
type JobState = {
  uuid: string;
  state: 'queued' | 'running' | 'success' | 'failure';
  error?: object;
  isLost: boolean;
};
type Folder = { server: string; path: string; folder: string };

const refusal = (status: number, code: string, message: string, target?: string): Answer => ({
  status,
  body: { error: { message, code, ...(target === undefined ? {} : { target }) } },
});
const noFile = refusal(404, '6684674', 'No such file or directory.');
const noEntry = (target: string): Answer => refusal(404, '4', "entry doesn't exist", target);

/**
 * Starts a filer's REST interface. `jobMs`: how long a job takes; `pageRecords`: greatest number of
 * records on a page.
 */
export async function startOntap(
  { server, path, folder }: Folder,
  {
    jobMs = 120,
    pageRecords = 5,
    ignoresReturnTimeout = false,
  }: { jobMs?: number; pageRecords?: number; ignoresReturnTimeout?: boolean } = {},
): Promise<TestOntap> {
  const [svm, flexVol, user, password] = ['svm1', 'cinder', 'cobalt', randomUUID()];
  const volume = {
    state: 'online',
    junctionPath: path as string | null,
    exists: true,
    uuid: randomUUID(),
  };
  const jobs = new Map<string, JobState>();
  const [troubles, jobTroubles, requests]: [Trouble[], JobTrouble[], string[]] = [[], [], []];
  // Names are changed through the NFS server, because it caches its folder; a real filer is both
  // servers in one.
  const share = openShare({ server, path });
  const sure = <T>(outcome: T): T => {
    if (isFault(outcome)) throw new Error(outcome.message);
    return outcome;
  };

  const fileExists = (name: string): boolean => existsSync(join(folder, name));
  const record = (name: string, fields: ReadonlySet<string>): object => {
    const facts = statSync(join(folder, name));
    const all = {
      type: facts.isDirectory() ? 'directory' : 'file',
      size: facts.size,
      bytes_used: facts.blocks * 512,
    };
    return {
      path: '',
      name,
      ...Object.fromEntries(Object.entries(all).filter(([field]) => fields.has(field))),
      _links: {
        self: { href: `/api/storage/volumes/${volume.uuid}/files/${encodeURIComponent(name)}` },
      },
    };
  };

  function volumes(query: URLSearchParams): Answer {
    const fields = new Set(query.get('fields')?.split(','));
    const matches = volume.exists && query.get('name') === flexVol && query.get('svm.name') === svm;
    const { blocks, bavail, bsize } = statfsSync(folder);
    const nas =
      volume.junctionPath !== null && fields.has('nas.path')
        ? { nas: { path: volume.junctionPath } }
        : {};
    const space = {
      ...(fields.has('space.size') ? { size: blocks * bsize } : {}),
      ...(fields.has('space.available') ? { available: bavail * bsize } : {}),
    };
    const found = {
      uuid: volume.uuid,
      name: flexVol,
      svm: { name: svm },
      ...(fields.has('state') ? { state: volume.state } : {}),
      ...nas,
      space,
    };
    return {
      status: 200,
      body: {
        records: matches ? [found] : [],
        num_records: matches ? 1 : 0,
        _links: { self: { href: '/api/storage/volumes' } },
      },
    };
  }

  function list(query: URLSearchParams): Answer {
    const wanted = new RegExp(
      `^${(query.get('name') ?? '*').replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`,
    );
    const all = ['.', '..', ...readdirSync(folder)]
      .filter(
        (name) =>
          wanted.test(name) &&
          (query.get('type') !== 'file' || statSync(join(folder, name)).isFile()),
      )
      .sort();
    const [start, fields] = [
      Number(query.get('start.index') ?? 0),
      new Set(query.get('fields')?.split(',')),
    ];
    const size = Math.min(pageRecords, Number(query.get('max_records') ?? pageRecords));
    const records = all.slice(start, start + size).map((name) => record(name, fields));
    const on = new URLSearchParams(query);
    on.set('start.index', String(start + size));
    const next =
      start + size < all.length
        ? { next: { href: `/api/storage/volumes/${volume.uuid}/files?${on.toString()}` } }
        : {};
    return {
      status: 200,
      body: {
        records,
        num_records: records.length,
        _links: { self: { href: `/api/storage/volumes/${volume.uuid}/files` }, ...next },
      },
    };
  }

  /** Runs `work` as a job; `work` returns an error answer, or nothing. */
  async function asJob(
    query: URLSearchParams,
    work: () => Promise<Answer | undefined>,
  ): Promise<Answer> {
    const job: JobState = { uuid: randomUUID(), state: 'queued', isLost: false };
    const trouble = jobTroubles.shift();
    jobs.set(job.uuid, job);
    const run = async (): Promise<void> => {
      if (trouble?.as === 'lost undone') return void (job.isLost = true);
      await delay(jobMs / 2);
      job.state = 'running';
      if (trouble?.as === 'endless') return;
      await delay(jobMs / 2);
      const failed = trouble?.as === 'failure' ? { body: { error: trouble.error } } : await work();
      if (failed) Object.assign(job, { state: 'failure', ...failed.body });
      else job.state = 'success';
      job.isLost = trouble?.as === 'lost';
    };
    const completion = run().then(() => true);
    const body = {
      job: { uuid: job.uuid, _links: { self: { href: `/api/cluster/jobs/${job.uuid}` } } },
    };
    const inTime =
      !ignoresReturnTimeout &&
      !trouble &&
      (await Promise.race([
        completion,
        delay(Number(query.get('return_timeout') ?? 0) * 1000, false, { ref: false }),
      ]));
    if (!inTime) return { status: 202, body };
    return job.state === 'failure'
      ? { status: 500, body: { error: job.error } }
      : { status: 200, body };
  }

  async function clone(body: Record<string, unknown>): Promise<Answer | undefined> {
    const {
      source_path: from,
      destination_path: to,
      overwrite_destination: overwrite,
    } = body as { source_path: string; destination_path: string; overwrite_destination?: boolean };
    if (!fileExists(from)) return noFile;
    if (fileExists(to) && !overwrite) return refusal(409, '6684689', 'File exists.');
    const target = fileExists(to) ? `.clone-${randomUUID()}` : to;
    copyFileSync(join(folder, from), join(folder, target), constants.COPYFILE_FICLONE);
    if (target !== to) sure(await share.rename(target, to));
    return undefined;
  }

  async function remove(name: string): Promise<Answer | undefined> {
    if (!fileExists(name)) return noFile;
    sure(await share.remove(name));
    return undefined;
  }

  async function files(
    method: string,
    name: string,
    query: URLSearchParams,
    body: Record<string, unknown>,
  ): Promise<Answer> {
    if (method === 'GET') {
      if (query.get('return_metadata') !== 'true')
        return refusal(400, '2', 'this test server returns no file data', 'return_metadata');
      return fileExists(name)
        ? {
            status: 200,
            body: {
              records: [record(name, new Set(query.get('fields')?.split(',')))],
              num_records: 1,
            },
          }
        : noFile;
    }
    if (method === 'DELETE') return await asJob(query, async () => await remove(name));
    if (method !== 'PATCH') return refusal(405, '3', 'The method is not supported.');
    const { path: to, ...extra } = body;
    if (typeof to === 'string' && to.includes('.'))
      return refusal(400, '262198', 'The path field requires %2E to represent ".".', 'path');
    if (typeof to !== 'string' || Object.keys(extra).length > 0)
      return refusal(400, '262179', `Unexpected argument "${Object.keys(extra).join()}".`);
    if (!fileExists(name)) return noFile;
    if (fileExists(to)) return refusal(409, '6684689', 'File exists.');
    sure(await share.rename(name, to));
    return { status: 200, body: {} };
  }

  async function route(method: string, url: URL, body: Record<string, unknown>): Promise<Answer> {
    const [, api, area, kind, uuid, folderWord, name, ...rest] = url.pathname.split('/');
    const [query, target] = [url.searchParams, `${method} /${api}/${area}/${kind}`];
    if (target === 'GET /api/storage/volumes' && uuid === undefined) return volumes(query);
    if (target === 'GET /api/cluster/jobs') {
      const { isLost = true, ...job } = jobs.get(uuid ?? '') ?? {};
      return isLost ? noEntry('uuid') : { status: 200, body: job };
    }
    if (target === 'POST /api/storage/file' && uuid === 'clone') {
      const on = body['volume'] as { uuid?: string; name?: string } | undefined;
      if (
        typeof body['source_path'] !== 'string' ||
        typeof body['destination_path'] !== 'string' ||
        on?.name === undefined
      )
        return refusal(400, '2', 'A field is missing.', 'source_path');
      return volume.exists && on.uuid === volume.uuid
        ? await asJob(query, async () => await clone(body))
        : noEntry('volume.uuid');
    }
    if (kind !== 'volumes' || folderWord !== 'files' || rest.length > 0)
      return refusal(404, '3', 'API not found');
    if (!volume.exists || uuid !== volume.uuid) return noEntry('volume.uuid');
    if (name === undefined) return list(query);
    if (name.includes('.'))
      return refusal(400, '262198', 'The path field requires %2E to represent ".".', 'path');
    return await files(method, decodeURIComponent(name), query, body);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [method = '', target = ''] = [request.method, request.url];
    requests.push(`${method} ${target}`);
    const body = (await json(request).catch(() => ({}))) as Record<string, unknown>;
    const index = troubles.findIndex(({ at }) => `${method} ${target}`.startsWith(at));
    const trouble = troubles[index];
    if (trouble && (trouble.times = (trouble.times ?? 1) - 1) === 0) troubles.splice(index, 1);
    if (trouble?.as === 'silence') return;
    if (trouble?.as === 'cut') return void request.socket.destroy();
    if (trouble?.as === 'nonsense') return void response.end('<html>Service');
    const allowed =
      request.headers.authorization ===
      `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    const { status, body: answer } = !allowed
      ? refusal(401, '6691623', 'User is not authorized.')
      : trouble?.as === 'error'
        ? { status: trouble.status ?? 500, body: { error: trouble.error } }
        : await route(method, new URL(target, 'http://filer'), body);
    if (trouble?.as === 'cut after') return void request.socket.destroy();
    response
      .writeHead(status, { 'content-type': 'application/hal+json' })
      .end(JSON.stringify(answer));
  }

  const http = createServer(
    (request, response) =>
      void serve(request, response).catch((error: unknown) =>
        response
          .writeHead(500)
          .end(JSON.stringify({ error: { message: String(error), code: '1' } })),
      ),
  );
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    address: {
      origin: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
      user,
      password: new Secret(password),
    },
    svm,
    flexVol,
    requests,
    volume,
    trouble: (trouble) => void troubles.push({ ...trouble }),
    nextJob: (trouble) => void jobTroubles.push(trouble),
    async close() {
      share.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
