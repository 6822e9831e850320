package ingest

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"akin/internal/paper"
)

// Of no file does the time grow with the square of its size: what nests, repeats or does
// not end costs the file, and no more than reading it.
func TestNoFileIsSlow(t *testing.T) {
	const size = 1 << 20
	most := 3 * time.Second
	if raceDetector {
		most *= 10
	}
	fill := func(begin, middle, end string) string {
		return begin + strings.Repeat(middle, max(1, (size-len(begin)-len(end))/len(middle))) + end
	}
	numbered := func(begin, format, end string) string {
		var b strings.Builder
		b.WriteString(begin)
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String() + end
	}
	nested := func(begin, inner, end string, depth int) string {
		return `{"title":"T",` + strings.Repeat(begin, depth) + inner + strings.Repeat(end, depth) + "}"
	}
	text := `"` + strings.Repeat("x", size) + `"`
	record := func(inner string) string {
		return `<OAI-PMH><ListRecords><record><header><identifier>oai:x:1</identifier></header><metadata><dc><title>T</title>` + inner +
			`</dc></metadata></record></ListRecords></OAI-PMH>`
	}
	for name, file := range map[string]struct{ format, text string }{
		"keys of an object":              {"jsonl", numbered(`{"title":"T"`, `,"k%d":1`, "}")},
		"the same key":                   {"jsonl", numbered(`{"title":"T"`, `,"k":%d`, "}")},
		"addresses":                      {"jsonl", numbered(`{"title":"T","urls":["http://x"`, `,"http://x/%d"`, "]}")},
		"authors in objects":             {"jsonl", nested(`"author":{`, `"name":`+text, "}", 2000)},
		"dates in objects":               {"jsonl", nested(`"date":{`, `"raw":`+text, "}", 2000)},
		"dates in lists":                 {"jsonl", `{"title":"T","date":` + strings.Repeat("[", 2000) + text + strings.Repeat("]", 2000) + "}"},
		"columns":                        {"csv", fill("title", ",c", "\n") + "T\n"},
		"identifiers":                    {"", record(numbered("", "<identifier>i%d</identifier>", ""))},
		"links":                          {"", record(numbered("", "<identifier>http://x/%d</identifier>", ""))},
		"subjects":                       {"", record(numbered("", "<subject>s%d</subject>", ""))},
		"categories":                     {"atom", numbered(`<feed><entry><id>http://arxiv.org/abs/2101.00001v1</id><title>T</title>`, `<category term="c%d"/>`, "</entry></feed>")},
		"quotes of BibTeX":               {"bibtex", fill("@article{a,\n", "a = \" b,\n", "title = {T}}\n")},
		"comments of BibTeX":             {"bibtex", fill("", "@comment{\n", "@article{a, title = {T}}\n")},
		"what is no field":               {"bibtex", fill("@article{a, title = {T}", ",=", "}\n")},
		"braces of BibTeX":               {"bibtex", fill("@article{a, title = ", "{", "")},
		"entries without an end":         {"bibtex", fill("", "@article{a, title = {T\n", "")},
		"elements without an end":        {"oai", fill("<OAI-PMH>", "<record><header>", "")},
		"comments of XML without an end": {"oai", fill("<OAI-PMH><record><header>", "<!--", "")},
		"tags of RIS":                    {"ris", fill("TY  - JOUR\nTI  - T\n", "AU  - A, B\n", "ER  - \n")},
		"TeX":                            {"bibtex", fill("@article{a, title = {T}, note = {", `\'{`, "}}\n")},
	} {
		start := worked(t)
		r, err := NewReader("test", strings.NewReader(file.text), Options{Format: file.format})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		rows, err := readToEnd(r)
		if took := worked(t) - start; took > most {
			t.Errorf("%s: %d rows took %v", name, len(rows), took)
		}
		var known *paper.Error
		if err != nil && !errors.As(err, &known) {
			t.Errorf("%s: %v", name, err)
		}
		for _, row := range rows {
			checkResult(t, row)
		}
	}
}

// worked is the time that this process worked, however busy the machine is.
func worked(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// What nests around papers takes no memory without a bound.
func TestNestingIsBounded(t *testing.T) {
	r, err := NewReader("test", strings.NewReader(`{"results":[],"a":`+strings.Repeat("[", 1<<20)+"\n"), Options{Format: "jsonl"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readToEnd(r); err == nil || !strings.Contains(err.Error(), "nested more than 10000 deep") {
		t.Errorf("%v", err)
	}
}
