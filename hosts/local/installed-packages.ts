// Which Debian packages are installed on this machine; for `cobalt doctor`.
import { ToolMissing, tryTool } from './run-tool.ts';

/**
 * Those of `names` that are fully installed, by one dpkg-query. Empty on a machine without dpkg.
 */
export async function installedPackages(names: readonly string[]): Promise<Set<string>> {
  if (names.length === 0) return new Set();
  try {
    // Exit code 1 only means that some packages are unknown.
    const { stdout } = await tryTool('dpkg-query', [
      '-W',
      '-f',
      '${Package} ${db:Status-Status}\n',
      ...names,
    ]);
    return new Set(
      stdout
        .split('\n')
        .flatMap((line) =>
          line.endsWith(' installed') ? [line.slice(0, -' installed'.length)] : [],
        ),
    );
  } catch (error) {
    if (error instanceof ToolMissing) return new Set();
    throw error;
  }
}
