// A reporter of node:test that writes only failures: `cobalt test` prints those of all parts at its
// end, since the end of a log is what survives when a log is cut. nodejs.org, "Test reporters".
import { relative } from 'node:path';
import { inspect } from 'node:util';
import { repository } from './run-tool.ts';

/** The fields of node:test's events that this reporter reads. */
interface TestEvent {
  type: string;
  data: { name?: string; file?: string; line?: number; details?: { error?: Error } };
}

const maxReasonLength = 4_000;

// oxlint-disable-next-line import/no-default-export -- node:test takes the default export
export default async function* failures(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    if (type !== 'test:fail') continue;
    const { name = '', file = '', line = 0, details } = data;
    const error = details?.error as (Error & { failureType?: string }) | undefined;
    // A suite that failed because of its tests: each of those has an event of its own.
    if (error?.failureType === 'subtestsFailed') continue;
    const reason = inspect(error?.cause ?? error, { depth: 4 });
    yield `✖ ${name} (${relative(repository, file)}:${line})\n${shortened(reason).replace(/^/gm, '  ')}\n`;
  }
}

/** The text; of one that is too long, the beginning, and the end, where the innermost cause is. */
function shortened(text: string): string {
  if (text.length <= maxReasonLength) return text;
  const half = maxReasonLength / 2;
  return `${text.slice(0, half)}\n…\n${text.slice(-half)}`;
}
