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
first one, and its line says what it is to that: the same work, another version,
or nearly the same abstract under another title; or, marked with ~ in place of =, a
sequel, which is a work of its own. Nothing is changed; akin delete erases papers.`
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
	groups, extra, sequels, resp := 0, 0, 0, new(akinv1.FindDuplicatesResponse)
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
			for _, p := range g.GetPapers()[1:] {
				if p.GetRelation() == akinv1.Relation_RELATION_SEQUEL {
					sequels++
				} else {
					extra++
				}
			}
			if err := e.show(c.JSON, g, func() { e.duplicates(g) }); err != nil {
				return err
			}
		}
		progress.total = int(resp.GetTotalSize())
		progress.set(int(resp.GetPapersCompared()), "")
	}
	fmt.Fprintf(e.errOut, "%s of %s at sequence %d; %d of them could go, %s\n",
		plural(groups, "group"), plural(int(resp.GetTotalSize()), "paper"), resp.GetSequence(), extra, sequelCount(sequels))
	return nil
}

// duplicates prints a group.
func (e *environment) duplicates(g *akinv1.DuplicateGroup) {
	for i, p := range g.GetPapers() {
		if i == 0 {
			fmt.Fprintf(e.out, "%s\n    %s\n", oneLine(p.GetTitle()), oneLine(p.GetPaperId()))
			continue
		}
		sign := "="
		if p.GetRelation() == akinv1.Relation_RELATION_SEQUEL {
			sign = "~"
		}
		fmt.Fprintf(e.out, "  %s %s\n    %s · %s by %s · cosine %.3f · words %.0f %%\n", sign,
			oneLine(p.GetTitle()), oneLine(p.GetPaperId()), relationName(p.GetRelation()), reasonName(p.GetReason()), p.GetSimilarity(), 100*p.GetResemblance())
	}
	fmt.Fprintln(e.out)
}

func sequelCount(n int) string {
	if n == 1 {
		return "1 is a sequel"
	}
	return fmt.Sprintf("%d are sequels", n)
}

// relationName says what a paper is to the first of its group, as the page does.
func relationName(r akinv1.Relation) string {
	switch r {
	case akinv1.Relation_RELATION_SAME_WORK:
		return "the same work"
	case akinv1.Relation_RELATION_VERSION:
		return "another version"
	case akinv1.Relation_RELATION_SEQUEL:
		return "a sequel"
	case akinv1.Relation_RELATION_SAME_ABSTRACT:
		return "nearly the same abstract"
	case akinv1.Relation_RELATION_UNSPECIFIED:
	}
	return "a version"
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
