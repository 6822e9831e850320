package cli

import (
	"fmt"

	akinv1 "akin/proto/akin/v1"
)

type noveltyCommand struct {
	ID []string `arg:"" optional:"" help:"Ids of papers in the collection."`
	textFlags
	AsOf string `help:"Nothing that appeared after this day counts." placeholder:"YYYY-MM-DD"`
	target
	JSON bool `name:"json" help:"Print the response as JSON."`
}

// Help shows examples.
func (noveltyCommand) Help() string {
	return `Examples:
  akin novelty arXiv:1706.03762
  akin novelty --title "A title" --abstract @abstract.txt --as-of 2019-12-31`
}

// Run says how far papers are from what came before them.
func (c noveltyCommand) Run(e *environment) error {
	text, err := c.text()
	if err != nil {
		return err
	}
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	resp, err := cl.Search.GetNovelty(e.ctx, &akinv1.GetNoveltyRequest{PaperIds: c.ID, Text: text, AsOf: c.AsOf})
	if err != nil {
		return err
	}
	return e.show(c.JSON, resp, func() {
		for _, n := range resp.GetNovelties() {
			e.novelty(n)
		}
		e.lacking(resp.GetLacking())
		fmt.Fprintf(e.errOut, "Percentiles are among %d papers of the collection.\n", resp.GetReferenceCount())
	})
}

// novelty prints how far a paper is from what came before it.
func (e *environment) novelty(n *akinv1.Novelty) {
	name := "the text"
	if n.GetPaperId() != "" {
		name = oneLine(n.GetPaperId())
	}
	switch {
	case n.Distance == nil:
		fmt.Fprintf(e.out, "%s: %s\n", name, noveltySentence(n))
		return
	case n.Percentile == nil:
		fmt.Fprintf(e.out, "%s: distance %.4f from what appeared by %s; %s\n", name, n.GetDistance(), n.GetComparedUntil(), noveltySentence(n))
	default:
		fmt.Fprintf(e.out, "%s: more novel than %.0f%%, distance %.4f from what appeared by %s\n", name, n.GetPercentile(), n.GetDistance(), n.GetComparedUntil())
		if s := noveltySentence(n); s != "" {
			fmt.Fprintf(e.out, "  uncertain: %s\n", s)
		}
	}
	for _, p := range n.GetNearest() {
		e.wrapped("  ", p.GetTitle())
		e.wrapped("    ", fmt.Sprintf("cosine %.4f · %s · %d", p.GetSimilarity(), p.GetPaperId(), p.GetPublishDate().GetYear()))
	}
}

func noveltySentence(n *akinv1.Novelty) string {
	switch n.GetReason() {
	case akinv1.NoveltyReason_NOVELTY_REASON_NO_DATE:
		return "the paper has no date, so nothing is known to have come before it."
	case akinv1.NoveltyReason_NOVELTY_REASON_NO_EARLIER:
		return "no paper of the collection is earlier."
	case akinv1.NoveltyReason_NOVELTY_REASON_FEW_EARLIER:
		return fmt.Sprintf("the collection has fewer than 5 earlier papers (%d).", n.GetEarlierCount())
	case akinv1.NoveltyReason_NOVELTY_REASON_NO_REFERENCE:
		return "too few papers have earlier ones to compare with."
	case akinv1.NoveltyReason_NOVELTY_REASON_NO_PAPER:
		return "the record is no paper by its title, but front matter, an editorial, a correction or a volume."
	default:
		return ""
	}
}
