package filter

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestDecimal(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"9007199254740993", "9007199254740992", 1},
		{"-9007199254740993", "-9007199254740992", -1},
		{"1", "1.000", 0},
		{"1e2", "100", 0},
		{"0.1", ".10", 0},
		{"-0", "0", 0},
		{"0e999999999999999999999", "0", 0},
		{"1e-999999999999999999999", "0", 1},
		{"1e-999999999999999999999", "1e-300", -1},
		{"+5", "5", 0},
		{"-1", "1", -1},
		{"123456789012345678901234567890", "123456789012345678901234567891", -1},
		{"0.001", "0.01", -1},
	} {
		if got := newDecimal(tc.a).compare(newDecimal(tc.b)); got != tc.want {
			t.Errorf("%s and %s: %d, want %d", tc.a, tc.b, got, tc.want)
		}
		if got := newDecimal(tc.b).compare(newDecimal(tc.a)); got != -tc.want {
			t.Errorf("%s and %s: %d, want %d", tc.b, tc.a, got, -tc.want)
		}
	}
}

func TestDecimalEqualsRationals(t *testing.T) {
	number := rapid.StringMatching(`[+-]?(0|[0-9]{0,25}\.?[0-9]{1,5})(e[+-]?[0-9]{1,2})?`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := number.Draw(t, "a"), number.Draw(t, "b")
		x, okX := new(big.Rat).SetString(a)
		y, okY := new(big.Rat).SetString(b)
		if !okX || !okY {
			t.Skip()
		}
		if got, want := newDecimal(a).compare(newDecimal(b)), x.Cmp(y); got != want {
			t.Fatalf("%s and %s: %d, want %d", a, b, got, want)
		}
	})
}
