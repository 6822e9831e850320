package weaviate

import (
	"math"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"

	"akin/internal/catalog"
	"akin/internal/filter"
)

type where = *pb.Filters

func target(property string) *pb.FilterTarget {
	return &pb.FilterTarget{Target: &pb.FilterTarget_Property{Property: property}}
}

func textIs(property, value string) where {
	return &pb.Filters{Operator: pb.Filters_OPERATOR_EQUAL, Target: target(property), TestValue: &pb.Filters_ValueText{ValueText: value}}
}

func textAfter(property, value string) where {
	return &pb.Filters{Operator: pb.Filters_OPERATOR_GREATER_THAN, Target: target(property), TestValue: &pb.Filters_ValueText{ValueText: value}}
}

func anyOf(property string, values []string) where {
	list := &pb.Filters_ValueTextArray{ValueTextArray: &pb.TextArray{Values: values}}
	return &pb.Filters{Operator: pb.Filters_OPERATOR_CONTAINS_ANY, Target: target(property), TestValue: list}
}

func number64(property string, operator pb.Filters_Operator, value int64) where {
	return &pb.Filters{Operator: operator, Target: target(property), TestValue: &pb.Filters_ValueInt{ValueInt: value}}
}

func between(property string, lo, hi int64) where {
	return all(number64(property, pb.Filters_OPERATOR_GREATER_THAN_EQUAL, lo), number64(property, pb.Filters_OPERATOR_LESS_THAN_EQUAL, hi))
}

func join(operator pb.Filters_Operator, parts []where) where {
	kept := make([]where, 0, len(parts))
	for _, p := range parts {
		if p != nil {
			kept = append(kept, p)
		}
	}
	switch len(kept) {
	case 0:
		return nil
	case 1:
		return kept[0]
	}
	return &pb.Filters{Operator: operator, Filters: kept}
}

// all is the conjunction; nil keeps all.
func all(parts ...where) where { return join(pb.Filters_OPERATOR_AND, parts) }

func either(parts []where) where { return join(pb.Filters_OPERATOR_OR, parts) }

func not(part where) where {
	return &pb.Filters{Operator: pb.Filters_OPERATOR_NOT, Filters: []where{part}}
}

// nothing keeps no paper: every ordinal is below it.
func nothing() where {
	return number64(propOrdinal, pb.Filters_OPERATOR_GREATER_THAN, math.MaxUint32+1)
}

// everything keeps every paper, as a filter.
func everything() where { return number64(propOrdinal, pb.Filters_OPERATOR_GREATER_THAN_EQUAL, 0) }

// restriction is what a query asks of papers, as the cluster and as akin decide it.
type restriction struct {
	where   where // nil keeps all
	filters []*filter.Filter
}

func restrict(r catalog.Restriction) (restriction, error) {
	var out restriction
	texts := []string{r.Filter}
	if r.AsOf != "" {
		texts = append(texts, "date <= "+r.AsOf)
	}
	for _, text := range texts {
		f, err := filter.Parse(text)
		if err != nil {
			return restriction{}, err
		}
		if f.All() {
			continue
		}
		part, err := filter.Translate(f, func(p []where) where { return all(p...) }, either, translate)
		if err != nil {
			return restriction{}, err
		}
		out.where = all(out.where, part)
		out.filters = append(out.filters, f)
	}
	return out, nil
}

// keeps decides a version that the cluster does not search.
func (r *restriction) keeps(v *version) bool {
	record := v.Record.record()
	for _, f := range r.filters {
		if !f.Match(record) {
			return false
		}
	}
	return true
}

// translate makes one comparison a condition of the cluster.
func translate(c filter.Comparison) (where, error) {
	w, err := positive(c)
	if err != nil || !c.Negated {
		return w, err
	}
	return not(w), nil
}

func positive(c filter.Comparison) (where, error) {
	switch {
	case c.Present:
		return present(c), nil
	case c.Exact != nil:
		return textIs(propFacets, facet(c.Field, c.Key, *c.Exact)), nil
	case c.Days != nil:
		return span(propDate, float64(c.Days[0]), float64(c.Days[1])), nil
	case c.Times != nil && c.Field == "create_time":
		return times(propCreated, *c.Times), nil
	case c.Times != nil:
		return times(propUpdated, *c.Times), nil
	case c.Numbers != nil && c.Field == "year":
		return span(propYear, math.Ceil(c.Numbers[0]), math.Floor(c.Numbers[1])), nil
	case len(c.Words) == 1 && !c.Open && c.Field != "metadata":
		return textIs(propWords, facet(c.Field, "", c.Words[0])), nil
	}
	return nil, c.Fault("a catalog in Weaviate cannot decide this condition on %s: it knows equality, presence, single whole words, "+
		"and ranges of date, year, create_time and update_time; ask for one of these, or filter the answer", c.Field)
}

func present(c filter.Comparison) where {
	switch c.Field {
	case "date":
		return number64(propDate, pb.Filters_OPERATOR_GREATER_THAN, 0)
	case "year":
		return number64(propYear, pb.Filters_OPERATOR_GREATER_THAN, 0)
	case "create_time", "update_time":
		return everything()
	}
	return textIs(propFacets, presence(c.Field, c.Key))
}

// span is a range of whole numbers, both ends included.
func span(property string, lo, hi float64) where {
	lo, hi = max(lo, 0), min(hi, math.MaxInt32)
	if lo > hi {
		return nothing()
	}
	return between(property, int64(lo), int64(hi))
}

func times(property string, t [2]int64) where {
	if t[0] > t[1] {
		return nothing()
	}
	const most = 1 << 53 // what properties hold exactly
	return between(property, max(t[0], -most), min(t[1], most))
}
