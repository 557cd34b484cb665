// Turns ONTAP's errors into faults. Pure. Used by ontap-rest.ts, for responses and failed jobs,
// which both carry `{error: {message, code, target}}`, and by ontap-volumes.ts for the port's
// faults. Source: docs.netapp.com, "ONTAP automation: interpret an API response" (status codes,
// common error codes).
import type { Fault, FaultKind } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';

/**
 * Base of the error codes of the file endpoints, to which an errno is added: 0x660000 + ENOENT is
 * "No such file or directory".
 */
const fileErrors = 0x66_0000;
/** The errnos that mean something here, with BSD's numbers. */
const errno = { noEntry: 2, exists: 17, noSpace: 28, overQuota: 69 } as const;
/** Common code 1: an object with the same identifier exists. */
const duplicate = 1;
const full =
  /no space left|not enough space|insufficient space|out of space|(volume|file ?system) is full/i;

/**
 * The fault for an error reply. notFound: the file (`isMissingFile`) or the object that contains
 * it; conflict: it exists or is in use; overQuota; badRequest; unavailable. `detail.ontap` is
 * ONTAP's code.
 */
export function ontapFault(call: string, status: number, body: unknown): Fault {
  const { message, code = 'none' } = errorIn(body);
  const number = Number(code) - fileErrors;
  const words = `ONTAP ${call}: ${message ?? 'no reason given'} (status ${status}, code ${code})`;
  const detail = { ontap: code };
  if (number === errno.noEntry) return fault('notFound', words, { ...detail, missing: 'file' });
  if (number === errno.noSpace || number === errno.overQuota || full.test(message ?? ''))
    return fault('overQuota', `the filer is full: ${words}`, detail);
  if (number === errno.exists || Number(code) === duplicate)
    return fault('conflict', words, detail);
  return fault(kindOf(status), words, detail);
}

/** Whether a file is missing, and not the ONTAP volume; ONTAP answers 404 for both. */
export const isMissingFile = ({ kind, detail }: Fault): boolean =>
  kind === 'notFound' && detail['missing'] === 'file';

/**
 * Translates a fault for a caller of the port: errors that the caller cannot correct (no such
 * volume on the filer, in use, bad request) become unavailable.
 */
export function portFault(answer: Fault): Fault {
  const isPortFault =
    answer.detail['ontap'] === undefined ||
    isMissingFile(answer) ||
    answer.kind === 'overQuota' ||
    answer.kind === 'timeout';
  return isPortFault ? answer : fault('unavailable', answer.message, answer.detail);
}

function kindOf(status: number): FaultKind {
  if (status === 404) return 'notFound';
  if (status === 409) return 'conflict';
  // 401 and 403 as well: the credentials are the operator's, so no caller can correct them.
  return status === 400 ? 'badRequest' : 'unavailable';
}

function errorIn(body: unknown): { message?: string | undefined; code?: string | undefined } {
  const error =
    typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  if (typeof error !== 'object' || error === null) return {};
  const message =
    'message' in error && typeof error.message === 'string' ? error.message : undefined;
  // ONTAP's code is a string in responses and a number in some jobs.
  const code =
    'code' in error && (typeof error.code === 'string' || typeof error.code === 'number')
      ? String(error.code)
      : undefined;
  return { message, code };
}
