package dedup

import (
	"math"
	"math/bits"

	"akin/internal/splitmix"
)

const (
	// slots is how many samples a signature has, a byte each.
	slots = 64
	// bands are the pairs of slots by which similar texts meet.
	bands = slots / 2
)

// signature is a MinHash of the pairs of neighbouring words of a text: two
// signatures agree in about as many slots as the two sets of pairs overlap. The
// slots come from one permutation (Li, Owen and Zhang, One permutation hashing,
// 2012); an empty one is filled with a random other (Shrivastava, Optimal
// densification for fast and accurate minwise hashing, 2017).
type signature [slots / 8]uint64

// ofText sets what comes from title and abstract together.
func (k *Key) ofText(title, abstract string) {
	var least [slots]uint64
	for i := range least {
		least[i] = math.MaxUint64
	}
	words, before := 0, uint64(0)
	add := func(x uint64) {
		x = splitmix.Mix(x)
		const shift = 64 - 6 // slots is 2^6
		least[x>>shift] = min(least[x>>shift], x)
	}
	for _, text := range []string{title, abstract} {
		eachHash(text, func(x uint64) {
			if words++; words > 1 {
				add(before*31 + x)
			}
			before = x
		})
	}
	if words == 0 {
		return
	}
	if words == 1 {
		add(before)
	}
	k.textWords = uint16(min(words, math.MaxUint16))
	for i := range least {
		x := least[i]
		for try := uint64(1); x == math.MaxUint64; try++ {
			x = least[splitmix.Mix(uint64(i)<<32|try)%slots]
		}
		k.text[i/8] |= (x & 0xff) << (i % 8 * 8)
	}
}

// agree is how many slots of two signatures are equal.
func (s *signature) agree(o *signature) int {
	const low = 0x7f7f7f7f7f7f7f7f
	equal := 0
	for i, x := range s {
		x ^= o[i]
		equal += bits.OnesCount64(^((x&low + low) | x | low)) // one bit for each byte that is 0
	}
	return equal
}

// band gives the two slots of a band.
func (s *signature) band(b int) uint16 { return uint16(s[b/4] >> (b % 4 * 16)) }

// resemblance estimates the Jaccard similarity of the sets that two signatures
// are of, from how many slots agree. Bytes are equal by chance in one of 256.
func resemblance(agree int) float64 {
	const chance = 1.0 / 256
	return max(0, (float64(agree)/slots-chance)/(1-chance))
}
