// XDR (RFC 4506): big endian, every item padded to 4 bytes. Codecs from which the protocol tables
// of libvirt's RPC and of NFS are built.

/** Reads and writes one type. `T` is the TypeScript type of the value. */
export interface Codec<T> {
  read(from: XdrReader): T;
  write(to: XdrWriter, value: T): void;
}

/** The TypeScript type of a codec's values. */
export type ValueOf<C> = C extends Codec<infer T> ? T : never;

/** Thrown when the bytes are not what the protocol specifies. */
export class XdrError extends Error {}

/** Reads one message body from front to back. Every read checks its bounds. */
export class XdrReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  /** The next `length` bytes and their padding. The result shares memory with the message. */
  take(length: number): Buffer {
    const padded = length + padding(length);
    if (padded > this.remaining)
      throw new XdrError(`message ends ${padded - this.remaining} bytes early`);
    const start = this.#at;
    this.#at += padded;
    return this.#bytes.subarray(start, start + length);
  }
}

/** Collects the encoding of one message body in a buffer that grows by doubling. */
export class XdrWriter {
  #bytes = Buffer.allocUnsafe(256);
  #length = 0;

  /** Reserves space for `length` bytes; the padding is zeroed already. */
  reserve(length: number): Buffer {
    const padded = length + padding(length);
    if (this.#length + padded > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + padded));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    const start = this.#length;
    this.#length += padded;
    this.#bytes.fill(0, start + length, this.#length);
    return this.#bytes.subarray(start, start + length);
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}

function padding(length: number): number {
  return (4 - (length % 4)) % 4;
}

export const nothing: Codec<void> = { read: () => undefined, write: () => undefined };

export const int: Codec<number> = {
  read: (from) => from.take(4).readInt32BE(),
  write: (to, value) => void to.reserve(4).writeInt32BE(value),
};

export const uint: Codec<number> = {
  read: (from) => from.take(4).readUInt32BE(),
  write: (to, value) => void to.reserve(4).writeUInt32BE(value),
};

export const hyper: Codec<bigint> = {
  read: (from) => from.take(8).readBigInt64BE(),
  write: (to, value) => void to.reserve(8).writeBigInt64BE(value),
};

export const uhyper: Codec<bigint> = {
  read: (from) => from.take(8).readBigUInt64BE(),
  write: (to, value) => void to.reserve(8).writeBigUInt64BE(value),
};

export const double: Codec<number> = {
  read: (from) => from.take(8).readDoubleBE(),
  write: (to, value) => void to.reserve(8).writeDoubleBE(value),
};

/** A string, UTF-8 on the wire. */
export const string: Codec<string> = {
  read: (from) => from.take(uint.read(from)).toString('utf8'),
  write: (to, value) => {
    const bytes = Buffer.from(value, 'utf8');
    uint.write(to, bytes.length);
    bytes.copy(to.reserve(bytes.length));
  },
};

/** Opaque bytes of variable length. */
export const bytes: Codec<Buffer> = {
  read: (from) => Buffer.from(from.take(uint.read(from))),
  write: (to, value) => {
    uint.write(to, value.length);
    value.copy(to.reserve(value.length));
  },
};

/** A UUID: 16 raw bytes on the wire, the usual dashed lower-case text in TypeScript. */
export const uuid: Codec<string> = {
  read: (from) =>
    from
      .take(16)
      .toString('hex')
      .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
  write: (to, value) => {
    const raw = Buffer.from(value.replaceAll('-', ''), 'hex');
    if (raw.length !== 16) throw new XdrError(`not a UUID: ${value}`);
    raw.copy(to.reserve(16));
  },
};

/**
 * An array of `count` C chars, one XDR int each (libvirt's `char model[32]`), read as text up to
 * the first NUL.
 */
export function chars(count: number): Codec<string> {
  return {
    read: (from) => {
      const codes = Array.from({ length: count }, () => int.read(from) & 0xff);
      const end = codes.indexOf(0);
      return String.fromCharCode(...(end < 0 ? codes : codes.slice(0, end)));
    },
    write: (to, value) => {
      for (let i = 0; i < count; i += 1) int.write(to, i < value.length ? value.charCodeAt(i) : 0);
    },
  };
}

export function optional<T>(inner: Codec<T>): Codec<T | null> {
  return {
    read: (from) => (uint.read(from) === 0 ? null : inner.read(from)),
    write: (to, value) => {
      uint.write(to, value === null ? 0 : 1);
      if (value !== null) inner.write(to, value);
    },
  };
}

export function array<T>(item: Codec<T>): Codec<T[]> {
  return {
    read: (from) => {
      const count = uint.read(from);
      // Every item takes at least 4 bytes: a larger count means a corrupt message, for which no
      // memory must be allocated.
      if (count * 4 > from.remaining)
        throw new XdrError(`array of ${count} items in ${from.remaining} bytes`);
      return Array.from({ length: count }, () => item.read(from));
    },
    write: (to, values) => {
      uint.write(to, values.length);
      for (const value of values) item.write(to, value);
    },
  };
}

/** A struct with its fields in the order of the keys. */
export function struct<T extends object>(fields: { [K in keyof T]: Codec<T[K]> }): Codec<T> {
  // Object.entries loses the relation between keys and codecs, hence the cast.
  const entries = Object.entries(fields) as [keyof T, Codec<T[keyof T]>][];
  return {
    read: (from) => {
      const value: Partial<T> = {};
      for (const [name, codec] of entries) value[name] = codec.read(from);
      return value as T; // every field was just read
    },
    write: (to, value) => {
      for (const [name, codec] of entries) codec.write(to, value[name]);
    },
  };
}

export function encode<T>(codec: Codec<T>, value: T): Buffer {
  const writer = new XdrWriter();
  codec.write(writer, value);
  return writer.finish();
}

/**
 * Decodes a message's body. Throws XdrError if it is too short; bytes after the value are ignored.
 */
export function decode<T>(codec: Codec<T>, body: Buffer): T {
  return codec.read(new XdrReader(body));
}
