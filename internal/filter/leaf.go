package filter

import (
	"slices"
	"strings"

	"go.einride.tech/aip/filtering"

	"akin/internal/paper"
)

// leaf is one comparison, without its negation.
type leaf struct {
	field *field
	key   string
	// The values that satisfy it, by what the field is.
	days    interval[uint32]  // date
	times   interval[int64]   // create_time, update_time
	numbers interval[float64] // signals
	accepts func(string) bool // all other fields
	// exact is the only value that accepts takes, folded where the field is, if
	// direct is set.
	exact  string
	direct bool
	// phrase is in every value that accepts takes, so that values can be found by
	// their words; nil where nothing is known.
	phrase *phrase
	// any is set where presence is all that is asked.
	any bool
	// inWords says that the phrase is all that is asked, and column where in the text.
	inWords bool
	column  int
}

// match decides one record.
func (l *leaf) match(r *subject) bool {
	switch l.field.name {
	case "date":
		return l.days.has(packDate(r.PublishDate))
	case "create_time":
		return !r.CreateTime.IsZero() && l.times.has(r.CreateTime.UnixMicro())
	case "update_time":
		return !r.UpdateTime.IsZero() && l.times.has(r.UpdateTime.UnixMicro())
	case "signals":
		v, ok := r.Signals[l.key]
		return ok && l.numbers.has(v)
	}
	if l.phrase != nil && !l.any {
		// Most texts lack a word, which is seen at once.
		if text, ok := r.plain(l.field); ok && !l.phrase.may(text) {
			return false
		}
	}
	values := texts(r.Record, l.field, l.key)
	if l.any {
		return len(values) > 0
	}
	return slices.ContainsFunc(values, l.accepts)
}

// equal makes accepts for text that equals a value, in which a * at either end
// stands for anything.
func (l *leaf) equal(value string) {
	same := l.field.same
	begin, end := strings.HasPrefix(value, "*"), strings.HasSuffix(value, "*")
	inner := same(strings.TrimSuffix(strings.TrimPrefix(value, "*"), "*"))
	switch {
	case strings.Trim(value, "*") == "" && value != "":
		l.any = true
	case begin && end:
		l.accepts = func(s string) bool { return strings.Contains(same(s), inner) }
	case begin:
		l.accepts = func(s string) bool { return strings.HasSuffix(same(s), inner) }
	case end:
		// What begins so has its words, the last of them perhaps longer.
		if p := phraseOf(value); len(p.words) > 0 {
			l.phrase = &p
		}
		l.accepts = func(s string) bool { return strings.HasPrefix(same(s), inner) }
	default:
		l.exact, l.direct = inner, true
		l.accepts = func(s string) bool { return same(s) == inner }
	}
}

// ordered makes accepts for text before or after a value, byte by byte.
func (l *leaf) ordered(op filtering.TokenType, value string) {
	value = l.field.same(value)
	l.accepts = func(s string) bool {
		switch c := strings.Compare(l.field.same(s), value); op {
		case filtering.TokenTypeLessThan:
			return c < 0
		case filtering.TokenTypeLessEquals:
			return c <= 0
		case filtering.TokenTypeGreaterThan:
			return c > 0
		default:
			return c >= 0
		}
	}
}

// number makes accepts for text that is a number and compares so with value, which
// is one.
func (l *leaf) number(op filtering.TokenType, value string) {
	than := newDecimal(value)
	l.accepts = func(s string) bool {
		if _, ok := parseNumber(s); !ok {
			return false
		}
		return holds(op, newDecimal(s).compare(than))
	}
}

// listed makes accepts for a listing date. One without a year is in no order;
// it equals itself alone, and a value without a year equals that day of every
// year.
func (l *leaf) listed(op filtering.TokenType, value paper.Date) {
	in := anyDate()
	if value.Year != 0 {
		in = days(op, value)
	}
	l.accepts = func(s string) bool {
		d, err := paper.ParseDate(s)
		if err != nil {
			return false
		}
		if value.Year == 0 {
			return d.Month == value.Month && d.Day == value.Day
		}
		return d.Year != 0 && in.has(packDate(d))
	}
}
