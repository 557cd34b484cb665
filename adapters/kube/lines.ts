// Splits a stream into lines and parses each as JSON, as soon as it is complete. For watches.
import { StringDecoder } from 'node:string_decoder';

/** Characters: a line holds an object, which etcd limits to 1.5 MiB, and its envelope. */
const maxLineLength = 4 * 1024 * 1024;

export function jsonLines(onLine: (line: unknown) => void): (chunk: Buffer) => void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  return (chunk) => {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > maxLineLength) throw new Error('a line of the watch is too long');
    for (const line of lines) if (line !== '') onLine(JSON.parse(line) as unknown);
  };
}
