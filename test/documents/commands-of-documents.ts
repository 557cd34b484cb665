// Reads the commands of a document: lines that begin with `$ ` in its `console` code blocks. Used
// by the tests that run them (run-documents.testing.ts) and those that only check them
// (test/docs.test.ts).

/** README.md and the files of docs/how-to: README starts the cloud, operate.md stops it. */
export const documentsInOrder = [
  'README.md',
  'run-a-vm.md',
  'networks.md',
  'volumes.md',
  'move-servers.md',
  'live-migrate.md',
  'high-availability.md',
  'horizon.md',
  'measure.md',
  'placement-decisions.md',
  'add-a-server-action.md',
  'add-a-background-task.md',
  'run-distributed.md',
  'kubernetes.md',
  'troubleshoot.md',
  'bmc.md',
  'operate.md',
];

export interface CommandBlock {
  /** Line number of the block's opening fence, from 1. */
  line: number;
  commands: { line: number; text: string }[];
  /** Why the tests do not run the block: the text of its first line `# not run by the tests: …`. */
  notRun: string | undefined;
}

const notRunMark = '# not run by the tests: ';

export function commandBlocks(document: string): CommandBlock[] {
  const blocks: CommandBlock[] = [];
  let block: CommandBlock | undefined;
  document.split('\n').forEach((text, index) => {
    if (block === undefined) {
      if (text === '```console') block = { line: index + 1, commands: [], notRun: undefined };
    } else if (text.startsWith('```')) {
      blocks.push(block);
      block = undefined;
    } else if (text.startsWith('$ ')) block.commands.push({ line: index + 1, text: text.slice(2) });
    else if (text.startsWith(notRunMark) && block.commands.length === 0)
      block.notRun = text.slice(notRunMark.length);
  });
  return blocks;
}

/** Replaces commands that a test cannot run as they are; a replacement is reported. */
export interface Substitute {
  pattern: RegExp;
  command: string;
  reason: string;
}

/**
 * A bash script that runs the commands in one session, prints each before it runs, and stops at the
 * first that fails, with its position and exit code 1. Blocks marked as not run are left out.
 */
export function scriptOf(
  name: string,
  blocks: readonly CommandBlock[],
  substitutes: readonly Substitute[],
): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
  const lines = blocks
    .filter(({ notRun }) => notRun === undefined)
    .flatMap(({ commands }) => commands)
    .flatMap(({ line, text }) => {
      const substitute = substitutes.find(({ pattern }) => pattern.test(text));
      const place = `${name}:${line}`;
      return [
        `printf '%s\\n' ${quoted(`[${place}] $ ${text}${substitute ? `   (here: ${substitute.command}; ${substitute.reason})` : ''}`)}`,
        substitute?.command ?? text,
        `code=$?; [ $code = 0 ] || { printf '%s\\n' ${quoted(`FAILED at ${place}: ${text}`)} "exit code $code"; exit 1; }`,
      ];
    });
  return `${lines.join('\n')}\n`;
}
