package filter

import "testing"

// One edit is a letter more, less or another, or two that change places.
func TestOneEdit(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"holgate", "hsolgate", true},
		{"hsolgate", "holgate", true},
		{"urasun", "urtasun", true},
		{"urtasun", "urtasum", true},
		{"urtaun", "urtasun", true},
		{"urtsaun", "urtasun", true},
		{"urtasun", "urtasun", false},
		{"urtasun", "urtasunxx", false},
		{"urtsaux", "urtasun", false},
		{"vrtasun", "urtasun", false}, // people rarely mistype a first letter
		{"", "a", false},
		{"a", "ab", true},
		{"ab", "ba", false},
	} {
		if got := oneEdit(test.a, test.b); got != test.want {
			t.Errorf("%q and %q: %v", test.a, test.b, got)
		}
	}
}

// Names that run together, or stand apart, are one; parts of them are not.
func TestRunTogether(t *testing.T) {
	words := func(w ...string) []string { return w }
	for _, test := range []struct {
		asked, name []string
		want        bool
	}{
		{words("zimwol", "qorat"), words("zim", "wol", "qorat"), true},
		{words("zim", "wol", "qorat"), words("zimwol", "qorat"), true},
		{words("qorat", "zim", "wol"), words("zimwol", "qorat"), true},
		{words("fen", "fen", "qobb"), words("qobb", "fen", "fen"), true},
		{words("zimwol", "qorat"), words("zim", "qorat"), false},
		{words("zi", "qorat"), words("z", "i", "qorat"), false},
		{words("qorat"), words("qorat"), false},
	} {
		if got := runTogether(test.asked, test.name); got != test.want {
			t.Errorf("%v and %v: %v", test.asked, test.name, got)
		}
	}
}
