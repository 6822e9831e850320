package splitmix_test

import (
	"testing"

	"akin/internal/splitmix"
)

// The numbers are in files and goldens: they may never change. Those of the seed
// 1234567 are what the published generator gives.
func TestNumbersStay(t *testing.T) {
	for n, want := range []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821} {
		if got := splitmix.At(1234567, uint64(n)); got != want {
			t.Errorf("number %d of the sequence is %d, want %d", n, got, want)
		}
	}
	if got := splitmix.Mix(0); got != 0 {
		t.Errorf("Mix(0) is %d; hashes rely on 0", got)
	}
}
