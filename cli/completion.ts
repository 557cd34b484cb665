// Generates completion scripts for bash and zsh from the command tree. The scripts do not run
// `cobalt` during completion.
import type { Command } from 'commander';

/**
 * Maps the words before the cursor, without options, to the words that may follow. The key ''
 * stands for `cobalt` itself.
 */
function wordsAfter(program: Command): Map<string, string[]> {
  const words = new Map<string, string[]>();
  const visit = (command: Command, path: string): void => {
    const options = command.options
      .filter(({ hidden }) => !hidden)
      .flatMap(({ long }) => (long ? [long] : []));
    words.set(path, [...command.commands.map((child) => child.name()), ...options, '--help']);
    for (const child of command.commands)
      visit(child, path === '' ? child.name() : `${path} ${child.name()}`);
  };
  visit(program, '');
  return words;
}

/** Options that take one of a fixed set of values. */
function choicesOf(program: Command): Map<string, readonly string[]> {
  const all = [program, ...program.commands].flatMap((command) => command.options);
  return new Map(
    all.flatMap(({ long, argChoices }) =>
      long && argChoices ? [[long, argChoices] as const] : [],
    ),
  );
}

const folders = ['--home'];

export function bashCompletion(program: Command): string {
  const cases = [...wordsAfter(program)].map(
    ([path, words]) => `    '${path}') words='${words.join(' ')}' ;;`,
  );
  const choices = [...choicesOf(program)].map(
    ([option, values]) =>
      `    ${option}) COMPREPLY=($(compgen -W '${values.join(' ')}' -- "$word")); return ;;`,
  );
  return `# bash completion of cobalt; source <(./cobalt completion bash)
_cobalt() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} path='' words='' index
  case $before in
    ${folders.join('|')}) COMPREPLY=($(compgen -d -- "$word")); return ;;
${choices.join('\n')}
  esac
  for ((index = 1; index < COMP_CWORD; index++)); do
    [[ \${COMP_WORDS[index]} == -* || \${COMP_WORDS[index-1]} == -* ]] || path+=\${path:+ }\${COMP_WORDS[index]}
  done
  case $path in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _cobalt cobalt ./cobalt
`;
}

/** The script for zsh, which uses bash's function: zshcompsys, bashcompinit. */
export function zshCompletion(program: Command): string {
  return `#compdef cobalt
# zsh completion of cobalt; source <(./cobalt completion zsh)
autoload -Uz compinit bashcompinit
(( $+functions[compdef] )) || compinit
bashcompinit
${bashCompletion(program)}`;
}
