// What went wrong in words for the person at the terminal: no stack, exit code 1.
export class UserError extends Error {
  override readonly name = 'UserError';
}
