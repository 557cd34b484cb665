// Whether a client accepts a JSON reply. RFC 9110, 12.5.1. Used by the HTTP edge.

/** Whether the Accept header allows JSON; without the header, every type is allowed. */
export function acceptsJson(header: string | undefined): boolean {
  if (header === undefined || header.trim() === '') return true;
  // The most specific range that matches JSON decides, so `*/*, application/json;q=0` refuses it.
  let quality = 0;
  let specificity = -1;
  for (const range of header.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const rank = jsonRanges.indexOf(type);
    if (rank <= specificity) continue;
    specificity = rank;
    const qualityParameter = parameters.find((parameter) => parameter.startsWith('q='));
    quality = qualityParameter === undefined ? 1 : Number(qualityParameter.slice(2));
  }
  return quality > 0;
}

const jsonRanges: readonly string[] = ['*/*', 'application/*', 'application/json'];
