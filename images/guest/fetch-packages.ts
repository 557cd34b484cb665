// Downloads Debian packages and unpacks them into a folder, without installing them and without
// root.
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runTool } from '#hosts/local/run-tool.ts';

const downloadTimeoutMs = 180_000;

/** Packages with the guest's programs. */
const programs = ['busybox-static', 'dropbear-bin', 'qemu-guest-agent'];
/** The package that depends on the current kernel of Debian's cloud images. */
const kernelMetaPackage = 'linux-image-cloud-amd64';
/**
 * Indirect dependencies: libraries that the programs' libraries need; apt resolves the direct ones.
 * pack-initrd.ts fails if one is missing.
 */
const furtherLibraries = ['libgmp10', 'libpcre2-8-0'];

/**
 * Downloads and unpacks the packages into `${workDir}/root`; returns their file names, which
 * contain their versions. Uses the machine's package lists; if those are missing or outdated,
 * downloads new ones into `workDir`. Throws with the end of apt's messages.
 */
export async function fetchPackages(workDir: string): Promise<string[]> {
  const own = ['-o', 'APT::Sandbox::User=', '-o', `Dir::Cache=${workDir}/cache`];
  const fresh = [...own, '-o', `Dir::State::Lists=${workDir}/lists`];
  await mkdir(join(workDir, 'cache/archives/partial'), { recursive: true });
  try {
    await download(workDir, own);
  } catch {
    await mkdir(join(workDir, 'lists/partial'), { recursive: true });
    await runTool('apt-get', [...fresh, '-q', 'update'], { timeoutMs: downloadTimeoutMs });
    await download(workDir, fresh);
  }
  const packages = (await readdir(join(workDir, 'debs'))).sort();
  for (const name of packages)
    await runTool('dpkg-deb', ['-x', join(workDir, 'debs', name), join(workDir, 'root')]);
  return packages;
}

async function download(workDir: string, apt: readonly string[]): Promise<void> {
  const [kernel] = (await dependencies(apt, kernelMetaPackage)).filter((name) =>
    name.startsWith('linux-image-'),
  );
  if (!kernel) throw new Error(`apt does not know the package ${kernelMetaPackage}`);
  const libraries = (await Promise.all(programs.map((name) => dependencies(apt, name))))
    .flat()
    .filter((name) => /^(lib|zlib)/.test(name));
  const names = [...new Set([kernel, ...programs, ...libraries, ...furtherLibraries])].map(
    (name) => `${name}:amd64`,
  );
  const cwd = join(workDir, 'debs');
  await mkdir(cwd, { recursive: true });
  await runTool('apt-get', [...apt, '-q', 'download', ...names], {
    cwd,
    timeoutMs: downloadTimeoutMs,
  });
}

async function dependencies(apt: readonly string[], name: string): Promise<string[]> {
  const listed = await runTool('apt-cache', [...apt, 'depends', `${name}:amd64`]);
  return [...listed.matchAll(/^ *(?:Pre)?Depends: ([a-z0-9.+-]+)/gm)].map(
    (match) => match[1] ?? '',
  );
}
