// Turns a BMC's refusals into faults. Pure. Source: DSP0266, "Error responses": `{error: {message,
// "@Message.ExtendedInfo": [{MessageId, Message}]}}`.
import type { Fault, FaultKind } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import { listAt, objectAt, textAt } from './json-at.ts';

const maxWords = 300;

/**
 * `scrub` removes what must not be told from the BMC's words, before they are cut. `detail.status`
 * is the status.
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

/** Whether the call may succeed when it is sent again. */
export const isPassing = ({ kind, detail }: Fault): boolean =>
  kind === 'timeout' || (kind === 'unavailable' && detail['passing'] !== 'no');

/** Whether the BMC has decided so, as opposed to having been busy or out of reach. */
export const isDecision = ({ detail }: Fault): boolean =>
  detail['status'] !== undefined && !['429', '502', '503', '504'].includes(detail['status']);

/** An answer that will not be a better one the next time. */
export const nonsense = (call: string, why: string): Fault =>
  fault('unavailable', `BMC, ${call}: ${why}`, { passing: 'no' });

/** 401 and 403 look the same to a caller: the credentials in the configuration do not do. */
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

/** A BMC's words end up in logs: one line of limited length. */
const plain = (text: string): string =>
  text
    .replace(/[\p{C}\s]+/gu, ' ')
    .slice(0, maxWords)
    .trim();

/** A value that is not what it should be, as far as it is a word; never a part of one. */
export const shown = (value: string): string =>
  /^\w{1,20}$/.test(value) ? `'${value}'` : 'something else';
