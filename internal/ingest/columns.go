package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"akin/internal/paper"
)

// Fields gives the fields of a paper that a column can hold.
func Fields() []string {
	return []string{
		"id", "title", "abstract", "authors", "categories", "venue", "publish_date", "date", "year",
		"listed_dates", "doi", "arxiv_id", "url", "urls", "language", "signals", "metadata",
	}
}

// mapFaults checks what Options.Map says.
func mapFaults(fields map[string]string) (faults []paper.Violation) {
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(Fields(), field) {
			faults = append(faults, paper.Violation{
				Field:       "map",
				Description: fmt.Sprintf("names the field %q, which a paper does not have; its fields are %s", field, strings.Join(Fields(), ", ")),
			})
		} else if fields[field] == "" {
			faults = append(faults, paper.Violation{
				Field: "map", Description: fmt.Sprintf("names no column for %s; write %s=COLUMN", field, field),
			})
		}
	}
	return faults
}

// otherNames gives, for a field, what the exports of Zotero, Embase, PubMed,
// IEEE Xplore, Web of Science, Scopus, Dimensions, OpenAlex, Semantic Scholar,
// Europe PMC, bioRxiv and common data sets call it, the best name first. A
// column of the field's own name goes before all of them.
func otherNames(field string) []string {
	switch field {
	case "title":
		return []string{"display_name", "article_title", "document_title", "paper_title", "item_title", "publication_title_en", "titles", "primary_title", "ti"}
	case "abstract":
		return []string{
			"abstract_note", "abstract_text", "paper_abstract", "abstracts", "summary", "description", "ab", "abstract_inverted_index",
			"description_abstract", "descriptions", "content_text", "content_html",
		}
	case "authors":
		return []string{
			"author", "author_names", "author_full_names", "author_s", "authorships_author_display_name", "authorships_raw_author_name",
			"author_string", "author_list", "creators", "creator", "authorships", "authors_parsed", "author_name", "full_author_names", "contributor_author", "au", "af",
		}
	case "categories":
		return []string{
			"category", "keywords", "author_keywords", "manual_tags", "keyword", "tags", "subjects", "subject", "topics_display_name", "primary_topic_display_name",
			"fields_of_study", "keywords_display_name", "topics", "index_terms", "index_keywords", "ieee_terms", "emtree_drug_index_terms", "mesh_terms", "de",
		}
	case "venue":
		return []string{
			"journal", "publication_title", "source_title", "journal_book", "journal_title", "primary_location_source_display_name", "container_title",
			"publication_name", "journal_name", "pub_title", "periodical", "secondary_title",
			"conference", "conference_name", "booktitle", "book_title", "publication", "so",
		}
	case "date":
		return []string{
			"publication_date", "date_of_publication", "publish_time", "published_date", "date_published", "pub_date", "cover_date", "first_publication_date",
			"published_at", "published", "date_issued", "publication_date_online", "online_date", "issued", "publish_year", "pd",
		}
	case "year":
		return []string{"publication_year", "pub_year", "published_year", "year_published", "year_of_publication", "py"}
	case "doi":
		return []string{"di", "doi_link", "digital_object_identifier", "article_doi", "identifier_doi", "dois"}
	case "arxiv_id":
		return []string{"arxiv", "arxivid", "eprint", "arxiv_eprints", "identifier_arxiv"}
	case "url":
		return []string{
			"link", "links", "landing_page_url", "primary_location_landing_page_url", "full_text_link", "pdf_link", "pdf_url", "article_url",
			"document_url", "identifier_uri",
		}
	case "language":
		return []string{"lang", "language_of_original_document", "article_language", "language_iso", "la"}
	default:
		return nil
	}
}

// columns says which fields of a paper the columns of a file hold.
type columns struct {
	mapped map[string]string // field to column
	fields map[string][]string
	// Of the last row, for most rows have the same columns.
	names    []string
	assigned [][]string
}

func newColumns(mapped map[string]string) *columns {
	c := &columns{mapped: mapped, fields: map[string][]string{}}
	for _, field := range slices.Sorted(maps.Keys(mapped)) {
		c.fields[mapped[field]] = append(c.fields[mapped[field]], field)
	}
	return c
}

// normal gives a column's name the spelling of fields: "Abstract Note",
// "abstractNote" and "abstract.note" are one. Names that are not of Latin letters
// stay as they are.
func normal(name string) string {
	var b strings.Builder
	gap, lower := false, false
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '$' && r != '#' {
			gap = b.Len() > 0
			continue
		}
		if gap || lower && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		gap, lower = false, unicode.IsLower(r)
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// assign gives the fields that each of the columns holds; nil means metadata, an
// empty list nothing at all. What was mapped counts first, then a column of the
// field's own name, then what others call it.
func (c *columns) assign(names []string) [][]string {
	if slices.Equal(names, c.names) && c.assigned != nil {
		return c.assigned
	}
	assigned := make([][]string, len(names))
	held := map[string]bool{}
	for field := range c.mapped {
		held[field] = true
	}
	for i, name := range names {
		assigned[i] = c.fields[name]
	}
	spelled := make([]string, len(names))
	for i, name := range names {
		spelled[i] = normal(name)
	}
	for _, exact := range []bool{true, false} {
		for i, name := range names {
			field := spelled[i]
			if assigned[i] != nil || exact && name != field {
				continue
			}
			switch {
			case ownField(field):
				assigned[i] = []string{}
			case slices.Contains(Fields(), field) && !held[field]:
				assigned[i], held[field] = []string{field}, true
			}
		}
	}
	c.assignOthers(spelled, assigned, held)
	c.assignAlike(names, assigned, held)
	c.names, c.assigned = slices.Clone(names), assigned
	return assigned
}

// assignOthers finds columns for fields that no column of their own name holds.
func (c *columns) assignOthers(spelled []string, assigned [][]string, held map[string]bool) {
	held["date"] = held["date"] || held["publish_date"]
	held["url"] = held["url"] || held["urls"]
	for _, field := range Fields() {
		for _, other := range otherNames(field) {
			i := slices.Index(spelled, other)
			if held[field] || i < 0 || assigned[i] != nil {
				continue
			}
			assigned[i], held[field] = []string{field}, true
		}
	}
}

// assignAlike finds columns for fields that have none yet: of a name that is a field's, or one
// of its others, but for what joins words ("pubdate", "arxivId"), for the scheme before it
// ("dc:title", "prism.doi", "citation_title") or for a language behind it ("dc.title[en]").
// Short codes are joined to nothing: "a_b" is not "ab", the abstract.
func (c *columns) assignAlike(names []string, assigned [][]string, held map[string]bool) {
	alike := make([]string, len(names))
	for i, name := range names {
		if assigned[i] == nil {
			alike[i] = squeezedWord(withoutScheme(name))
		}
	}
	held["date"] = held["date"] || held["publish_date"]
	held["url"] = held["url"] || held["urls"]
	for _, field := range Fields() {
		for _, other := range append([]string{field}, otherNames(field)...) {
			if i := slices.Index(alike, squeezedWord(other)); i >= 0 && !held[field] && assigned[i] == nil {
				assigned[i], held[field] = []string{field}, true
			}
		}
	}
}

// withoutScheme takes from a name what says whose it is, and in which language its values are.
func withoutScheme(name string) string {
	if at := strings.LastIndexByte(name, '['); at > 0 && strings.HasSuffix(name, "]") {
		name = name[:at]
	}
	name = normal(name)
	for _, scheme := range []string{"dcterms_", "dc_", "prism_", "citation_"} {
		if rest, ok := strings.CutPrefix(name, scheme); ok {
			return rest
		}
	}
	return name
}

// squeezed is a name without what joins its words.
func squeezed(name string) string { return strings.ReplaceAll(name, "_", "") }

// squeezedWord is squeezed for names that are then long enough to be words.
func squeezedWord(name string) string {
	const shortest = 4
	if word := squeezed(name); len(word) >= shortest {
		return word
	}
	return name
}

// row makes a paper of the columns of a row.
func (c *columns) row(values []member) (Row, error) {
	if err := noPaper(c, values, maxEnvelopes); err != nil {
		return Row{}, err
	}
	if opened, ok := c.open(values); ok {
		return c.row(opened)
	}
	var r record
	places := make(map[string]int, len(values))
	for i, fields := range c.assignMembers(values) {
		v := values[i]
		if first, twice := places[v.key]; !twice {
			places[v.key] = i
		} else { // JSON may say a key twice
			if !bytes.Equal(values[first].value, v.value) {
				r.another(v.key, v.key, v.value)
			}
			continue
		}
		if fields == nil {
			r.addExtra(v.key, v.value)
		}
		for _, field := range fields {
			if err := r.set(v.key, field, v.value); err != nil {
				return Row{}, err
			}
		}
	}
	if r.given["title"] == "" && r.given["abstract"] == "" {
		return Row{}, fmt.Errorf("nothing in it is the title or the abstract; its keys are %s; --map title=KEY says which", shorten(strings.Join(keysOf(values), ", "), unreadText))
	}
	row, err := r.finish()
	if column := r.given["title"]; err != nil && column != "" && len(r.unread) > 0 {
		err = fmt.Errorf("%w; what %s holds is no text: %s", err, column, r.unread[0].Text)
	}
	return row, err
}

// maxColumns is how many columns a table may have: as many as a sheet of Excel.
const maxColumns = 16_384

// shownNames is how much an error shows of the names of columns.
const shownNames = 2_000

// header is the row of column names of a table.
type header struct {
	names   []string // as the file has them, trimmed
	fields  [][]string
	columns *columns
}

// newHeader checks the column names of a table against what was mapped. A name
// such as "Title" stands for the field title.
func newHeader(in input, names []string) (*header, error) {
	h := &header{names: make([]string, len(names)), columns: newColumns(in.opt.Map)}
	fault := func(format string, args ...any) error {
		return &paper.Error{
			Kind: paper.Invalid, Reason: paper.ReasonInvalidField,
			Message: fmt.Sprintf("%s: %s; its columns are %s", in.name, fmt.Sprintf(format, args...), shorten(strings.Join(h.names, ", "), shownNames)),
		}
	}
	if len(names) > maxColumns {
		return nil, &paper.Error{
			Kind: paper.Invalid, Reason: paper.ReasonInvalidField,
			Message: fmt.Sprintf("%s: its row of names has %d columns; the limit is %d; take out those that say nothing of papers", in.name, len(names), maxColumns),
		}
	}
	seen, last := map[string]bool{}, map[string]int{}
	for i, name := range names {
		if name = collapse(name); name == "" {
			name = fmt.Sprintf("column %d", i+1) // as data frames write their index
		}
		first := name
		for n := max(2, last[first]+1); seen[name]; n++ {
			last[first] = n
			in.opt.Notes.notice("%s: the column %q is there twice; the first counts", in.name, first)
			name = fmt.Sprintf("%s (%d)", first, n)
		}
		seen[name], h.names[i] = true, name
	}
	for _, field := range slices.Sorted(maps.Keys(in.opt.Map)) {
		if !seen[in.opt.Map[field]] {
			return nil, fault("there is no column %q, which is to be the %s", in.opt.Map[field], field)
		}
	}
	h.fields = h.columns.assign(h.names)
	if !h.has("title") && !h.has("abstract") {
		return nil, fault("no column is the title or the abstract; say which with --map title=COLUMN")
	}
	return h, nil
}

// has says that a column holds the field.
func (h *header) has(field string) bool {
	return slices.ContainsFunc(h.fields, func(fields []string) bool { return slices.Contains(fields, field) })
}

// quoted gives text as a JSON string, null where it is empty.
func quoted(text string) []byte {
	if text == "" {
		return []byte("null")
	}
	return toJSON(text)
}

// toJSON writes a value that is known to be fit for JSON.
func toJSON(value any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return []byte("null")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
