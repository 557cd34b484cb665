// Turns a BMC's refusals into faults. Pure. Source: DSP0266, "Error responses": `{error: {message,
// "@Message.ExtendedInfo": [{MessageId, Message}]}}`.
import type { Fault, FaultKind } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import { listAt, objectAt, textAt } from './json-at.ts';

const maxWords = 300;

/**
 * The fault for an error reply. `scrub` removes credentials from the BMC's message before the
 * message is cut to length. `detail.status` is the HTTP status.
 */
export function refusal(
  call: string,
  status: number,
  body: Json,
  scrub: (words: string) => string,
): Fault {
  const words = plain(scrub(reasonIn(body))) || 'no reason given';
  return fault(kindOf(status), `BMC, ${call}: ${words} (status ${status})`, {
    status: String(status),
  });
}

/** Whether the fault is temporary, so that the request may succeed when it is sent again. */
export const isPassing = ({ kind, detail }: Fault): boolean =>
  kind === 'timeout' || (kind === 'unavailable' && detail['passing'] !== 'no');

/** Whether the BMC has decided to refuse; it was not merely busy or unreachable. */
export const isDecision = ({ detail }: Fault): boolean =>
  detail['status'] !== undefined && !['429', '502', '503', '504'].includes(detail['status']);

/** The fault for an invalid answer, which a retry will not improve. */
export const nonsense = (call: string, why: string): Fault =>
  fault('unavailable', `BMC, ${call}: ${why}`, { passing: 'no' });

/**
 * The kind of fault for an HTTP status. 401 and 403 are one: the configured credentials are not
 * sufficient.
 */
function kindOf(status: number): FaultKind {
  switch (status) {
    case 400:
      return 'badRequest';
    case 401:
    case 403:
      return 'forbidden';
    case 404:
    case 405:
    case 501:
      return 'notImplemented';
    case 409:
      return 'conflict';
    case 412:
    case 428:
      return 'preconditionFailed';
    default:
      return 'unavailable';
  }
}

function reasonIn(body: Json): string {
  const error = objectAt(body, 'error');
  const [info] = listAt(error, '@Message.ExtendedInfo');
  return textAt(info, 'Message') || textAt(error, 'message') || textAt(info, 'MessageId');
}

/** A BMC's message for the logs: a single line of limited length. */
const plain = (text: string): string =>
  text
    .replace(/[\p{C}\s]+/gu, ' ')
    .slice(0, maxWords)
    .trim();

/**
 * Quotes an unexpected value in a message, if it is one short word; otherwise says nothing of it.
 */
export const shown = (value: string): string =>
  /^\w{1,20}$/.test(value) ? `'${value}'` : 'something else';
