package paper

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of one paper. They bound memory and keep a paper within one message;
// real abstracts are below 10 kB.
const (
	MaxIDBytes       = 256
	MaxTitleBytes    = 4 << 10
	MaxAbstractBytes = 256 << 10
	MaxAuthors       = 10_000
	MaxListItems     = 1_000 // categories, listed dates, URLs, signals, metadata
	MaxFieldBytes    = 16 << 10
	MaxMetadataBytes = 256 << 10 // all keys and values together
)

// maxViolations is how many faults one error tells: ten thousand authors may have
// one each, and a batch a thousand such papers.
const maxViolations = 16

// Validate reports the faults of the paper at once, the first maxViolations, as an error of kind
// Invalid whose Violations name the fields, or nil.
func (p *Paper) Validate() error {
	var v violations
	v.id("id", p.ID)
	v.text("title", p.Title, MaxTitleBytes)
	v.text("abstract", p.Abstract, MaxAbstractBytes)
	if strings.TrimSpace(p.Title) == "" && strings.TrimSpace(p.Abstract) == "" {
		v.add("title", "is empty, and so is the abstract; a paper needs at least one of them")
	}
	v.count("authors", len(p.Authors), MaxAuthors)
	for i, a := range p.Authors {
		if textFits(a.Name, MaxFieldBytes) && textFits(a.ORCID, MaxFieldBytes) {
			continue
		}
		field := fmt.Sprintf("authors[%d]", i)
		v.text(field+".name", a.Name, MaxFieldBytes)
		v.text(field+".orcid", a.ORCID, MaxFieldBytes)
	}
	v.list("categories", p.Categories)
	v.list("urls", p.URLs)
	for _, f := range []struct{ name, value string }{
		{"venue", p.Venue}, {"doi", p.DOI}, {"arxiv_id", p.ArxivID}, {"language", p.Language},
	} {
		v.text(f.name, f.value, MaxFieldBytes)
	}
	if err := p.PublishDate.Validate(); err != nil {
		v.add("publish_date", err.Error())
	} else if !p.PublishDate.IsZero() && p.PublishDate.Year == 0 {
		v.add("publish_date", "a publication date needs a year; a date without one belongs in listed_dates")
	}
	v.count("listed_dates", len(p.ListedDates), MaxListItems)
	for i, d := range p.ListedDates {
		if err := d.Validate(); err != nil {
			v.add(fmt.Sprintf("listed_dates[%d]", i), err.Error())
		}
	}
	v.maps(p.Signals, p.Metadata)
	return v.err("paper")
}

type violations []Violation

func (v *violations) add(field, description string) {
	*v = append(*v, Violation{Field: field, Description: description})
}

func (v violations) err(what string) error {
	if len(v) == 0 {
		return nil
	}
	if more := len(v) - maxViolations; more > 0 {
		v = append(v[:maxViolations:maxViolations], Violation{Description: fmt.Sprintf("and %d more faults", more)})
	}
	return &Error{Kind: Invalid, Reason: ReasonInvalidField, Message: what + " is not valid", Violations: v}
}

func (v *violations) id(field, id string) {
	if err := ValidateID(id); err != nil {
		v.add(field, err.Error())
	}
}

// textFits says whether text has nothing wrong with it. Most has not, and the names of fields that
// stand in lists are only made where there is a fault.
func textFits(s string, limit int) bool { return len(s) <= limit && utf8.ValidString(s) }

func (v *violations) text(field, s string, limit int) {
	switch {
	case len(s) > limit:
		v.add(field, fmt.Sprintf("is %d bytes long; the limit is %d; shorten it", len(s), limit))
	case !utf8.ValidString(s):
		v.add(field, "is not valid UTF-8; convert it from its encoding first")
	}
}

func (v *violations) count(field string, n, limit int) {
	if n > limit {
		v.add(field, fmt.Sprintf("has %d items; the limit is %d", n, limit))
	}
}

func (v *violations) list(field string, items []string) {
	v.count(field, len(items), MaxListItems)
	for i, s := range items {
		if !textFits(s, MaxFieldBytes) {
			v.text(fmt.Sprintf("%s[%d]", field, i), s, MaxFieldBytes)
		}
	}
}

func (v *violations) maps(signals map[string]float64, metadata map[string]string) {
	v.count("signals", len(signals), MaxListItems)
	for k, x := range signals {
		v.text("signals", k, MaxFieldBytes)
		if math.IsNaN(x) || math.IsInf(x, 0) {
			v.add(fmt.Sprintf("signals[%q]", k), fmt.Sprintf("is %v; it must be a finite number", x))
		}
	}
	v.count("metadata", len(metadata), MaxListItems)
	total := 0
	for k, x := range metadata {
		total += len(k) + len(x)
		if !utf8.ValidString(k) || !utf8.ValidString(x) {
			v.add(fmt.Sprintf("metadata[%q]", k), "is not valid UTF-8; convert it from its encoding first")
		}
	}
	if total > MaxMetadataBytes {
		v.add("metadata", fmt.Sprintf("is %d bytes in all; the limit is %d", total, MaxMetadataBytes))
	}
}

// ValidateID says whether an id can name a paper: 1 to MaxIDBytes bytes of
// UTF-8 without control characters and without white space at its ends.
// Slashes, colons, percent signs and inner spaces are fine.
func ValidateID(id string) error {
	switch {
	case id == "":
		return Invalidf("is empty; give the paper an id of 1 to %d bytes", MaxIDBytes)
	case len(id) > MaxIDBytes:
		return Invalidf("is %d bytes long; the limit is %d", len(id), MaxIDBytes)
	case !utf8.ValidString(id):
		return Invalidf("is not valid UTF-8")
	case strings.TrimSpace(id) != id:
		return Invalidf("%q begins or ends with white space; trim it", id)
	case strings.IndexFunc(id, unicode.IsControl) >= 0:
		return Invalidf("%q holds a control character", id)
	}
	return nil
}

// ValidateCollection says whether a name can name a collection: 1 to 64 of
// a-z, 0-9, '-' and '_', beginning with a letter or digit.
func ValidateCollection(name string) error {
	if name == "" || len(name) > 64 {
		return Invalidf("collection name %.80q must have 1 to 64 characters", name)
	}
	for i, r := range name {
		ok := r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || i > 0 && (r == '-' || r == '_')
		if !ok {
			return Invalidf("collection name %q may only hold a-z, 0-9, '-' and '_', and begins with a letter or digit", name)
		}
	}
	return nil
}
