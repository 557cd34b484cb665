// The ways in which a call to an OVSDB server fails. All are expected when talking to a daemon;
// drivers turn them into Faults.

/**
 * The server refused the request itself: unknown database or method, malformed, canceled. `code` is
 * the server's error.
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
 * The errors of a transaction: RFC 7047, section 5.2 and 4.1.3. Servers add errors of their own,
 * hence the open end.
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
 * A transaction failed; nothing of it was executed. `operation` is the index of the failed
 * operation, or 'commit' where the transaction failed as a whole.
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
 * No answer within the call's deadline. Whether the server executed it is unknown: read the state.
 */
export class OvsdbTimeout extends Error {
  override readonly name = 'OvsdbTimeout';
}

/** No connection, or it broke during the call. Whether the server executed it is unknown. */
export class OvsdbDisconnected extends Error {
  override readonly name = 'OvsdbDisconnected';
}
