package engine

import (
	"context"
	"io"
	"slices"
	"testing"
)

// Groups of ready items end where they have become many, or long: one group must fit
// into one commit whatever its papers are.
func TestGroupsAreBounded(t *testing.T) {
	for name, tc := range map[string]struct {
		items []int // bytes of each
		want  []int // items of each group
	}{
		"many":  {make([]int, 2*groupMost+5), []int{groupMost, groupMost, 5}},
		"long":  {slices.Repeat([]int{groupBytes/100 + 1}, 250), []int{100, 100, 50}},
		"huge":  {slices.Repeat([]int{groupBytes}, groupSize+1), []int{groupSize, 1}},
		"empty": {nil, nil},
	} {
		at, got := 0, []int(nil)
		err := pipeline[int, int]{
			next: func(context.Context) (int, error) {
				if at == len(tc.items) {
					return 0, io.EOF
				}
				at++
				return tc.items[at-1], nil
			},
			ready: func(*int) bool { return true },
			size:  func(n *int) int { return *n },
			work:  func(_ context.Context, items []int) (int, error) { return len(items), nil },
			land: func(_ context.Context, _ []int, n int) error {
				got = append(got, n)
				return nil
			},
		}.run(t.Context())
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%s: groups of %v, want %v (%v)", name, got, tc.want, err)
		}
	}
}
