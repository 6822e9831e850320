package paper

import (
	"strings"
	"testing"
)

func TestKind(t *testing.T) {
	long := strings.Repeat("Words of an abstract. ", 40)
	for _, tc := range []struct {
		title, abstract string
		want            RecordKind
	}{
		{"Workshop and tutorials", "", FrontMatter},
		{"Workshops & Tutorials", "A list.", FrontMatter},
		{"[Front Matter]", "", FrontMatter},
		{"PREFACE", long, FrontMatter},
		{"Preface to the Second Edition", "", FrontMatter},
		{"Author Index", "", FrontMatter},
		{"Table of Contents.", "", FrontMatter},
		{"Message from the General Chairs", "", FrontMatter},
		{"IEEE Transactions on Robotics publication information", "", FrontMatter},
		{"Editorial", "", Editorial},
		{"Editorial: Robots in the wild", long, Editorial},
		{"Guest Editors’ Introduction", "", Editorial},
		{"Introduction to the Special Issue on Soft Robots", long, Editorial},
		{"Book Review: Pattern Recognition", "", Editorial},
		{"Erratum to “A fast method”", "", Correction},
		{"Erratum", "", Correction},
		{"Author Correction: A fast method", "", Correction},
		{"Correction to: A fast method", "", Correction},
		{"Correction to a fast method", "In the paper, figure 3 was wrong.", Correction},
		{"Retraction Note: A fast method", "", Correction},
		{"Proceedings of the 12th Workshop on Graphs", long, Volume},
		{"The Proceedings of ROBO 2019: Annual Conference on Robots", "", Volume},
		{"Advances in Neural Information Processing Systems 30: Annual Conference", "", Volume},

		{"", "", IsPaper},
		{"Correction to scaling in percolation", long, IsPaper},
		{"Corrections to scaling in percolation", long, IsPaper},
		{"Error correction: a survey", "", IsPaper},
		{"Correcting errors", "", IsPaper},
		{"News editorials: Towards summarizing", "", IsPaper},
		{"Index coding with side information", "", IsPaper},
		{"Contents of tables", "", IsPaper},
		{"A preface to graph theory", "", IsPaper},
		{"Welcome to the dark side: frauds", long, IsPaper},
		{"Tutorials for robots", "", IsPaper},
		{"Gender in court proceedings", "", IsPaper},
		{"Retraction methods on manifolds", "", IsPaper},
		{"Keynote attention", "", IsPaper},
		{"Erratum free codes", long, IsPaper},
		{"Cover trees", "", IsPaper},
		{"序言", "", IsPaper},
		{"\xff:", "", IsPaper},
		{":::", "", IsPaper},
	} {
		p := Paper{Title: tc.title, Abstract: tc.abstract}
		if got := p.Kind(); got != tc.want {
			t.Errorf("%q is %d, want %d", tc.title, got, tc.want)
		}
	}
}

func FuzzKind(f *testing.F) {
	for _, s := range []string{"Preface: x", "the proceedings of", ":", "\xff", "Ünïon"} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, title string) {
		p := Paper{Title: title}
		_ = p.Kind()
	})
}
