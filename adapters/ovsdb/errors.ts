// The ways a call to an OVSDB server fails. All are expected outcomes of talking to a daemon;
// drivers turn them into Faults.

/**
 * The server refused the request itself: unknown database or method, bad form, canceled. `code` is
 * its word for it.
 */
export class OvsdbError extends Error {
  override readonly name: string = 'OvsdbError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * What a transaction can fail with: RFC 7047, section 5.2 and 4.1.3. Servers add words of their
 * own, hence the rest.
 */
export type TransactionErrorCode =
  | 'duplicate uuid-name'
  | 'duplicate uuid'
  | 'constraint violation'
  | 'referential integrity violation'
  | 'domain error'
  | 'range error'
  | 'timed out'
  | 'not supported'
  | 'aborted'
  | 'not owner'
  | 'resources exhausted'
  | 'I/O error'
  | 'syntax error'
  | 'unknown column'
  | (string & {});

/**
 * Nothing of the transaction was done. `operation` is the index of the guilty operation, or
 * 'commit' where only the whole is wrong.
 */
export class OvsdbTransactionError extends OvsdbError {
  override readonly name = 'OvsdbTransactionError';
  declare readonly code: TransactionErrorCode;
  readonly operation: number | 'commit';

  constructor(code: TransactionErrorCode, operation: number | 'commit', details: string) {
    super(
      code,
      `${operation === 'commit' ? 'commit' : `operation ${operation}`}: ${code}${details ? `: ${details}` : ''}`,
    );
    this.operation = operation;
  }
}

/**
 * No answer within the call's deadline. Whether the server carried it out is unknown: read the
 * state.
 */
export class OvsdbTimeout extends Error {
  override readonly name = 'OvsdbTimeout';
}

/**
 * No connection, or it broke while the call was on its way. Whether the server carried it out is
 * unknown.
 */
export class OvsdbDisconnected extends Error {
  override readonly name = 'OvsdbDisconnected';
}
