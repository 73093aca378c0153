import { closeSync, openSync, writeSync } from 'node:fs';

const PIECE = 1024 * 1024;

/** A new file that is written front to back, in pieces of 1 MiB. */
export class OutFile implements Disposable {
  readonly #fd: number;
  readonly #piece = Buffer.allocUnsafe(PIECE);
  #held = 0;
  #written = 0;

  constructor(path: string) {
    this.#fd = openSync(path, 'w', 0o644);
  }

  /** With what is still in memory. */
  get length(): number {
    return this.#written + this.#held;
  }

  append(bytes: Uint8Array): void {
    if (this.#held + bytes.length > PIECE) this.flush();
    if (bytes.length > PIECE) {
      this.#write(bytes, this.#written);
      this.#written += bytes.length;
    } else {
      this.#piece.set(bytes, this.#held);
      this.#held += bytes.length;
    }
  }

  flush(): void {
    this.#write(this.#piece.subarray(0, this.#held), this.#written);
    this.#written += this.#held;
    this.#held = 0;
  }

  /** Over what is written there already. */
  overwrite(bytes: Uint8Array, position: number): void {
    this.#write(bytes, position);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #write(bytes: Uint8Array, position: number): void {
    for (let done = 0; done < bytes.length; )
      done += writeSync(this.#fd, bytes, done, bytes.length - done, position + done);
  }
}
