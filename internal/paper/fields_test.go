package paper

import "testing"

func TestChangedFields(t *testing.T) {
	old := Paper{
		ID: "a", Title: "t", Abstract: "a", Authors: []Author{{Name: "x"}}, Categories: []string{"c"}, Venue: "v", PublishDate: Date{Year: 2020},
		ListedDates: []Date{{Year: 2021}}, DOI: "d", ArxivID: "i", URLs: []string{"u"}, Language: "en",
		Signals: map[string]float64{"s": 1}, Metadata: map[string]string{"m": "n"},
	}
	if got := ChangedFields(nil, &old); got != AllFields {
		t.Errorf("a new paper changes %b", got)
	}
	if got := ChangedFields(&old, &old); got != FieldUpdateTime {
		t.Errorf("the same paper changes %b", got)
	}
	seen := Fields(0)
	for i, change := range []func(*Paper){
		func(p *Paper) { p.Title = "" }, func(p *Paper) { p.Abstract = "b" }, func(p *Paper) { p.Authors[0].ORCID = "o" },
		func(p *Paper) { p.Categories = nil }, func(p *Paper) { p.Venue = "w" }, func(p *Paper) { p.PublishDate.Month = 1 },
		func(p *Paper) { p.ListedDates = nil }, func(p *Paper) { p.DOI = "" }, func(p *Paper) { p.ArxivID = "" },
		func(p *Paper) { p.URLs[0] = "" }, func(p *Paper) { p.Language = "" }, func(p *Paper) { p.Signals["s"] = 2 },
		func(p *Paper) { p.Metadata["m"] = "" },
	} {
		changed := old.Clone()
		change(&changed)
		got := ChangedFields(&old, &changed)
		if one := got &^ FieldUpdateTime; one == 0 || one&(one-1) != 0 {
			t.Errorf("change %d changes %b", i, got)
		}
		seen |= got
	}
	if seen != AllFields&^FieldCreation {
		t.Errorf("all changes together change %b", seen)
	}
}
