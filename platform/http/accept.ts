// Which media types a client accepts. RFC 9110, 12.5.1.

/** Whether an Accept header allows JSON; a missing header does. */
export function acceptsJson(header: string | undefined): boolean {
  if (header === undefined || header.trim() === '') return true;
  // The most specific range that covers JSON decides, so that `*/*, application/json;q=0` refuses
  // it.
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
