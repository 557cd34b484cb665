// Regular expressions from clients, e.g. in list filters. RE2 matches in linear time whatever the
// pattern is; size bounds keep it small. Case-insensitive, as in upstream's databases.
import { RE2JS } from 're2js';

export interface SearchPattern {
  /** Whether the pattern matches anywhere in the text. */
  test(text: string): boolean;
}

const maxLength = 255;
const maxRepeats = 100;
const maxInstructions = 600;
const special = /[\\^$.|?*+()[\]{}]/;

/**
 * Compiles the pattern. undefined: it is not a regular expression, is too large, or needs
 * look-around or back references, which no linear engine supports. `fromStart`: it must match at
 * the text's beginning.
 */
export function searchPattern(
  source: string,
  { fromStart = false } = {},
): SearchPattern | undefined {
  if (source.length > maxLength) return undefined;
  if (!special.test(source)) {
    const wanted = source.toLowerCase();
    return {
      test: (text) =>
        fromStart ? text.toLowerCase().startsWith(wanted) : text.toLowerCase().includes(wanted),
    };
  }
  const repeats = [...source.matchAll(/\{(\d{0,9}),?(\d{0,9})\}/g)].reduce(
    (product, [, min, max]) => product * Math.max(1, Number(min), Number(max)),
    1,
  );
  if (repeats > maxRepeats) return undefined;
  try {
    const compiled = RE2JS.compile(fromStart ? `^(?:${source})` : source, RE2JS.CASE_INSENSITIVE);
    if (compiled.programSize() > maxInstructions) return undefined;
    return { test: (text) => compiled.matcher(text).find() };
  } catch {
    return undefined; // re2js has no error types to tell apart
  }
}
