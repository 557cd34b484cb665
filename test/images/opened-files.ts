// Parses strace's log: which files programs opened, and to which addresses they connected.

export interface Opened {
  /** The program that opened the file, e.g. '/usr/bin/qemu-img'. */
  program: string;
  path: string;
}

export interface Trace {
  /** Successful opens only. */
  opened: Opened[];
  /** Connections, including failed ones. */
  called: { program: string; address: string }[];
  programs: Map<string, number>;
}

/**
 * Parses the log of `strace -f -e
 * trace=open,openat,openat2,execve,connect,clone,clone3,fork,vfork`. Lines of one process are in
 * order; a child counts as its parent's program until it executes another.
 */
export function readTrace(log: string): Trace {
  const trace: Trace = { opened: [], called: [], programs: new Map() };
  const programs = new Map<string, string>();
  const unfinished = new Map<string, string>();
  for (const line of log.split('\n')) {
    const [, pid = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const begun = /^(.*) <unfinished \.\.\.>$/.exec(rest)?.[1];
    if (begun !== undefined) {
      unfinished.set(pid, begun);
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1];
    const call = resumed === undefined ? rest : (unfinished.get(pid) ?? '') + resumed;
    readCall(trace, programs, pid, call);
  }
  return trace;
}

function readCall(trace: Trace, programs: Map<string, string>, pid: string, call: string): void {
  const program = programs.get(pid) ?? '?';
  const executed = /^execve\("([^"]+)".*\) = 0$/.exec(call)?.[1];
  if (executed !== undefined) {
    programs.set(pid, executed);
    trace.programs.set(executed, (trace.programs.get(executed) ?? 0) + 1);
  }
  const child = /^(?:clone|clone3|fork|vfork)\(.* = (\d+)/.exec(call)?.[1];
  if (child !== undefined && !programs.has(child)) programs.set(child, program);
  const path = /^(?:open|openat|openat2)\((?:AT_FDCWD, |\d+, )?"([^"]*)".*\) = \d+/.exec(call)?.[1];
  if (path !== undefined) trace.opened.push({ program, path });
  const address = /^connect\(\d+, (\{.*?\}), \d+\)/.exec(call)?.[1];
  if (address !== undefined) trace.called.push({ program, address });
}
