// Package cite writes papers as references: BibTeX, RIS and CSL-JSON, which reference
// managers and typesetters read. What is written, package ingest reads back.
//
// All functions are pure and safe for concurrent use. Output is UTF-8; nothing of a
// paper can end its reference or begin another one. The key of a reference is that of
// the file that the paper came from, or else made of the first author's last name, the
// year and the first telling word of the title; where several of one file would have
// the same, each gets digits of its paper's id behind it.
package cite

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"akin/internal/paper"
)

// Format is a form of references.
type Format int

// The formats.
const (
	BibTeX Format = iota
	RIS
	CSLJSON
)

// ContentType is the media type of a file of the format.
func (f Format) ContentType() string {
	switch f {
	case RIS:
		return "application/x-research-info-systems"
	case CSLJSON:
		return "application/vnd.citationstyles.csl+json"
	default:
		return "application/x-bibtex"
	}
}

// Extension is what the names of files of the format end with.
func (f Format) Extension() string {
	switch f {
	case RIS:
		return ".ris"
	case CSLJSON:
		return ".json"
	default:
		return ".bib"
	}
}

// Item is a paper with what somebody says of it.
type Item struct {
	*paper.Paper
	Note string
	Tags []string
}

// Write writes references to papers, in their order.
func Write(w io.Writer, f Format, items []Item) error {
	keys := keysOf(items)
	var text []byte
	var err error
	switch f {
	case RIS:
		text = risOf(items, keys)
	case CSLJSON:
		text, err = cslOf(items, keys)
	default:
		text = bibtexOf(items, keys)
	}
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("write references: %w", err)
	}
	return nil
}

// keyPattern is what a key of another file must look like to be kept: what every
// program takes.
var keyPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_:.+/-]{0,63}$`)

// keysOf gives the keys of references, all different.
func keysOf(items []Item) []string {
	keys := make([]string, len(items))
	count := map[string]int{}
	for i := range items {
		keys[i] = keyOf(items[i].Paper)
		count[strings.ToLower(keys[i])]++
	}
	seen := map[string]bool{}
	for i, key := range keys {
		if count[strings.ToLower(key)] > 1 {
			sum := sha256.Sum256([]byte(items[i].ID))
			key += "-" + hex.EncodeToString(sum[:4])
		}
		for n, base := 2, key; seen[strings.ToLower(key)]; n++ {
			key = fmt.Sprintf("%s-%d", base, n)
		}
		seen[strings.ToLower(key)] = true
		keys[i] = key
	}
	return keys
}

func keyOf(p *paper.Paper) string {
	if key := p.Metadata["citation_key"]; keyPattern.MatchString(key) {
		return key
	}
	key := ""
	if len(p.Authors) > 0 {
		_, last := nameParts(p.Authors[0].Name)
		key = ascii(last)
	}
	if y := p.PublishDate.Year; y != 0 {
		key += fmt.Sprint(y)
	}
	for word := range strings.FieldsSeq(p.Title) {
		if bare := ascii(word); len(bare) > 0 && !small[bare] {
			key += bare
			break
		}
	}
	if key == "" || key[0] >= '0' && key[0] <= '9' {
		key = "paper" + key
	}
	return key[:min(len(key), 64)]
}

// small are words that tell nothing of a title.
//
//nolint:gochecknoglobals // a table that nothing writes to
var small = map[string]bool{
	"a": true, "an": true, "and": true, "are": true, "as": true, "at": true, "by": true, "can": true, "do": true, "does": true, "for": true,
	"from": true, "how": true, "in": true, "is": true, "of": true, "on": true, "or": true, "the": true, "to": true, "towards": true, "via": true,
	"what": true, "when": true, "why": true, "with": true,
}

// ascii gives the Latin letters and digits of a text, small and without accents.
func ascii(text string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(text) {
		if r = unicode.ToLower(r); r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// particles are words that belong to the last name they stand before.
//
//nolint:gochecknoglobals // a table that nothing writes to
var particles = map[string]bool{
	"af": true, "al": true, "bin": true, "da": true, "das": true, "de": true, "del": true, "della": true, "den": true, "der": true, "di": true,
	"do": true, "dos": true, "du": true, "el": true, "ibn": true, "la": true, "le": true, "ten": true, "ter": true, "van": true, "von": true,
	"zu": true, "zum": true, "zur": true,
}

// suffix closes a name.
var suffix = regexp.MustCompile(`^(?i:jr|sr|ii|iii|iv)\.?$`)

// nameParts divides a name as it is spoken into given names and last name, which is the
// last word with the particles before it and a suffix behind it; a name that has a
// comma, or one word, is a last name alone.
func nameParts(name string) (given, last string) {
	words := strings.Fields(name)
	if len(words) < 2 || strings.Contains(name, ",") {
		return "", strings.Join(words, " ")
	}
	at := len(words) - 1
	if at > 1 && suffix.MatchString(words[at]) {
		at--
	}
	for at > 1 && particles[words[at-1]] {
		at--
	}
	return strings.Join(words[:at], " "), strings.Join(words[at:], " ")
}

// kind is what sort of publication a paper is, as far as that is known.
type kind int

const (
	other kind = iota
	article
	proceedings
	book
	thesis
)

// kindOf goes by the type that the paper's file gave it, and else by the venue.
func kindOf(p *paper.Paper) kind {
	switch strings.ToLower(p.Metadata["type"]) {
	case "article", "jour", "article-journal", "journal-article":
		return article
	case "inproceedings", "conference", "conf", "cpaper", "paper-conference", "proceedings-article":
		return proceedings
	case "book":
		return book
	case "phdthesis", "mastersthesis", "thesis", "thes":
		return thesis
	}
	venue := strings.ToLower(p.Venue)
	switch {
	case venue == "" || strings.HasPrefix(venue, "arxiv"):
		return other
	case meeting.MatchString(p.Venue):
		return proceedings
	}
	return article
}

// meeting is what the venue of a paper of a meeting has.
var meeting = regexp.MustCompile(`(?i)\b(proceedings|proc\.|conference|workshop|symposium|meeting)\b|^(AAAI|ACL|CHI|COLING|COLT|CVPR|EACL|ECCV|EMNLP|ICASSP|ICCV|ICLR|ICML|ICRA|IJCAI|INTERSPEECH|IROS|KDD|NAACL|NeurIPS|NIPS|SIGIR|SIGMOD|UAI|WSDM|WWW)\b`)

// keywords are the paper's categories and somebody's tags, once each.
func (it *Item) keywords() (all []string) {
	seen := map[string]bool{}
	for _, list := range [][]string{it.Categories, it.Tags} {
		for _, word := range list {
			if word = oneLine(word); word != "" && !seen[word] {
				seen[word] = true
				all = append(all, word)
			}
		}
	}
	return all
}

// oneLine makes one line of a text, without what only programs read.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "\uFFFD"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
}

// link is the address to cite: the first of the paper's that is one of the web.
func link(p *paper.Paper) string {
	for _, u := range p.URLs {
		if strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://") {
			return oneLine(u)
		}
	}
	return ""
}
