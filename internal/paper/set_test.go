package paper_test

import (
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/paper"
)

// What filters make is what the indexes ask for.
func TestBitmapsAreSets(t *testing.T) {
	var set paper.CountedSet = roaring.BitmapOf(7, 3, 7)
	if !set.Contains(3) || set.Contains(4) || set.GetCardinality() != 2 {
		t.Errorf("the set of 3 and 7 has %d ordinals; 3: %v, 4: %v", set.GetCardinality(), set.Contains(3), set.Contains(4))
	}
	var all []uint32
	set.Iterate(func(o uint32) bool { all = append(all, o); return false })
	if len(all) != 1 || all[0] != 3 {
		t.Errorf("a walk that ends at the first went to %v", all)
	}
}
