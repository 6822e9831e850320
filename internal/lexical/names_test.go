package lexical

import "testing"

func TestNames(t *testing.T) {
	x, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if err := x.Upsert(0, "networks of a network", "", nil); err != nil {
		t.Fatal(err)
	}
	v, err := x.Vector(0)
	if err != nil || len(v) != 1 {
		t.Fatalf("%v, %v", v, err)
	}
	if got := x.Names([]uint32{v[0].ID, 99}); got[0] != "network" || got[1] != "" {
		t.Errorf("names %q", got)
	}
}
