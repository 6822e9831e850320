package ingest

import (
	"cmp"
	"strings"

	"akin/internal/paper"
)

// looksLikeDailyPapers says that this is an array whose objects hold a paper.
func looksLikeDailyPapers(h head) bool {
	keys, inArray := firstObject(h.text)
	return inArray && holds(keys, "paper")
}

func newDailyPapers(in input) rows {
	return &objects{file: in.name, from: newElements(in), decode: decodeDailyPaper}
}

// dailyPaper is one element of the page of a day.
type dailyPaper struct {
	Paper struct {
		ID        string `json:"id"`
		Title     string `json:"title"`
		Summary   string `json:"summary"`
		Published string `json:"publishedAt"`
		Listed    string `json:"submittedOnDailyAt"`
		Authors   []struct {
			Name string `json:"name"`
		} `json:"authors"`
		Upvotes     *float64 `json:"upvotes"`
		GithubStars *float64 `json:"githubStars"`
		GithubRepo  string   `json:"githubRepo"`
		ProjectPage string   `json:"projectPage"`
		Keywords    []string `json:"ai_keywords"`
	} `json:"paper"`
	Title       string   `json:"title"`
	Published   string   `json:"publishedAt"`
	NumComments *float64 `json:"numComments"`
}

func decodeDailyPaper(object []byte) (Row, error) {
	var d dailyPaper
	if err := decodeSchema(object, &d); err != nil {
		return Row{}, err
	}
	p := paper.Paper{
		ID: collapse(d.Paper.ID), Title: collapse(cmp.Or(d.Paper.Title, d.Title)), Abstract: collapse(d.Paper.Summary),
	}
	if id, _, ok := parseArxivID(d.Paper.ID); ok {
		p.ArxivID = id
		identify(&p)
	}
	for _, a := range d.Paper.Authors {
		p.Authors = append(p.Authors, named(a.Name)...)
	}
	var err error
	if p.PublishDate, err = schemaDate("publishedAt", cmp.Or(d.Paper.Published, d.Published)); err != nil {
		return Row{}, err
	}
	listed, err := schemaDate("submittedOnDailyAt", d.Paper.Listed)
	if err != nil {
		return Row{}, err
	}
	if !listed.IsZero() {
		p.ListedDates = []paper.Date{listed}
	}
	signal(&p, "upvotes", d.Paper.Upvotes)
	signal(&p, "comments", d.NumComments)
	signal(&p, "github_stars", d.Paper.GithubStars)
	link(&p, d.Paper.GithubRepo, d.Paper.ProjectPage)
	note(&p, "keywords", strings.Join(d.Paper.Keywords, "; "))
	return completed(p)
}
