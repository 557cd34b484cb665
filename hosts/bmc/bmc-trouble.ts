// Injected failures of an emulated BMC, for tests and drills: a file in the BMC's folder, read at
// each request, so that any process can start and end a failure.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';

/**
 * What fails. `unavailable`: answers 503 to everything. `slow`: answers `ms` later. `silent`:
 * accepts requests and never answers. `dead`: cuts every connection. `locked`: accepts no password
 * and no session. `deaf`: the host ignores graceful shutdowns. `stuck`: accepts power orders and
 * does not carry them out.
 */
export type BmcTrouble =
  | { kind: 'unavailable' | 'silent' | 'dead' | 'locked' | 'deaf' | 'stuck' }
  | { kind: 'slow'; ms: number };

const simpleKinds = ['unavailable', 'silent', 'dead', 'locked', 'deaf', 'stuck'] as const;
const fileIn = (folder: string): string => join(folder, 'trouble.json');

/** Starts a failure, in place of any other; undefined ends it. */
export function orderTrouble(folder: string, trouble: BmcTrouble | undefined): void {
  const file = fileIn(folder);
  if (!trouble) return rmSync(file, { force: true });
  writeFileSync(`${file}.new`, JSON.stringify(trouble), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/**
 * The failure that is injected at present; undefined: none. badRequest: the file does not contain
 * one of those above.
 */
export function orderedTrouble(folder: string): Outcome<BmcTrouble | undefined> {
  let text: string;
  try {
    text = readFileSync(fileIn(folder), 'utf8');
  } catch {
    return undefined;
  }
  try {
    const { kind, ms } = JSON.parse(text) as { kind?: unknown; ms?: unknown };
    const simple = simpleKinds.find((known) => known === kind);
    if (simple) return { kind: simple };
    if (kind === 'slow' && typeof ms === 'number' && ms >= 0) return { kind, ms };
  } catch {
    // The file's content is reported below.
  }
  return fault('badRequest', `${fileIn(folder)} orders no trouble that a BMC can have`);
}
