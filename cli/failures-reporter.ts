// A reporter of node:test that writes failures alone: `cobalt test` prints those of all its parts
// at the end, where the log of a run that is cut short is kept longest. nodejs.org, "Test
// reporters".
import { relative } from 'node:path';
import { inspect } from 'node:util';
import { repository } from './run-tool.ts';

/** What this needs of the events of node:test. */
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
    // A suite in which a test has failed: the test has its own event.
    if (error?.failureType === 'subtestsFailed') continue;
    const reason = inspect(error?.cause ?? error, { depth: 4 });
    yield `✖ ${name} (${relative(repository, file)}:${line})\n${shortened(reason).replace(/^/gm, '  ')}\n`;
  }
}

/** Its beginning and its end: a cause of causes comes last. */
function shortened(text: string): string {
  if (text.length <= maxReasonLength) return text;
  const half = maxReasonLength / 2;
  return `${text.slice(0, half)}\n…\n${text.slice(-half)}`;
}
