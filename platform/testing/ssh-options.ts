// Options with which tests log in to guests by ssh: no prompt, and any host key is accepted.
export const sshOptions: readonly string[] = [
  'StrictHostKeyChecking=no',
  'UserKnownHostsFile=/dev/null',
  'LogLevel=ERROR',
  'BatchMode=yes',
].flatMap((option) => ['-o', option]);
