// Requires targets and headers of requests to be UTF-8: if invalid bytes were replaced by U+FFFD,
// different names would become equal. Called by openstack/http/dispatcher.ts; parse-json.ts
// requires the same of bodies.
import { isUtf8 } from 'node:buffer';
import type { Fault } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';

/**
 * Refuses a target with a fragment, which requests never have (RFC 9112, 3.2): the router ends a
 * path at `#` but access rules do not, so a rule for `/servers/{id}/action` would allow `POST
 * /servers/#/action`, which creates a server.
 */
export function targetFault(path: string, query: string): Fault | undefined {
  if (path.includes('#') || query.includes('#'))
    return fault('badRequest', 'The target of a request has no fragment.');
  if (!encodesUtf8(path)) return fault('badRequest', 'The path is not valid UTF-8.');
  return encodesUtf8(query) ? undefined : fault('badRequest', 'The query is not valid UTF-8.');
}

/**
 * Refuses a header whose value is not UTF-8. Values hold one character per byte as Node provides
 * them, or text of in-process callers.
 */
export function headerFault(
  headers: Readonly<Record<string, string | undefined>>,
): Fault | undefined {
  for (const name in headers) {
    const value = headers[name];
    if (typeof value === 'string' && beyondAscii.test(value) && !isHeaderText(value))
      return fault('badRequest', `The header ${name} is not valid UTF-8.`);
  }
  return undefined;
}

const beyondAscii = /[^\0-\x7f]/;
const isHeaderText = (value: string): boolean =>
  /[^\0-\xff]/.test(value) ? value.isWellFormed() : isUtf8(Buffer.from(value, 'latin1'));

/**
 * Whether percent-encoded text decodes to UTF-8. A `%` without two hex digits stands for itself, as
 * in the parsers of Python and browsers.
 */
function encodesUtf8(text: string): boolean {
  if (!text.includes('%')) return true;
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return isUtf8(percentDecoded(text));
  }
}

function percentDecoded(text: string): Buffer {
  const plain = Buffer.from(text, 'latin1');
  const bytes = Buffer.allocUnsafe(plain.length);
  let size = 0;
  for (let at = 0; at < plain.length; at += 1) {
    const value =
      plain[at] === percentSign ? hexValue(plain[at + 1]) * 16 + hexValue(plain[at + 2]) : NaN;
    bytes[size++] = Number.isNaN(value) ? (plain[at] ?? 0) : value;
    if (!Number.isNaN(value)) at += 2;
  }
  return bytes.subarray(0, size);
}

const percentSign = 0x25;
function hexValue(byte: number | undefined): number {
  if (byte === undefined) return NaN;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : NaN;
}
