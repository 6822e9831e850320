package web

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	akinv1 "akin/proto/akin/v1"
)

// link is an address with what it is called.
type link struct{ Label, URL string }

// maxLink bounds an address that papers link to.
const maxLink = 2_048

// safeLink gives an address that a paper names, if it is one of the web: http or https,
// with a host. Others are no links, whatever they would do.
func safeLink(raw string) string {
	raw = strings.TrimSpace(raw)
	if len(raw) > maxLink || strings.ContainsFunc(raw, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return ""
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return u.String()
}

// paperURL is the address of the page of a paper. Ids hold anything: one that browsers
// would change as part of a path goes into the query.
func paperURL(id string) string {
	parts := strings.Split(id, "/")
	for i, part := range parts {
		if part == "" || part == "." || part == ".." {
			return "/paper?" + url.Values{"id": {id}}.Encode()
		}
		parts[i] = url.PathEscape(part)
	}
	return "/paper/" + strings.Join(parts, "/")
}

// authorURL is the address of the papers of an author.
func authorURL(name string) string {
	return query{Take: map[string][]string{"author": {name}}}.URL()
}

// outward are the places where a paper can be read, the most useful first.
func outward(p *akinv1.Paper) (out []link) {
	add := func(label, raw string) {
		if u := safeLink(raw); u != "" && !slices.ContainsFunc(out, func(l link) bool { return l.URL == u }) {
			out = append(out, link{label, u})
		}
	}
	if id := p.GetArxivId(); id != "" {
		add("arXiv", "https://arxiv.org/abs/"+pathEscape(id))
		add("PDF at arXiv", "https://arxiv.org/pdf/"+pathEscape(id))
	}
	if doi := p.GetDoi(); doi != "" {
		add("doi.org", "https://doi.org/"+pathEscape(doi))
	}
	for _, raw := range p.GetUrls()[:min(len(p.GetUrls()), 20)] {
		if u, err := url.Parse(raw); err == nil {
			add(strings.TrimPrefix(u.Hostname(), "www."), raw)
		}
	}
	return out
}

func pathEscape(s string) string { return strings.ReplaceAll(url.PathEscape(s), "%2F", "/") }

// codeHosts are where programs are kept.
var codeHosts = regexp.MustCompile(`(?i)(?:https?://)?(?:www\.)?((?:github\.com|gitlab\.com|bitbucket\.org|huggingface\.co|codeberg\.org)/[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]*[A-Za-z0-9_-])?)`)

// namesCode says that a text may name a place of codeHosts: the expression costs more than
// all else that is made of a paper.
func namesCode(s string) bool {
	s = strings.ToLower(s)
	for _, host := range []string{"github.com/", "gitlab.com/", "bitbucket.org/", "huggingface.co/", "codeberg.org/"} {
		if strings.Contains(s, host) {
			return true
		}
	}
	return false
}

// codeLinks are the programs that a text or the addresses of a paper name.
func codeLinks(p *akinv1.Paper) (out []link) {
	for _, in := range append([]string{p.GetTitle(), p.GetAbstract()}, p.GetUrls()...) {
		if !namesCode(in) {
			continue
		}
		for _, m := range codeHosts.FindAllStringSubmatch(clip(in, maxText), 10) {
			at := strings.TrimSuffix(strings.TrimRight(m[1], "."), ".git")
			if u := safeLink("https://" + at); u != "" && len(out) < 5 && !slices.ContainsFunc(out, func(l link) bool { return strings.EqualFold(l.URL, u) }) {
				out = append(out, link{at, u})
			}
		}
	}
	return out
}

var (
	arxivNew = regexp.MustCompile(`^(\d{4}\.\d{4,5})(v\d+)?$`)
	arxivOld = regexp.MustCompile(`^([a-z-]+(?:\.[A-Z]{2})?/\d{7})(v\d+)?$`)
	anyDOI   = regexp.MustCompile(`^10\.\d{4,9}/\S+$`)
)

// anywhereDOI finds a DOI in the path of an address.
var anywhereDOI = regexp.MustCompile(`(?:^|/)(10\.\d{4,9}/[^?#\s]+)$`)

// shelfMark is what arXiv puts behind an id where it is cited: "[cs.CL]".
var shelfMark = regexp.MustCompile(`\s*\[[a-z-]+(?:\.[A-Za-z-]+)?\]$`)

// identifier says what a text names, if it is an arXiv id, a DOI, or the address of one:
// then it is no query, but a way to a paper. It may stand as people copy it, such as
// "arXiv:1706.03762v7 [cs.CL]" or "doi: 10.1000/182.".
func identifier(s string) (name string, ok bool) {
	s = shelfMark.ReplaceAllString(strings.TrimSpace(s), "")
	if prefix, rest, found := strings.Cut(s, ":"); found && (strings.EqualFold(prefix, "arxiv") || strings.EqualFold(prefix, "doi")) {
		s = strings.TrimSpace(rest)
	}
	s = strings.Trim(s, "<>()[]\"'.,; ")
	if len(s) > maxValue || strings.ContainsAny(s, " \t\n") {
		return "", false
	}
	bare := s
	if u, err := url.Parse(s); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		if bare = inAddress(u); bare == "" {
			return "", false
		}
	} else if host, _, found := strings.Cut(s, "/"); found && (strings.EqualFold(host, "arxiv.org") || strings.EqualFold(host, "doi.org")) {
		return identifier("https://" + s) // as browsers show addresses
	}
	if arxivNew.MatchString(bare) || arxivOld.MatchString(bare) || anyDOI.MatchString(bare) {
		return bare, true
	}
	return "", false
}

// inAddress is what an address names, "" if it is none of a place that names papers.
func inAddress(u *url.URL) string {
	host, path := strings.TrimPrefix(strings.ToLower(u.Hostname()), "www."), strings.Trim(u.Path, "/")
	switch {
	case host == "arxiv.org" || strings.HasSuffix(host, ".arxiv.org"):
		_, id, _ := strings.Cut(path, "/")
		return strings.TrimSuffix(id, ".pdf")
	case host == "doi.org" || host == "dx.doi.org":
		return path
	case host == "huggingface.co" || host == "alphaxiv.org" || host == "semanticscholar.org":
		return path[strings.LastIndexByte(path, '/')+1:]
	}
	if m := anywhereDOI.FindStringSubmatch(path); m != nil { // as publishers have it
		return m[1]
	}
	return ""
}
