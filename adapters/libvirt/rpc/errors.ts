// The ways in which a libvirt call fails. All are expected when talking to a daemon; the driver
// turns them into Faults.

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

/** No answer within the call's deadline. Whether libvirt executed it is unknown: read the state. */
export class LibvirtTimeout extends Error {
  override readonly name = 'LibvirtTimeout';
}

/** No connection, or it broke during the call. Whether libvirt executed it is unknown. */
export class LibvirtDisconnected extends Error {
  override readonly name = 'LibvirtDisconnected';
}
