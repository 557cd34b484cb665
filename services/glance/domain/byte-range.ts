// Parses the Range header of a download. Pure. RFC 9110, section 14
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { ByteRange } from '#ports/image-store.ts';

/**
 * The part of the data that is requested; undefined: the whole data. rangeNotSatisfiable: several
 * ranges, an invalid header, or a range outside of the data.
 */
export function readRange(
  header: string | undefined,
  sizeBytes: number,
): Outcome<ByteRange | undefined> {
  if (header === undefined) return undefined;
  const outside = fault(
    'rangeNotSatisfiable',
    `The byte range '${header}' passed in the 'Range' header does not fit data of ${sizeBytes} bytes.`,
    { size: String(sizeBytes) },
  );
  const match = /^bytes=(\d*)-(\d*)$/.exec(header.trim());
  if (!match) return outside;
  const [, from = '', to = ''] = match;
  if (from === '') {
    const suffix = Number(to);
    return to === '' || suffix === 0 || sizeBytes === 0
      ? outside
      : { first: Math.max(0, sizeBytes - suffix), last: sizeBytes - 1 };
  }
  const first = Number(from);
  const last = to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1);
  return first > last ? outside : { first, last };
}
