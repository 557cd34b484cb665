// Makes file access of this process synchronous: each operation is complete when its call returns,
// so disk and threads cannot influence the order of events. For simulations only.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

type Call = (...args: unknown[]) => unknown;

const promised = [
  'access',
  'appendFile',
  'chmod',
  'copyFile',
  'mkdir',
  'mkdtemp',
  'readFile',
  'readdir',
  'rename',
  'rm',
  'stat',
  'statfs',
  'unlink',
  'writeFile',
] as const;
/** What file streams call, with the values that their callbacks get besides the result. */
const called = {
  open: () => [],
  close: () => [],
  fsync: () => [],
  read: (args: unknown[]) => [args[1]],
  write: (args: unknown[]) => [args[1]],
  writev: (args: unknown[]) => [args[1]],
} as const;

/** Makes file access synchronous until the returned function is called. */
export function makeFilesInstant(): () => void {
  // Casts: node:fs names its calls `x` and `xSync`, and their types are too narrow for a loop.
  const calls = fs as unknown as Record<string, Call>;
  const promises = fs.promises as unknown as Record<string, Call>;
  const originals: (() => void)[] = [];
  const replace = (owner: Record<string, Call>, name: string, call: Call): void => {
    const original = owner[name] as Call; // cast: all of these names exist
    originals.push(() => void (owner[name] = original));
    owner[name] = call;
  };
  for (const name of promised)
    replace(promises, name, async (...args) => calls[`${name}Sync`]?.(...args));
  for (const [name, extra] of Object.entries(called)) {
    const instant = calls[`${name}Sync`] as Call;
    replace(calls, name, (...args) => {
      const callback = args.pop() as (error: unknown, ...results: unknown[]) => void;
      try {
        process.nextTick(callback, null, instant(...args), ...extra(args));
      } catch (error) {
        process.nextTick(callback, error);
      }
    });
  }
  syncBuiltinESMExports();
  return () => {
    for (const restore of originals) restore();
    syncBuiltinESMExports();
  };
}
