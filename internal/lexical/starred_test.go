package lexical

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Signs are part of names in queries too: a star behind capitals is one where papers
// have it, and leaves the word open where none has.
func TestStarredQueries(t *testing.T) {
	x := fill(t, nil, Options{})
	for i, title := range []string{
		"RRT* finds optimal paths", "RRT finds paths", "RRTConnect is bidirectional", "GANs draw faces", "GAN losses",
		"A* search in C++", "A C program", "C# and F# programs", "PointNet++ for clouds", "PointNet for clouds",
	} {
		if err := x.Upsert(uint32(i), title, "", nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct{ query, want string }{
		{"RRT*", "0 1"}, // RRT alone is the other form
		{"RRT* -optimal", "1"},
		{`"RRT*"`, "0"},
		{"paths -RRT*", "1"},
		{"paths -RRT", ""},
		{"rrt*", "0 1 2"},
		{"RRTC*", "2"},
		{"GAN*", "3 4"},
		{"losses faces -GAN*", ""},
		{`"A*"`, "5"},
		{`"C++"`, "5"},
		{`program "C"`, "6"},
		{`programs -"C#"`, "6"},
		{`"pointnet++"`, "8"},
		{`clouds -"PointNet++"`, "9"},
	} {
		found := search(t, x, tc.query)
		slices.Sort(found)
		if got := strings.Trim(fmt.Sprint(found), "[]"); got != tc.want {
			t.Errorf("%s finds %q, want %q", tc.query, got, tc.want)
		}
	}
	if some, _ := Operators("Karaman RRT* planning"); some {
		t.Error("the star of RRT* is an operator")
	}
	if asked, excluded := Split("Karaman RRT* -maps"); asked != "Karaman RRT*" || excluded != "-maps" {
		t.Errorf("asked is %q, excluded %q", asked, excluded)
	}
	if found := search(t, x, "RRT* paths"); len(found) == 0 || found[0] != 0 {
		t.Errorf("RRT* paths finds %v", found)
	}
}
