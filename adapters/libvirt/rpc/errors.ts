// The ways a libvirt call fails. All are expected outcomes of talking to a daemon; the driver turns
// them into Faults.

/**
 * libvirt answered with an error. `code` is virErrorNumber, `domain` virErrorDomain (10 = QEMU
 * driver).
 */
export class LibvirtError extends Error {
  override readonly name = 'LibvirtError';
  readonly code: number;
  readonly domain: number;

  constructor(code: number, domain: number, message: string) {
    super(message);
    this.code = code;
    this.domain = domain;
  }
}

/**
 * No answer within the call's deadline. Whether libvirt carried it out is unknown: read the state.
 */
export class LibvirtTimeout extends Error {
  override readonly name = 'LibvirtTimeout';
}

/**
 * No connection, or it broke while the call was on its way. Whether libvirt carried it out is
 * unknown.
 */
export class LibvirtDisconnected extends Error {
  override readonly name = 'LibvirtDisconnected';
}
