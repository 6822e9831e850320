package layout

import "math"

// Powers are made of products and square roots, which every CPU rounds alike; those of
// package math differ in their last bits between kinds of CPU.

// rootBits is to how many binary digits an exponent's fraction counts.
const rootBits = 32

// powers gives powers of one base.
type powers struct {
	base  float64
	roots [rootBits]float64 // base to the power of 1/2, 1/4, 1/8 …
}

// powersOf prepares a base, positive and finite.
func powersOf(base float64) *powers {
	p := &powers{base: base}
	for i := range p.roots {
		base = math.Sqrt(base)
		p.roots[i] = base
	}
	return p
}

// of gives base to the power of x, which is not negative and below 1,000.
func (p *powers) of(x float64) float64 {
	whole := math.Floor(x)
	result, square := 1.0, p.base
	for n := int(whole); n > 0; n >>= 1 {
		if n&1 == 1 {
			result *= square
		}
		square *= square
	}
	bits := uint64((x - whole) * (1 << rootBits))
	for i := range p.roots {
		if bits>>(rootBits-1-i)&1 == 1 {
			result *= p.roots[i]
		}
	}
	return float64(result) // not to be fused with what the caller adds
}

// decay gives exp(-x) for x that is not negative.
type decay struct{ powers *powers }

func newDecay() decay { return decay{powers: powersOf(0.36787944117144233)} } // 1/e

func (d decay) of(x float64) float64 {
	if x >= 60 { // less than the least weight that counts
		return 0
	}
	return d.powers.of(x)
}

// powerTable gives powers of float32 with one exponent, by the upper bits of the
// number: within 0.4 %, which a step of the layout does not feel.
type powerTable [1 << 16]float32

func newPowerTable(exponent float64) *powerTable {
	t := new(powerTable)
	for i := range t {
		x := float64(math.Float32frombits(uint32(i)<<15 | 1<<14))
		if i>>1 < 1<<15 && x > 0 && !math.IsInf(x, 0) && !math.IsNaN(x) {
			t[i] = float32(powersOf(x).of(exponent))
		}
	}
	return t
}

// at gives the power of x, which is positive.
func (t *powerTable) at(x float32) float32 { return t[math.Float32bits(x)>>15] }
