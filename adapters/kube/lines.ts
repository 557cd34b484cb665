// The lines of a stream of JSON objects, each parsed as it is complete.
import { StringDecoder } from 'node:string_decoder';

/** A line may be an object of etcd's largest size, and its envelope. */
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
