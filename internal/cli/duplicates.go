package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	akinv1 "akin/proto/akin/v1"
)

type duplicatesCommand struct {
	target
	Filter        string   `help:"Only papers that an AIP-160 filter keeps." placeholder:"TEXT"`
	MinSimilarity *float64 `help:"Cosine that papers with similar texts must have, 0 to 1 (default: 0.95)." placeholder:"X"`
	JSON          bool     `name:"json" help:"Print the groups as JSON, one a line."`
}

// Help shows examples.
func (duplicatesCommand) Help() string {
	return `Examples:
  akin duplicates
  akin duplicates --filter 'year >= 2020' --json

Compares the papers as they are at one sequence number and prints the groups that
count as one: one arXiv id whatever the version, one DOI, one title with authors
or abstracts to match, or nearly the same text. Every paper of a group matches the
first one. Nothing is changed; akin delete erases papers.`
}

// Run lists groups.
func (c duplicatesCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	stream, err := cl.Search.FindDuplicates(e.ctx, &akinv1.FindDuplicatesRequest{Filter: c.Filter, MinSimilarity: c.MinSimilarity})
	if err != nil {
		return err
	}
	progress := e.newProgress("comparing")
	defer progress.finish()
	groups, extra, resp := 0, 0, new(akinv1.FindDuplicatesResponse)
	first := "" // of the group before
	for {
		next, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		resp = next
		for _, g := range resp.GetGroups() {
			if id := g.GetPapers()[0].GetPaperId(); id != first {
				groups, first = groups+1, id
			}
			extra += len(g.GetPapers()) - 1
			if err := e.show(c.JSON, g, func() { e.duplicates(g) }); err != nil {
				return err
			}
		}
		progress.total = int(resp.GetTotalSize())
		progress.set(int(resp.GetPapersCompared()), "")
	}
	fmt.Fprintf(e.errOut, "%s of %s at sequence %d; %d of them could go\n",
		plural(groups, "group"), plural(int(resp.GetTotalSize()), "paper"), resp.GetSequence(), extra)
	return nil
}

// duplicates prints a group.
func (e *environment) duplicates(g *akinv1.DuplicateGroup) {
	for i, p := range g.GetPapers() {
		if i == 0 {
			fmt.Fprintf(e.out, "%s\n    %s\n", oneLine(p.GetTitle()), oneLine(p.GetPaperId()))
			continue
		}
		fmt.Fprintf(e.out, "  = %s\n    %s · %s · cosine %.3f · words %.0f %%\n",
			oneLine(p.GetTitle()), oneLine(p.GetPaperId()), reasonName(p.GetReason()), p.GetSimilarity(), 100*p.GetResemblance())
	}
	fmt.Fprintln(e.out)
}

func reasonName(reason akinv1.CollapseReason) string {
	name := strings.TrimPrefix(reason.String(), "COLLAPSE_REASON_")
	return strings.ToLower(strings.ReplaceAll(name, "_", " "))
}

// alsoThere lists the ids that a result stands for.
func alsoThere(collapsed []*akinv1.Collapsed) string {
	const most = 8
	var ids []string
	for _, c := range collapsed[:min(most, len(collapsed))] {
		ids = append(ids, oneLine(c.GetPaperId()))
	}
	if more := len(collapsed) - most; more > 0 {
		ids = append(ids, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(ids, ", ")
}
