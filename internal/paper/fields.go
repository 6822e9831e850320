package paper

import (
	"maps"
	"slices"
)

// Fields is a set of parts of a record that changes can touch and filters can read.
type Fields uint32

// The parts. Their numbers are on disk.
const (
	// FieldText is the title and the abstract, and what was found of them when they
	// were embedded.
	FieldText Fields = 1 << iota
	FieldAuthors
	FieldCategories
	FieldVenue
	FieldDate
	FieldListedDates
	FieldDOI
	FieldArxivID
	FieldURLs
	FieldLanguage
	FieldSignals
	FieldMetadata
	// FieldUpdateTime changes with every change.
	FieldUpdateTime
	// FieldCreation is the id, the create time, and that the paper is there at all.
	FieldCreation

	// AllFields are all parts.
	AllFields = FieldCreation<<1 - 1
)

// ChangedFields says which parts of a paper a change touches; all, if there was none
// before.
func ChangedFields(old, p *Paper) Fields {
	if old == nil {
		return AllFields
	}
	changed := FieldUpdateTime
	for _, part := range []struct {
		field Fields
		same  bool
	}{
		{FieldText, old.Title == p.Title && old.Abstract == p.Abstract},
		{FieldAuthors, slices.Equal(old.Authors, p.Authors)},
		{FieldCategories, slices.Equal(old.Categories, p.Categories)},
		{FieldVenue, old.Venue == p.Venue},
		{FieldDate, old.PublishDate == p.PublishDate},
		{FieldListedDates, slices.Equal(old.ListedDates, p.ListedDates)},
		{FieldDOI, old.DOI == p.DOI},
		{FieldArxivID, old.ArxivID == p.ArxivID},
		{FieldURLs, slices.Equal(old.URLs, p.URLs)},
		{FieldLanguage, old.Language == p.Language},
		{FieldSignals, maps.Equal(old.Signals, p.Signals)},
		{FieldMetadata, maps.Equal(old.Metadata, p.Metadata)},
	} {
		if !part.same {
			changed |= part.field
		}
	}
	return changed
}
