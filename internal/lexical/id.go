package lexical

import (
	"regexp"
	"strings"
)

// identifiers finds arXiv ids of both schemes, with or without "arXiv:" and a
// version (arxiv.org/help/arxiv_identifier), and DOIs (ISO 26324).
type identifiers struct{ arxiv, old, doi *regexp.Regexp }

func newIdentifiers() *identifiers {
	return &identifiers{
		arxiv: regexp.MustCompile(`(?i)(?:^|[^0-9.]|arxiv\.)(\d{2}(?:0[1-9]|1[0-2])\.\d{4,5})(?:v\d{1,3})?(?:[^0-9]|$)`),
		old:   regexp.MustCompile(`(?i)(?:^|[^a-z])((?:acc-phys|adap-org|alg-geom|ao-sci|astro-ph|atom-ph|bayes-an|chao-dyn|chem-ph|cmp-lg|comp-gas|cond-mat|cs|dg-ga|funct-an|gr-qc|hep-ex|hep-lat|hep-ph|hep-th|math-ph|math|mtrl-th|nlin|nucl-ex|nucl-th|patt-sol|physics|plasm-ph|q-alg|q-bio|quant-ph|solv-int|supr-con)(?:\.[a-z]{2})?/\d{7})(?:v\d{1,3})?(?:[^0-9]|$)`),
		doi:   regexp.MustCompile(`(?i)(?:^|[^0-9.])(10\.\d{4,9}/[^\s"<>]+)`),
	}
}

// find gives the identifiers in a text, in the form in which they are indexed.
func (x *identifiers) find(text string) []string {
	if !strings.ContainsAny(text, "./") {
		return nil
	}
	var ids []string
	for _, m := range x.doi.FindAllStringSubmatch(text, -1) {
		ids = append(ids, "doi:"+strings.ToLower(strings.TrimRight(m[1], ".,;:)]}'")))
	}
	for _, re := range []*regexp.Regexp{x.arxiv, x.old} {
		for _, m := range re.FindAllStringSubmatch(text, -1) {
			ids = append(ids, "arxiv:"+arxivKey(m[1]))
		}
	}
	return ids
}

// arxivKey drops the subject class of an old id: math.GT/0309136 is
// math/0309136.
func arxivKey(id string) string {
	id = strings.ToLower(id)
	archive, number, old := strings.Cut(id, "/")
	if !old {
		return id
	}
	archive, _, _ = strings.Cut(archive, ".")
	return archive + "/" + number
}

// keys gives what an identifier of a paper is indexed as: what find makes of it,
// and its exact text without case.
func (x *identifiers) keys(id string) []string {
	id = strings.TrimSpace(id)
	if id == "" || len(id) > maxIDBytes {
		return nil
	}
	return append(x.find(id), exactKey(id))
}

// maxIDBytes is the longest identifier that can be found; package paper allows
// no longer one.
const maxIDBytes = 512

func exactKey(id string) string { return "id:" + strings.ToLower(strings.TrimSpace(id)) }
