// Package vec holds the arithmetic on float32 vectors that everything else
// stands on: dot products, lengths, normalisation and checks for numbers that
// are not finite.
//
// # Duty
//
// One place decides which kernel multiplies vectors on this CPU, and promises
// what callers may build on:
//
//   - The same two vectors give the same bits on the same kind of CPU,
//     whatever the alignment of the slices, the goroutine or the time.
//   - Dot(a, b) and Dot(b, a) are the same bits.
//   - [DotRows] gives the bits that [Dot] gives, row by row.
//
// Between kinds of CPU the order of additions differs, and so may the last
// bits; [Kernel] names the one in use, to be logged and shown.
//
// # Concurrency
//
// Every function is safe to call from several goroutines on vectors that
// nobody writes to meanwhile. The package has no state that changes.
//
// # Caveats
//
// Lengths that differ are a mistake in the calling program and panic, like an
// index out of range; vectors that come from outside must be measured before
// they get here. Sums of dot products are kept in float32: for unit vectors of
// some hundred dimensions the error is about 1e-7, so a cosine may come out a
// few units in the last place above 1.
package vec
