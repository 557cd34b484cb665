// A client of a filer's REST interface (ONTAP 9.8 and later), as far as volumes need it: typed,
// with deadlines and limited retries; waits for jobs. Used by ontap-volumes.ts. Source:
// docs.netapp.com, "ONTAP REST API reference": /storage/volumes,
// /storage/volumes/{uuid}/files/{path}, /storage/file/clone, /cluster/jobs.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import { isMissingFile, ontapFault } from './ontap-errors.ts';
import type { OntapAddress, OntapAnswer } from './ontap-http.ts';
import { openHttp } from './ontap-http.ts';

export interface FlexVolKey {
  uuid: string;
  name: string;
}

/** An ONTAP volume: the file system that holds the files of Cinder's volumes. */
export interface FlexVol extends FlexVolKey {
  /** 'online', or another state, in which it cannot be used. */
  state: string;
  /** Path at which the SVM exports it; null if it is not exported. */
  junctionPath: string | null;
  totalBytes: number;
  freeBytes: number;
}

export interface OntapFile {
  name: string;
  sizeBytes: number;
}

/**
 * The calls that volumes need. Faults of every call: unavailable (not reached, refused credentials,
 * an error of the filer), timeout, badRequest; notFound: the ONTAP volume, or the file
 * (`isMissingFile`). File paths are plain names in the volume's root. Reads and deletes are
 * retried, other changes are not: after a fault, check whether the change has happened.
 */
export interface OntapRest {
  /** The ONTAP volume of this name. notFound: the SVM has none. */
  flexVol(svm: string, name: string): Promise<Outcome<FlexVol>>;
  /** Plain files in the root whose name matches; `*` stands for any characters. */
  files(volume: FlexVolKey, pattern: string): Promise<Outcome<OntapFile[]>>;
  file(volume: FlexVolKey, name: string): Promise<Outcome<OntapFile>>;
  /**
   * Clones a file; the clone shares the file's blocks. 'unknown': ONTAP no longer has a record of
   * the job (it keeps records for 300 s). conflict: `to` exists and `overwrite` is not set;
   * overQuota.
   */
  cloneFile(
    volume: FlexVolKey,
    clone: { from: string; to: string; overwrite: boolean },
  ): Promise<Outcome<'done' | 'unknown'>>;
  /** Renames a file. conflict: `to` exists. */
  renameFile(volume: FlexVolKey, from: string, to: string): Promise<Outcome<void>>;
  /** Deletes a file. Does nothing if it does not exist. */
  deleteFile(volume: FlexVolKey, name: string): Promise<Outcome<void>>;
  close(): void;
}

export interface OntapRestDeps {
  address: OntapAddress;
  clock: Clock;
  ids: Pick<Ids, 'random'>;
  log: Log;
  /** Deadline of one response. */
  timeoutMs?: number;
  /** Deadline of a job, from its start. */
  jobTimeoutMs?: number;
}

const attempts = 3;
const firstPauseMs = 200;
/**
 * `return_timeout` of a change: how long the filer may delay its response to complete the change,
 * so that most changes need no polling.
 */
const returnTimeoutS = 2;
const [firstPollMs, longestPollMs] = [50, 2_000];
const [pageRecords, maxPages] = [1_000, 1_000];

// ONTAP's objects, as far as their fields are requested.
type Job = {
  uuid: string;
  state?: 'queued' | 'running' | 'paused' | 'success' | 'failure';
  error?: unknown;
};
type VolumeRecord = {
  uuid: string;
  name: string;
  state?: string;
  nas?: { path?: string };
  space?: { size?: number; available?: number };
};
type FileRecord = { name: string; type?: string; size?: number };
type Page<T> = { records: T[]; _links?: { next?: { href: string } } };

type Call = { method: 'GET' | 'POST' | 'PATCH' | 'DELETE'; path: string; body?: object };

export function createOntapRest({
  address,
  clock,
  ids,
  log,
  timeoutMs = 10_000,
  jobTimeoutMs = 300_000,
}: OntapRestDeps): OntapRest {
  const http = openHttp(address, clock);
  const jittered = (ms: number): number => ms * (0.5 + ids.random());

  /**
   * Sends a request and retries reads and deletes, which are idempotent. Refused credentials are
   * not retried: ONTAP would lock the account.
   */
  async function call({ method, path, body }: Call): Promise<Outcome<OntapAnswer>> {
    const repeatable = method === 'GET' || method === 'DELETE';
    for (let attempt = 1; ; attempt += 1) {
      const answer = await http.send(
        method,
        path,
        body,
        timeoutMs + (method === 'GET' ? 0 : returnTimeoutS * 1000),
      );
      if (!isFault(answer) && answer.status < 400) return answer;
      const refusal = isFault(answer)
        ? answer
        : ontapFault(`${method} ${path}`, answer.status, answer.body);
      const passing =
        isFault(answer) ||
        answer.status === 429 ||
        (answer.status >= 500 && refusal.kind === 'unavailable');
      if (!repeatable || !passing || attempt === attempts) return refusal;
      log.warn(
        { filer: address.origin, method, path, reason: refusal.message, attempt },
        'ONTAP call is repeated',
      );
      await clock.sleep(jittered(firstPauseMs * 2 ** attempt));
    }
  }

  const read = async <T>(path: string): Promise<Outcome<T>> => {
    const answer = await call({ method: 'GET', path });
    // Cast: shapes as in the API reference; fields that may be missing are optional.
    return isFault(answer) ? answer : (answer.body as T);
  };

  async function readAll<T>(path: string): Promise<Outcome<T[]>> {
    const records: T[] = [];
    let next: string | undefined = path;
    for (let pages = 0; next !== undefined; pages += 1) {
      if (pages === maxPages) return fault('unavailable', `ONTAP GET ${path} does not end`);
      const page: Outcome<Page<T>> = await read<Page<T>>(next);
      if (isFault(page)) return page;
      if (!Array.isArray(page.records))
        return fault('unavailable', `ONTAP GET ${path}: no records in the answer`);
      records.push(...page.records);
      next = page._links?.next?.href;
      // The next page's request carries the password, so it must go to the same filer.
      if (next !== undefined && !next.startsWith('/api/'))
        return fault('unavailable', `ONTAP GET ${path} goes on elsewhere: ${next}`);
    }
    return records;
  }

  /**
   * Makes a change and waits for its end, at once or by its job. 'unknown': the job's record does
   * not exist any more.
   */
  async function change(request: Call): Promise<Outcome<'done' | 'unknown'>> {
    const answer = await call(request);
    if (isFault(answer)) return answer;
    const job = (answer.body as { job?: Job }).job;
    // With any status but 202 the change was complete before the response ("Asynchronous processing
    // with the ONTAP REST API").
    return answer.status === 202 && job
      ? await jobDone(job.uuid, `${request.method} ${request.path}`)
      : 'done';
  }

  async function jobDone(uuid: string, what: string): Promise<Outcome<'done' | 'unknown'>> {
    const deadline = clock.now() + jobTimeoutMs;
    for (let pauseMs = firstPollMs; ; pauseMs = Math.min(pauseMs * 1.5, longestPollMs)) {
      const job = await read<Job>(
        `/api/cluster/jobs/${encodeURIComponent(uuid)}?fields=state,error`,
      );
      if (isFault(job)) return job.kind === 'notFound' ? 'unknown' : job;
      if (job.state === 'success') return 'done';
      if (job.state === 'failure') return ontapFault(`job of ${what}`, 500, job);
      if (clock.now() + pauseMs > deadline)
        return fault(
          'timeout',
          `ONTAP job ${uuid} of ${what} is still ${job.state} after ${jobTimeoutMs / 1000} s`,
        );
      await clock.sleep(jittered(pauseMs));
    }
  }

  async function file(volume: FlexVolKey, name: string): Promise<Outcome<OntapFile>> {
    const page = await read<Page<FileRecord>>(
      `${pathOf(volume, name)}?${query({ return_metadata: 'true', fields: 'type,size' })}`,
    );
    if (isFault(page)) return page;
    const [record] = page.records ?? [];
    return record ? fileOf(record) : fault('unavailable', `ONTAP has no facts on the file ${name}`);
  }

  return {
    async flexVol(svm, name) {
      const volumes = await readAll<VolumeRecord>(
        `/api/storage/volumes?${query({ name, 'svm.name': svm, fields: 'state,nas.path,space.size,space.available' })}`,
      );
      if (isFault(volumes)) return volumes;
      const [volume] = volumes;
      if (!volume)
        return fault('notFound', `The SVM ${svm} has no volume ${name}.`, { ontap: 'no record' });
      return {
        uuid: volume.uuid,
        name,
        state: volume.state ?? 'unknown',
        junctionPath: volume.nas?.path ?? null,
        totalBytes: volume.space?.size ?? 0,
        freeBytes: volume.space?.available ?? 0,
      };
    },
    async files(volume, pattern) {
      const files = await readAll<FileRecord>(
        `${folderOf(volume)}?${query({ name: pattern, type: 'file', fields: 'type,size', max_records: String(pageRecords) })}`,
      );
      return isFault(files) ? files : files.filter(({ type }) => type === 'file').map(fileOf);
    },
    file,
    cloneFile: async ({ uuid, name }, { from, to, overwrite }) =>
      await change({
        method: 'POST',
        path: `/api/storage/file/clone?return_timeout=${returnTimeoutS}`,
        body: {
          volume: { uuid, name },
          source_path: from,
          destination_path: to,
          overwrite_destination: overwrite,
        },
      }),
    async renameFile(volume, from, to) {
      const renamed = await change({
        method: 'PATCH',
        path: pathOf(volume, from),
        body: { path: to },
      });
      const result = renamed === 'unknown' ? await file(volume, to) : renamed;
      return isFault(result) ? result : undefined;
    },
    async deleteFile(volume, name) {
      const deleted = await change({
        method: 'DELETE',
        path: `${pathOf(volume, name)}?return_timeout=${returnTimeoutS}`,
      });
      const result = deleted === 'unknown' ? await file(volume, name) : deleted;
      if (isFault(result)) return isMissingFile(result) ? undefined : result;
      return result === 'done'
        ? undefined
        : fault('unavailable', `ONTAP has lost the job that should delete ${name}`);
    },
    close: () => http.close(),
  };
}

const fileOf = ({ name, size }: FileRecord): OntapFile => ({ name, sizeBytes: size ?? 0 });
const query = (fields: Record<string, string>): string => new URLSearchParams(fields).toString();
const folderOf = ({ uuid }: FlexVolKey): string =>
  `/api/storage/volumes/${encodeURIComponent(uuid)}/files`;
/**
 * The path of a file's endpoint: "The path field requires using %2E to represent . and %2F to
 * represent /".
 */
const pathOf = (volume: FlexVolKey, name: string): string =>
  `${folderOf(volume)}/${encodeURIComponent(name).replaceAll('.', '%2E')}`;
