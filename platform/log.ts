// Structured logs: objects, not sentences. Created once in compose, passed on by deps; `child` adds
// fixed fields.
import { writeSync } from 'node:fs';
import pino from 'pino';
import type { DestinationStream } from 'pino';

/** The logger interface that every component uses: a subset of pino's. */
export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
  child(facts: object): Log;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** A value that must never be printed: logs, JSON and string conversion show `***`. */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  reveal(): string {
    return this.#value;
  }
  toString(): string {
    return '***';
  }
  toJSON(): string {
    return '***';
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '***';
  }
}

// Redacted wherever they occur in a logged object: headers and fields that may carry a credential.
const redacted = [
  'password',
  'adminPass',
  'secret',
  'token',
  'x-auth-token',
  'x-subject-token',
  'private_key',
  'user_data',
];

export function createLog(options: { level: LogLevel; destination?: DestinationStream }): Log {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: redacted.flatMap((name) => [`["${name}"]`, `*["${name}"]`]), censor: '***' },
      formatters: { level: (label) => ({ level: label }) },
    },
    options.destination ?? pino.destination({ dest: 1, sync: false }),
  );
}

/** Logs nothing; for tests and tools. */
export const silentLog: Log = createLog({ level: 'silent' });

const colours: Record<string, string> = {
  debug: '\x1b[90m',
  info: '\x1b[36m',
  warn: '\x1b[33m',
  error: '\x1b[31m',
};

/**
 * Turns pino's JSON lines into readable ones: `12:00:01 info  nova  server built  host=h1
 * server=…`.
 */
export function readableLines(write: (line: string) => void, colour: boolean): DestinationStream {
  return {
    write(line: string) {
      const { level, time, msg, component, ...facts } = JSON.parse(line) as {
        level: string;
        time: string;
        msg: string;
        component?: string;
      };
      const paint = (code: string, text: string): string =>
        colour ? `${code}${text}\x1b[0m` : text;
      const shown = Object.entries(facts)
        .map(
          ([key, value]) =>
            `${paint('\x1b[90m', `${key}=`)}${typeof value === 'string' ? value : JSON.stringify(value)}`,
        )
        .join(' ');
      const clock = time.slice(11, 19);
      write(
        `${paint('\x1b[90m', clock)} ${paint(colours[level] ?? '', level.padEnd(5))} ${(component ?? '').padEnd(10)} ${msg}  ${shown}\n`,
      );
    },
  };
}

/**
 * Returns a function that appends lines to an open file. A line that cannot be written (e.g. the
 * disk is full) is dropped, and the number of dropped lines is logged once writing works again: a
 * log must never end the process. Not a stream, because Node destroys a stream at its first error.
 */
export function fileLines(
  fd: number,
  append: (fd: number, text: string) => unknown = writeSync,
): (line: string) => void {
  let droppedLines = 0;
  return (line) => {
    try {
      if (droppedLines > 0) {
        append(fd, `${droppedLines} lines are missing here: the log could not be written\n`);
        droppedLines = 0;
      }
      append(fd, line);
    } catch {
      droppedLines += 1;
    }
  };
}
