/**
 * The one place where functions of the C library are bound through koffi.
 *
 * Call forms (measured): pointers are declared int64_t and passed as numbers from addressOf(), which costs
 * half of what a Buffer argument does; errno is read through a typed array, per thread, in the very next
 * expression after the call.
 */

import koffi from 'koffi';

const libc = koffi.load('libc.so.6');

type CType = 'int' | 'uint32_t' | 'int64_t' | 'uint64_t' | 'size_t';

/** Binds `name`. Pointers and lengths are int64_t; strings go through cString(). */
export function bind<Arguments extends readonly number[]>(
  result: CType,
  name: string,
  parameters: { readonly [Index in keyof Arguments]: CType },
): (...args: Arguments) => number {
  return libc.func(name, result, [...parameters]);
}

const errnoLocation = libc.func('__errno_location', 'void *', []);
const errnoView = new Int32Array(koffi.view(errnoLocation(), 4));

/** errno of the last call on this thread. Read it before any other call. */
export function errno(): number {
  return errnoView[0] ?? 0;
}

// With their addresses, which stay. A Buffer whose only user is the kernel would be collected otherwise:
// addressOf() does not pin it.
const pinned = new Map<ArrayBufferView, number>();

/**
 * Memory that stays where it is for the life of the process, or until unpin(), for buffers the kernel fills again and
 * again.
 */
export function pinnedBuffer(bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  pinned.set(buffer, Number(koffi.address(buffer)));
  return buffer;
}

/** Whoever pinned them needs them no longer: nothing is called with their addresses any more. */
export function unpin(...buffers: readonly Buffer[]): void {
  for (const buffer of buffers) pinned.delete(buffer);
}

/** Address of a view's first byte; valid as long as the caller keeps the view referenced. */
export function addressOf(view: ArrayBufferView): number {
  return pinned.get(view) ?? Number(koffi.address(view));
}

/** A zero-terminated string; keep the Buffer referenced until the call that reads it is over. */
export function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'utf8');
}

/** A view on memory that C owns (mmap). */
export function viewOf(address: number, bytes: number): ArrayBuffer {
  return koffi.view(BigInt(address), bytes);
}

const mallocTrim = bind<[number]>('int', 'malloc_trim', ['size_t']);

/** Gives back to the system what was freed of the C library's own heap, in all arenas: about a millisecond. */
export function trimHeap(): void {
  mallocTrim(0);
}
