package cite

import (
	"bytes"
	"fmt"
	"strings"

	"akin/internal/paper"
)

// risOf writes RIS. Each value is one line, so that no text can be taken for a tag.
func risOf(items []Item, keys []string) []byte {
	var b bytes.Buffer
	for i := range items {
		if i > 0 {
			b.WriteString("\r\n")
		}
		risItem(&b, &items[i], keys[i])
	}
	return b.Bytes()
}

func risItem(b *bytes.Buffer, it *Item, key string) {
	tag := func(name, value string) {
		if value = oneLine(value); value != "" {
			fmt.Fprintf(b, "%s  - %s\r\n", name, value)
		}
	}
	types := map[kind]string{other: "GEN", article: "JOUR", proceedings: "CONF", book: "BOOK", thesis: "THES"}
	tag("TY", types[kindOf(it.Paper)])
	tag("ID", key)
	tag("TI", it.Title)
	for _, a := range it.Authors {
		tag("AU", inverted(a.Name))
	}
	tag("T2", it.Venue)
	if d := it.PublishDate; d.Year != 0 {
		tag("PY", fmt.Sprintf("%04d", d.Year))
		tag("DA", risDate(d))
	}
	tag("AB", it.Abstract)
	tag("DO", it.DOI)
	if it.ArxivID != "" {
		tag("M1", "arXiv:"+it.ArxivID)
	}
	for _, u := range it.URLs {
		tag("UR", u)
	}
	for _, word := range it.keywords() {
		tag("KW", word)
	}
	tag("LA", it.Language)
	tag("N1", it.Note)
	b.WriteString("ER  - \r\n")
}

// inverted gives "Last, First".
func inverted(name string) string {
	given, last := nameParts(name)
	if given == "" {
		return last
	}
	return last + ", " + given
}

// risDate writes what is known of a date: YYYY/MM/DD.
func risDate(d paper.Date) string {
	s := fmt.Sprintf("%04d", d.Year)
	if d.Month != 0 {
		s += fmt.Sprintf("/%02d", d.Month)
	}
	if d.Month != 0 && d.Day != 0 {
		s += fmt.Sprintf("/%02d", d.Day)
	}
	return strings.TrimSpace(s)
}
