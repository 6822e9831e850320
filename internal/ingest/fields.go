package ingest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"akin/internal/paper"
)

// asCollapsed reads a string of one line.
func asCollapsed(field string, value []byte) (string, error) {
	s, err := asString(field, value)
	return collapse(s), err
}

// asID reads an id: text, or a whole number as it is written. The same work of
// OpenAlex has one id whether it comes with its address or without.
func asID(field string, value []byte) (string, error) {
	if isNumber(value) {
		whole := strings.TrimSuffix(string(value), ".0")
		if strings.ContainsAny(whole, ".eE") {
			// 2101.10 and 2101.1 are one number but two ids.
			return "", fmt.Errorf("%s must be a string or a whole number, but is the number %s", field, value)
		}
		return whole, nil
	}
	if isString(value) {
		id, err := asString(field, value)
		id = strings.TrimSpace(id)
		if work, ok := strings.CutPrefix(id, openAlexHome); ok && strings.HasPrefix(work, "W") {
			return "openalex:" + work, err
		}
		return id, err
	}
	all, ok := looseTexts(value)
	if !ok || len(all) > 1 {
		return "", wrongType(field, "a string or a whole number", value)
	}
	return strings.Join(all, ""), nil
}

// text reads a text, of a list joined with a separator; what it cannot read is
// left.
func (r *record) text(column, field string, value []byte, separator string) string {
	all, ok := looseTexts(value)
	if !ok {
		r.leave(column, field, value)
	}
	if len(all) == 1 && field != "title" && isMissing(all[0]) {
		return ""
	}
	if separator != "" || len(all) < 2 {
		return strings.Join(all, separator)
	}
	// The first counts; translations of a title are notes.
	keep(&r.paper, column+" (other)", strings.Join(all[1:], "; "))
	return all[0]
}

// abstract reads an abstract: text, paragraphs, or the inverted index of
// OpenAlex.
func (r *record) abstract(column string, value []byte) string {
	if isObject(value) {
		if fields, err := members(value); err == nil && len(fields) > 0 && isArray(fields[0].value) {
			var index map[string][]int
			if err := decodeStrictly(value, &index); err == nil {
				if text, err := invert(index); err == nil {
					return text
				}
			}
		}
	}
	return r.text(column, "abstract", value, " ")
}

// leave counts a value that could not be read and keeps it as a note.
func (r *record) leave(column, field string, value []byte) {
	text, err := asText(value)
	if err != nil {
		text = string(value)
	}
	r.unread.leave(&r.paper, column, field, text)
}

// strings reads a list of texts. Empty ones are dropped.
func (r *record) strings(column, field string, value []byte) []string {
	all, ok := looseTexts(value)
	if !ok {
		r.leave(column, field, value)
	}
	if len(all) == 1 && isMissing(all[0]) {
		return nil
	}
	return all
}

// categories reads a list, or a string that is divided at semicolons or bars,
// else at commas, else at spaces.
func (r *record) categories(column string, value []byte) []string {
	all := r.strings(column, "categories", value)
	if len(all) != 1 || !isString(value) {
		return all
	}
	return splitCategories(all[0])
}

func splitCategories(text string) []string {
	for _, separator := range []string{";", "|", ",", " "} {
		if strings.Contains(text, separator) {
			return split(text, separator)
		}
	}
	return []string{text}
}

// split gives the parts of text, trimmed, without empty ones.
func split(text, separator string) []string {
	var parts []string
	for part := range strings.SplitSeq(text, separator) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// urls reads a list, or a string of several addresses.
func (r *record) urls(column string, value []byte) {
	for _, text := range r.strings(column, "urls", value) {
		parts := []string{text}
		for _, separator := range []string{";", "|", " "} {
			if strings.Contains(text, separator+"http") || strings.Contains(text, separator+" http") {
				parts = split(text, separator)
				break
			}
		}
		link(&r.paper, parts...)
	}
}

// authors reads a string of names, or a list of names, of objects with the parts
// of a name, or of arrays of last, first and suffix.
func (r *record) authors(column string, value []byte) []paper.Author {
	switch {
	case isNull(value):
		return nil
	case isString(value):
		text, err := asCollapsed(column, value)
		if err != nil || isMissing(text) {
			return nil
		}
		return named(splitNames(text)...)
	case isObject(value):
		value = append(append([]byte{'['}, value...), ']')
	case !isArray(value):
		r.leave(column, "authors", value)
		return nil
	}
	elements, err := asElements(column, "", value)
	if err != nil {
		r.leave(column, "authors", value)
		return nil
	}
	var all []paper.Author
	unread := false
	for _, e := range elements {
		if editorOnly(e) {
			continue
		}
		a, ok := asAuthor(e)
		unread = unread || !ok
		if a.Name != "" {
			all = append(all, a)
		}
	}
	if unread {
		r.leave(column, "authors", value)
	}
	return all
}

// editorOnly says that an object is about somebody who is no author of the paper, as Zotero
// lists them among its creators.
func editorOnly(value []byte) bool {
	if !isObject(value) {
		return false
	}
	fields, err := members(value)
	if err != nil {
		return false
	}
	for _, f := range fields {
		if normal(f.key) == "creator_type" && isString(f.value) {
			kind, err := asString("", f.value)
			return err == nil && slices.Contains([]string{"editor", "seriesEditor", "translator", "reviewedAuthor", "contributor"}, kind)
		}
	}
	return false
}

// asAuthor reads one author; what else an object says of one is not kept.
func asAuthor(value []byte) (a paper.Author, ok bool) {
	switch {
	case isNull(value):
		return a, true
	case isString(value):
		name, err := asCollapsed("", value)
		return paper.Author{Name: name}, err == nil
	case isArray(value): // last, first, suffix
		parts, ok := looseParts(value)
		if !ok || len(parts) == 0 {
			return a, false
		}
		parts = append(parts, "", "")
		return paper.Author{Name: fullName(parts[1], parts[0], parts[2])}, true
	case isObject(value):
		return authorObject(value, 0)
	default:
		return a, false
	}
}

// maxWrapped is how deep an author or a date may lie within objects and lists: each
// reads what it holds.
const maxWrapped = 4

// looseParts reads an array of texts, with empty ones where there is null.
func looseParts(value []byte) ([]string, bool) {
	elements, err := asElements("", "", value)
	parts := make([]string, len(elements))
	for i, e := range elements {
		var each error
		if parts[i], each = asCollapsed("", e); each != nil {
			return nil, false
		}
	}
	return parts, err == nil
}

// authorObject reads an object with a name, or with the parts of one.
func authorObject(value []byte, depth int) (a paper.Author, ok bool) {
	fields, err := members(value)
	if err != nil || depth > maxWrapped {
		return a, false
	}
	texts := map[string]string{}
	for _, f := range fields {
		key := normal(f.key)
		if isObject(f.value) && (key == "author" || key == "person" || key == "person_or_org" || key == "name") {
			inner, _ := authorObject(f.value, depth+1)
			texts["name"] = firstOf(texts, "name", inner.Name)
			texts["orcid"] = firstOf(texts, "orcid", inner.ORCID)
			continue
		}
		if isString(f.value) {
			texts[key], err = asCollapsed("", f.value)
		}
		if err != nil {
			return a, false
		}
	}
	pick := func(keys ...string) string {
		for _, key := range keys {
			if texts[key] != "" {
				return texts[key]
			}
		}
		return ""
	}
	last := pick("last", "family", "surname", "last_name", "family_name", "lastname", "lname", "keyname")
	first := pick("first", "given", "forename", "first_name", "given_name", "given_names", "forenames", "firstname", "fore_name", "fname", "initials")
	a.Name = pick("name", "display_name", "full_name", "fullname", "literal", "author_name", "raw_author_name", "raw_name")
	if a.Name == "" {
		middle := pick("middle", "middle_name")
		particle := collapse(pick("dropping_particle") + " " + pick("non_dropping_particle", "particle", "prefix"))
		a.Name = fullName(first+" "+middle, particle+" "+last, pick("suffix"))
	}
	if a.Name == "" {
		a.Name = pick("text", "value", "author", "label", "collective_name")
	}
	a.ORCID = pick("orcid", "orcid_id")
	return a, a.Name != "" || !slices.ContainsFunc(fields, func(f member) bool { return !isNull(f.value) && string(f.value) != `""` })
}

func firstOf(texts map[string]string, key, text string) string {
	if texts[key] != "" {
		return texts[key]
	}
	return text
}

// asDate reads a date: text or a number in the spellings of readDate, an object
// {year, month, day} of which parts may be missing, the date-parts of CSL-JSON,
// or an object that holds a text.
func asDate(value []byte) (paper.Date, dateReading) { return dateWithin(value, 0) }

func dateWithin(value []byte, depth int) (paper.Date, dateReading) {
	if depth > maxWrapped {
		return paper.Date{}, dateUnread
	}
	switch {
	case isNull(value):
		return paper.Date{}, dateNone
	case isString(value):
		text, err := asCollapsed("", value)
		if err != nil {
			return paper.Date{}, dateUnread
		}
		return readDate(text)
	case isNumber(value):
		return numericDate(value)
	case isObject(value):
		return dateObject(value, depth)
	case isArray(value):
		return dateArray(value, depth)
	default:
		return paper.Date{}, dateUnread
	}
}

// numericDate reads a number; a data frame may have written 2021.0.
func numericDate(value []byte) (paper.Date, dateReading) {
	x, err := strconv.ParseFloat(string(value), 64)
	if err != nil || x != math.Trunc(x) || math.Abs(x) > 1<<62 {
		return paper.Date{}, dateUnread
	}
	return readDate(strconv.FormatInt(int64(x), 10))
}

func dateObject(value []byte, depth int) (paper.Date, dateReading) {
	parts, err := members(value)
	if err != nil {
		return paper.Date{}, dateUnread
	}
	var d paper.Date
	known := len(parts) == 0
	for _, part := range parts {
		var into *int
		switch normal(part.key) {
		case "year":
			into = &d.Year
		case "month":
			into = &d.Month
		case "day":
			into = &d.Day
		case "date_parts", "date_time", "raw", "literal", "date", "value", "$date", "start":
			if d, how := dateWithin(part.value, depth+1); how != dateUnread {
				return d, how
			}
			continue
		default:
			continue
		}
		known = true
		text, _ := looseTexts(part.value)
		n, err := strconv.Atoi(strings.TrimSuffix(strings.Join(text, " "), ".0"))
		if len(text) > 0 && err != nil {
			if n = monthOf(strings.ToLower(text[0])); n == 0 {
				return paper.Date{}, dateUnread
			}
		}
		*into = n
	}
	if !known || d.Validate() != nil {
		return paper.Date{}, dateUnread
	}
	if d.IsZero() {
		return d, dateNone
	}
	return d, dateRead
}

// dateArray reads [2019, 5, 12] and [[2019, 5, 12], …], the beginning of which
// counts.
func dateArray(value []byte, depth int) (paper.Date, dateReading) {
	elements, err := asElements("", "", value)
	if err != nil {
		return paper.Date{}, dateUnread
	}
	if len(elements) == 0 {
		return paper.Date{}, dateNone
	}
	if len(elements) == 1 || isArray(elements[0]) {
		return dateWithin(elements[0], depth+1)
	}
	var words []string
	for _, e := range elements {
		texts, _ := looseTexts(e)
		if len(texts) != 1 {
			break
		}
		words = append(words, strings.TrimSuffix(texts[0], ".0"))
	}
	return readDate(strings.Join(words, "-"))
}

// dates reads a list of dates into a sorted set, or text that is divided as
// categories are.
func (r *record) dates(column string, value []byte) []paper.Date {
	texts, _ := looseTexts(value)
	var elements [][]byte
	switch {
	case isString(value) && len(texts) == 1:
		for _, text := range splitCategories(texts[0]) {
			elements = append(elements, toJSON(text))
		}
	case isArray(value):
		list, err := asElements(column, "", value)
		if err != nil {
			r.leave(column, "listed_dates", value)
			return nil
		}
		for _, e := range list {
			elements = append(elements, e)
		}
	default:
		elements = [][]byte{value}
	}
	var all []paper.Date
	unread := false
	for _, e := range elements {
		d, how := listedDate(e)
		unread = unread || how == dateUnread
		if !d.IsZero() {
			all = append(all, d)
		}
	}
	if unread {
		r.leave(column, "listed_dates", value)
	}
	return paper.MergeListedDates(all, nil)
}

// listedDate reads a date whose year may be missing, in akin's own spelling too.
func listedDate(value []byte) (paper.Date, dateReading) {
	if text, err := asCollapsed("", value); err == nil && strings.HasPrefix(text, "--") {
		d, err := paper.ParseDate(text)
		if err != nil {
			return d, dateUnread
		}
		return d, dateRead
	}
	return asDate(value)
}

// signals reads an object of numbers; a null is dropped.
func (r *record) signals(column string, value []byte) map[string]float64 {
	fields, err := asMembers(column, "an object of numbers", value)
	if err != nil {
		r.leave(column, "signals", value)
		return nil
	}
	var signals map[string]float64
	for _, f := range fields {
		x, ok := looseNumber(f.value)
		if _, twice := signals[f.key]; !ok || twice {
			r.leave(column+"."+f.key, "signals."+f.key, f.value)
			continue
		}
		if x == nil {
			continue
		}
		if signals == nil {
			signals = make(map[string]float64, len(fields))
		}
		signals[f.key] = *x
	}
	return signals
}

// metadata reads an object of texts. Other values become compact JSON, as
// unknown columns do; a null is dropped.
func (r *record) metadata(column string, value []byte) {
	fields, err := asMembers(column, "an object of strings", value)
	if err != nil {
		r.leave(column, "metadata", value)
		return
	}
	for _, f := range fields {
		if isNull(f.value) {
			continue
		}
		text, err := asText(f.value)
		if err != nil {
			r.leave(column+"."+f.key, "metadata."+f.key, f.value)
			continue
		}
		r.setExtra(f.key, text)
	}
}
