// Faults of an emulated BMC on order, for tests and drills: a file in its folder, read at each
// request, so that any process can order and end them.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';

/**
 * `unavailable`: 503 to everything. `slow`: answers come `ms` later. `silent`: it takes requests
 * and never answers. `dead`: it cuts every connection. `locked`: it takes no password and no
 * session. `deaf`: the host never obeys a graceful shutdown. `stuck`: it takes power orders and
 * does not carry them out.
 */
export type BmcTrouble =
  | { kind: 'unavailable' | 'silent' | 'dead' | 'locked' | 'deaf' | 'stuck' }
  | { kind: 'slow'; ms: number };

const simpleKinds = ['unavailable', 'silent', 'dead', 'locked', 'deaf', 'stuck'] as const;
const fileIn = (folder: string): string => join(folder, 'trouble.json');

/** From now on; undefined: none any more. */
export function orderTrouble(folder: string, trouble: BmcTrouble | undefined): void {
  const file = fileIn(folder);
  if (!trouble) return rmSync(file, { force: true });
  writeFileSync(`${file}.new`, JSON.stringify(trouble), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** badRequest: what the file orders is none of these. */
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
    // told below
  }
  return fault('badRequest', `${fileIn(folder)} orders no trouble that a BMC can have`);
}
