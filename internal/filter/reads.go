package filter

import "akin/internal/paper"

// Reads says which parts of a record the filter looks at: a change of others does not
// change whether it keeps the record.
func (f *Filter) Reads() paper.Fields {
	if f.All() {
		return 0
	}
	return f.root.reads()
}

func (n *node) reads() paper.Fields {
	if n.op == nodeLeaf {
		return n.leaf.field.part()
	}
	all := paper.Fields(0)
	for _, kid := range n.kids {
		all |= kid.reads()
	}
	return all
}

// part is the part of a record that the field is of; all, for one that is not here.
func (f *field) part() paper.Fields {
	switch f.name {
	case "title", "abstract", "truncated":
		return paper.FieldText
	case "author", "orcid":
		return paper.FieldAuthors
	case "category":
		return paper.FieldCategories
	case "venue":
		return paper.FieldVenue
	case "date", "year":
		return paper.FieldDate
	case "listed_date":
		return paper.FieldListedDates
	case "doi":
		return paper.FieldDOI
	case "arxiv_id":
		return paper.FieldArxivID
	case "url":
		return paper.FieldURLs
	case "language":
		return paper.FieldLanguage
	case "signals":
		return paper.FieldSignals
	case "metadata":
		return paper.FieldMetadata
	case "update_time":
		return paper.FieldUpdateTime
	case "id", "create_time":
		return paper.FieldCreation
	}
	return paper.AllFields
}
