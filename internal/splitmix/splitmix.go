// Package splitmix spreads numbers over 64 bits: neighbouring numbers get others that
// have nothing in common, and the same number the same one, on every machine.
//
// # Duty
//
// It is SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number
// generators, 2014), wherever akin draws by lot and must draw the same again: the
// layers of a graph's nodes, the samples of a collection, the slots of a signature.
// What it gives is in files and goldens, so it never changes.
//
// # Concurrency
//
// All functions are pure.
//
// # Caveats
//
// It is no secret: who sees a number can compute the one that it came from.
package splitmix

// gamma is what the generator's state advances by: 2⁶⁴ divided by the golden ratio,
// made odd.
const gamma = 0x9e3779b97f4a7c15

// Mix is the finaliser: it gives each number another one, and no two the same.
func Mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// At gives the nth number, counted from 0, of the sequence that a seed begins.
func At(seed, n uint64) uint64 { return Mix(seed + (n+1)*gamma) }
