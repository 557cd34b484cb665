// How tests log in to guests by ssh: without a question, whatever the guest's host key is.
export const sshOptions: readonly string[] = [
  'StrictHostKeyChecking=no',
  'UserKnownHostsFile=/dev/null',
  'LogLevel=ERROR',
  'BatchMode=yes',
].flatMap((option) => ['-o', option]);
