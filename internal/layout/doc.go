// Package layout lays papers out in two dimensions, so that those whose vectors are
// near are near each other: the map of a collection.
//
// # Duty
//
// From the codes of n vectors it finds each one's nearest neighbours, puts the papers
// into clusters, lays them out after UMAP (McInnes, Healy and Melville, 2018,
// arXiv:1802.03426), and names the clusters by words that tell them apart. It finds
// places for papers that come later without moving the others, measures how good a
// layout is, and has the map's own bytes (docs/format/map.md).
//
// # Guarantees
//
//   - The same codes in the same order give the same map, bit for bit, with any
//     number of workers and on every kind of CPU: products of vectors are of integers,
//     sums of floats have one order and are never fused with their products, and
//     powers and exponentials are made of square roots, which are exact everywhere.
//   - Work ends soon after its context does, with the context's error.
//   - What Decode reads, however damaged, is a map or an error.
//
// # Concurrency
//
// Functions are safe to call from several goroutines on values that nobody changes
// meanwhile. Those that take Work run as many goroutines as it says, and join them.
//
// # Caveats
//
// Memory is 4 bytes a dimension of codes and some 500 bytes a paper while a map is
// made. Distances on the map mean little beyond a cluster: near is akin, far is not a
// measure.
package layout
