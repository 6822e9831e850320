package rank_test

import (
	"math"
	"testing"

	"akin/internal/rank"
)

// Of models whose cosines use their range, nothing changes; of others, what is between
// what is usual and 1 is taken for what it is there.
func TestUsual(t *testing.T) {
	for _, c := range []struct{ mean, room, cosine float64 }{
		{0, 1, .5}, // nothing is known
		{-.1, 1, .5},
		{.2, 1, .5},
		{.4, 1, .5},
		{.7, .5, .75},
		{.85, .25, .875},
		{1, 0, 1},
		{1.0000001, 0, 1}, // rounding
	} {
		u := rank.Usual{Mean: c.mean, Deviation: .1}
		if room, cosine := u.Room(), u.Cosine(.5); math.Abs(room-c.room) > 1e-9 || math.Abs(cosine-c.cosine) > 1e-9 {
			t.Errorf("%v: room %v, want %v; cosine %v, want %v", c.mean, room, c.room, cosine, c.cosine)
		}
	}
	for _, c := range []float64{-.3, 0, .123456789, 1} {
		if got := (rank.Usual{Mean: .3}).Cosine(c); got != c {
			t.Errorf("%v became %v", c, got)
		}
	}
}

func TestBackground(t *testing.T) {
	// Cosines 1, 0 and 0; a paper without a vector counts for nothing.
	got := rank.Background([][]float32{{1, 0}, nil, {1, 0}, {0, 1}})
	if math.Abs(got.Mean-1./3) > 1e-9 || math.Abs(got.Deviation-math.Sqrt(2)/3) > 1e-9 {
		t.Errorf("%+v", got)
	}
	if got := rank.Background(nil); got != (rank.Usual{}) || got.Room() != 1 {
		t.Errorf("of nothing: %+v", got)
	}
}
