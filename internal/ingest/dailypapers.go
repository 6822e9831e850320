package ingest

import (
	"cmp"

	"akin/internal/paper"
)

// looksLikeDailyPapers says that these are objects that hold a paper.
func looksLikeDailyPapers(h head) bool { return holds(h.json.keys, "paper") }

func newDailyPapers(in input) rows {
	return newObjects(in, decodeDailyPaper)
}

// dailyPaper is one element of the page of a day.
type dailyPaper struct {
	Paper struct {
		ID          flexText    `json:"id"`
		Title       flexText    `json:"title"`
		Summary     flexText    `json:"summary"`
		Published   flexDate    `json:"publishedAt"`
		Listed      flexDate    `json:"submittedOnDailyAt"`
		Authors     flexAuthors `json:"authors"`
		Upvotes     flexNumber  `json:"upvotes"`
		GithubStars flexNumber  `json:"githubStars"`
		GithubRepo  flexText    `json:"githubRepo"`
		ProjectPage flexText    `json:"projectPage"`
		Keywords    flexTexts   `json:"ai_keywords"`
	} `json:"paper"`
	Title       flexText   `json:"title"`
	Summary     flexText   `json:"summary"`
	Published   flexDate   `json:"publishedAt"`
	NumComments flexNumber `json:"numComments"`
}

func decodeDailyPaper(object []byte) (Row, error) {
	var u unread
	d, err := decodeSchema[dailyPaper](object, &u)
	if err != nil {
		return Row{}, err
	}
	p := paper.Paper{
		ID: collapse(string(d.Paper.ID)), Title: collapse(string(cmp.Or(d.Paper.Title, d.Title))), Abstract: collapse(string(cmp.Or(d.Paper.Summary, d.Summary))),
		Authors: d.Paper.Authors,
	}
	if id, _, ok := parseArxivID(p.ID); ok {
		p.ArxivID = id
		identify(&p)
	}
	if p.PublishDate = d.Paper.Published.take(&p, &u, "publishedAt"); p.PublishDate.IsZero() {
		p.PublishDate = d.Published.take(&p, &u, "publishedAt")
	}
	if listed := d.Paper.Listed.take(&p, &u, "submittedOnDailyAt"); !listed.IsZero() {
		p.ListedDates = []paper.Date{listed}
	}
	signal(&p, &u, "upvotes", d.Paper.Upvotes)
	signal(&p, &u, "comments", d.NumComments)
	signal(&p, &u, "github_stars", d.Paper.GithubStars)
	link(&p, string(d.Paper.GithubRepo), string(d.Paper.ProjectPage))
	note(&p, "keywords", d.Paper.Keywords.joined("; "))
	return completed(p, u...)
}
