// Cuts a byte stream into JSON objects that follow each other without a delimiter, as RFC 7047,
// section 4, specifies.

const quote = 0x22;
const backslash = 0x5c;
const open = 0x7b; // {; also [ with the bit of bracketToBrace set
const close = 0x7d; // }; also ] with the bit of bracketToBrace set
const bracketToBrace = 0x20;
const blank = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * Cuts a byte stream into JSON messages. Scans each byte once, however the socket cuts the
 * messages, and parses a message only when it is complete. Holds at most one unfinished message.
 */
export class JsonSplitter {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #buffered = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes the bytes of a socket and returns the messages that they complete. Throws on anything but
   * a JSON object, and on one over the limit.
   */
  push(chunk: Buffer): unknown[] {
    const messages: unknown[] = [];
    let start = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] as number; // at < length
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === backslash) this.#escaped = true;
        else if (byte === quote) this.#inString = false;
      } else if (this.#depth === 0) {
        if (blank.has(byte)) start = at + 1;
        else if (byte === open) this.#depth = 1;
        else throw new Error(`byte 0x${byte.toString(16)} between two messages`);
      } else if (byte === quote) {
        this.#inString = true;
      } else if ((byte | bracketToBrace) === open) {
        this.#depth += 1;
      } else if ((byte | bracketToBrace) === close) {
        this.#depth -= 1;
        if (this.#depth === 0) {
          this.#keep(chunk.subarray(start, at + 1));
          messages.push(this.#take());
          start = at + 1;
        }
      }
    }
    if (this.#depth > 0) this.#keep(chunk.subarray(start));
    return messages;
  }

  #keep(bytes: Buffer): void {
    this.#buffered += bytes.length;
    if (this.#buffered > this.#maxBytes)
      throw new Error(`a message of more than ${this.#maxBytes} bytes`);
    this.#chunks.push(bytes);
  }

  #take(): unknown {
    // Joined before decoding, since a chunk may end within a character.
    const text = Buffer.concat(this.#chunks, this.#buffered).toString();
    this.#chunks = [];
    this.#buffered = 0;
    return JSON.parse(text);
  }
}
