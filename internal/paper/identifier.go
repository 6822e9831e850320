package paper

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// arxivPattern is an arXiv identifier, new ("2112.09118") or old
// ("hep-th/9901001", "math.GT/0309136"), with or without its version. The
// digits of both begin with a year and a month.
var arxivPattern = regexp.MustCompile(`^(\d{2}(?:0[1-9]|1[0-2])\.\d{4,5}|[a-zA-Z]+(?:-[a-zA-Z]+)?(?:\.[A-Za-z]{2})?/\d{2}(?:0[1-9]|1[0-2])\d{3})(?i:v(\d+))?$`)

// arxivHosts are addresses of pages of papers of arXiv, at which the
// identifier stands after the named folders.
var arxivHosts = regexp.MustCompile(`(?i)^(?:https?://)?(?:(?:[a-z]+\.)?(?:arxiv|ar5iv|alphaxiv)(?:\.labs\.arxiv)?\.org/(?:abs|pdf|html|format|ps|e-print|src|overview|list|u)/|(?:www\.)?huggingface\.co/papers/|(?:www\.)?semanticscholar\.org/arxiv:)`)

// arxivDOI is how the DOIs begin that arXiv gives to its papers.
const arxivDOI = "10.48550/arxiv."

// ParseArxivID reads an arXiv identifier as sources write it: bare, after
// "arXiv:", with its category behind it ("[cs.CL]"), as the address of its page
// or its DOI, or as OAI-PMH does. The version is "v2" or "". ok is false if text
// is none.
func ParseArxivID(text string) (id, version string, ok bool) {
	text = strings.Trim(strings.TrimSpace(text), "<>\"'")
	if doi, isDOI := ParseDOI(text); isDOI {
		if text = cutPrefixFold(doi, arxivDOI); text == doi {
			return "", "", false
		}
	}
	if at := arxivHosts.FindStringIndex(text); at != nil {
		text = text[at[1]:]
		if i := strings.IndexAny(text, "?#"); i >= 0 {
			text = text[:i]
		}
		text = strings.TrimSuffix(text, "/")
	}
	for _, before := range []string{"oai:", "arxiv.org:", "arxiv:", "arxiv ", "abs/"} {
		text = strings.TrimSpace(cutPrefixFold(text, before))
	}
	text, _, _ = strings.Cut(text, " ") // [cs.CL]
	text = strings.TrimRight(text, ".,;")
	if len(text) > 4 && strings.EqualFold(text[len(text)-4:], ".pdf") {
		text = text[:len(text)-4]
	}
	match := arxivPattern.FindStringSubmatch(text)
	if match == nil {
		return "", "", false
	}
	if match[2] != "" {
		version = "v" + match[2]
	}
	return arxivCase(match[1]), version, true
}

// arxivCase spells an old identifier as arXiv does: math.GT/0309136.
func arxivCase(id string) string {
	archive, number, old := strings.Cut(id, "/")
	if !old {
		return id
	}
	archive, subject, divided := strings.Cut(archive, ".")
	archive = strings.ToLower(archive)
	if divided {
		archive += "." + strings.ToUpper(subject)
	}
	return archive + "/" + number
}

var arxivInText = regexp.MustCompile(`(?i)(?:\barxiv(?:\.org)?[:\s]+(?:abs/)?|\babs/|arxiv\.org/(?:abs|pdf|html)/|10\.48550/arxiv\.)((?:\d{4}\.\d{4,5}|[a-z]+(?:-[a-z]+)?(?:\.[a-z]{2})?/\d{7})(?:v\d+)?)\b`)

// FindArxivID finds the first identifier of arXiv in prose that says that it is
// one: "arXiv preprint arXiv:2112.09118 [cs.CL]", "CoRR abs/2112.09118".
func FindArxivID(text string) (id string, ok bool) {
	if id, _, ok = ParseArxivID(text); ok && strings.ContainsAny(text, ":/") {
		return id, true
	}
	for _, found := range arxivInText.FindAllStringSubmatch(text, 8) {
		if id, _, ok = ParseArxivID(found[1]); ok {
			return id, true
		}
	}
	return "", false
}

// doiPattern is a DOI: a registrant and what it gave.
var doiPattern = regexp.MustCompile(`^10\.\d{1,9}(?:\.\d+)*/\S+$`)

// ParseDOI reads a DOI as sources write it: bare, after "doi:", as an address
// (that of a library's proxy too), with the escapes of addresses, HTML or TeX.
// Its spelling stays: DOIs differ in case from source to source and are compared
// by DOIKey. ok is false if text is none.
func ParseDOI(text string) (doi string, ok bool) {
	text = strings.Trim(strings.TrimSpace(text), "<>\"'")
	if strings.ContainsAny(text, "&\\{") {
		text = html.UnescapeString(strings.NewReplacer(
			`{\textless}`, "<", `{\textgreater}`, ">", `{\_}`, "_", `\_`, "_", `\%`, "%", `\&`, "&", `\#`, "#", "{", "", "}", "").Replace(text))
	}
	address := strings.Contains(text, "://") || hasPrefixFold(text, "doi.org/") || hasPrefixFold(text, "dx.doi.org/")
	if address {
		if text, ok = ofAddress(text); !ok {
			return "", false
		}
	}
	for _, before := range []string{"urn:", "info:", "doi.org/", "dx.doi.org/", "doi:", "doi/", "doi "} {
		text = strings.TrimSpace(cutPrefixFold(text, before))
	}
	if !address && !strings.Contains(text, "/") && strings.Contains(text, "%") {
		if plain, err := url.PathUnescape(text); err == nil {
			text = plain
		}
	}
	if words := strings.Fields(text); len(words) > 1 {
		text = words[0] // of several in one field
	}
	text = trimDOI(text)
	return text, doiPattern.MatchString(text)
}

// ofAddress takes the DOI out of the address of a resolver.
func ofAddress(text string) (string, bool) {
	_, rest, found := strings.Cut(text, "://")
	if !found {
		rest = text
	}
	host, path, _ := strings.Cut(rest, "/")
	// A proxy writes doi-org.proxy.example; another passes the address on.
	if h := strings.ToLower(host); !strings.Contains(h, "doi.org") && !strings.Contains(h, "doi-org") && !strings.Contains(strings.ToLower(path), "doi.org/10.") {
		return "", false
	}
	if i := strings.Index(strings.ToLower(path), "doi.org/"); i >= 0 {
		path = path[i+len("doi.org/"):]
	}
	if i := strings.IndexAny(path, "#?"); i > 0 && !strings.Contains(path, "<") {
		path = path[:i]
	}
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	return path, true
}

// trimDOI takes what follows a DOI in a sentence.
func trimDOI(text string) string {
	for {
		before := text
		text = strings.TrimRight(text, ".,;:\"'")
		for _, pair := range []string{"()", "[]", "{}", "<>"} {
			if strings.HasSuffix(text, pair[1:]) && strings.Count(text, pair[:1]) < strings.Count(text, pair[1:]) {
				text = text[:len(text)-1]
			}
		}
		if text == before {
			return text
		}
	}
}

// DOIKey is what DOIs are compared by, "" for what is none.
func DOIKey(text string) string {
	doi, ok := ParseDOI(text)
	if !ok {
		return ""
	}
	return strings.ToLower(doi)
}

// ArxivKey is what identifiers of arXiv are compared by: without version and,
// as arXiv itself leaves it out, without the subject of old ones. "" is none.
func ArxivKey(text string) string {
	id, _, ok := ParseArxivID(text)
	if !ok {
		return ""
	}
	archive, number, old := strings.Cut(id, "/")
	if !old {
		return id
	}
	archive, _, _ = strings.Cut(archive, ".")
	return archive + "/" + number
}

// orcidSigns takes away what people write between the digits of an ORCID iD.
var orcidSigns = strings.NewReplacer("-", "", " ", "", "‐", "", "‑", "", "–", "") //nolint:gochecknoglobals // a constant table

// ParseORCID reads an ORCID iD, bare or as an address, with or without hyphens,
// and gives it with hyphens. ok is false if text is none, or if its check digit
// (ISO 7064, MOD 11-2) is not that of its other digits.
func ParseORCID(text string) (orcid string, ok bool) {
	text = strings.TrimRight(strings.TrimSpace(text), "/")
	text = text[strings.LastIndexByte(text, '/')+1:]
	text = strings.ToUpper(strings.TrimSpace(cutPrefixFold(text, "orcid:")))
	const length = 16
	if len(text) < length { // nothing, of most authors
		return "", false
	}
	digits := orcidSigns.Replace(text)
	if len(digits) != length {
		return "", false
	}
	total := 0
	for i := range 15 {
		if digits[i] < '0' || digits[i] > '9' {
			return "", false
		}
		total = (total + int(digits[i]-'0')) * 2
	}
	if check := "0123456789X"[(12-total%11)%11]; digits[15] != check {
		return "", false
	}
	return digits[:4] + "-" + digits[4:8] + "-" + digits[8:12] + "-" + digits[12:], true
}

// Normalize gives identifiers their bare form, as far as they are what their
// field says: "10.1234/x", "2112.09118", "0000-0002-1825-0097". The error names
// the ORCIDs that are none; papers of before may have some, which is why
// Validate lets them pass.
func (p *Paper) Normalize() error {
	if doi, ok := ParseDOI(p.DOI); ok {
		p.DOI = doi
	}
	if id, _, ok := ParseArxivID(p.ArxivID); ok {
		p.ArxivID = id
	}
	var v violations
	p.Authors = slices.Clone(p.Authors) // the caller's stay as they are
	for i := range p.Authors {
		a := &p.Authors[i]
		if strings.TrimSpace(a.ORCID) == "" {
			a.ORCID = ""
			continue
		}
		orcid, ok := ParseORCID(a.ORCID)
		if !ok {
			v.add(fmt.Sprintf("authors[%d].orcid", i),
				fmt.Sprintf("%.40q is not an ORCID iD: it has 16 digits, of which the last follows from the others, as 0000-0002-1825-0097; correct it or leave it out", a.ORCID))
			continue
		}
		a.ORCID = orcid
	}
	return v.err("paper")
}

func hasPrefixFold(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

func cutPrefixFold(text, prefix string) string {
	if hasPrefixFold(text, prefix) {
		return text[len(prefix):]
	}
	return text
}
