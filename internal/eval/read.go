package eval

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"akin/internal/paper"
)

// maxLineBytes bounds one line of a file; the longest abstract is far below.
const maxLineBytes = 4 << 20

// Query is one question to a searcher: a text, or a paper of the corpus.
type Query struct {
	ID string
	// Text is the free text, or empty if the query is a paper.
	Text string
	// PaperID names the query paper, or is empty.
	PaperID string
	// Facet says in which respect papers shall be alike (CSFCube: background,
	// method or result), or is empty.
	Facet string
	// Candidates are the only papers to rank, sorted; nil means the corpus.
	Candidates []string
	// Likes are the papers that a taste is made of, sorted; they are no answers.
	Likes []string
}

// Qrels are relevance judgements: query id to paper id to grade. 0 is not
// relevant, higher is better, negative is pooled but not judged.
type Qrels map[string]map[string]int

// decompressed looks at the first bytes, not at the name: gzip or plain.
func decompressed(r io.Reader) (*bufio.Reader, error) {
	buffered := bufio.NewReader(r)
	magic, _ := buffered.Peek(2) // a file may be shorter; reading tells why
	if !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return buffered, nil
	}
	z, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	return bufio.NewReader(z), nil
}

// eachLine hands over every line that is not blank, without its line end.
// Errors name the file and the line, which counts from 1.
func eachLine(r io.Reader, name string, each func(number int, line []byte) error) error {
	text, err := decompressed(r)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, maxLineBytes)
	number := 0
	for lines.Scan() {
		number++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		err := each(number, lines.Bytes())
		if err != nil && lines.Err() != nil {
			number-- // the line is wrong because its end could not be read
			break
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s:%d: read a line (at most %d bytes): %w", name, number+1, maxLineBytes, err)
	}
	return nil
}

// corpusRow is a line of a corpus.
type corpusRow struct {
	ID, Title, Abstract, Venue string
	// Year and Authors are as sources of data sets write them: a number or text; a
	// list of names, or names between semicolons.
	Year    json.RawMessage
	Authors json.RawMessage
}

// paper gives what the row says. A year or authors in another form are left out.
func (r *corpusRow) paper() paper.Paper {
	p := paper.Paper{ID: r.ID, Title: r.Title, Abstract: r.Abstract, Venue: r.Venue}
	if year, err := strconv.Atoi(strings.Trim(string(r.Year), `" `)); err == nil && year > 0 && year <= 9999 {
		p.PublishDate = paper.Date{Year: year}
	}
	var names []string
	var all string
	if json.Unmarshal(r.Authors, &names) != nil && json.Unmarshal(r.Authors, &all) == nil {
		names = strings.Split(all, ";")
	}
	for _, name := range names {
		if name = strings.TrimSpace(name); name != "" {
			p.Authors = append(p.Authors, paper.Author{Name: name})
		}
	}
	return p
}

// ReadCorpus reads JSON lines of id, title, abstract, authors, venue and year, plain
// or gzip; other fields are ignored. A paper may lack its text (Cranfield has two
// such); an id must be there, once. The name is for errors.
func ReadCorpus(r io.Reader, name string) ([]paper.Paper, error) {
	var papers []paper.Paper
	seen := map[string]int{}
	err := eachLine(r, name, func(number int, line []byte) error {
		var row corpusRow
		if err := json.Unmarshal(line, &row); err != nil {
			return fmt.Errorf("read a paper: %w", err)
		}
		if err := unseen(seen, row.ID, number); err != nil {
			return err
		}
		papers = append(papers, row.paper())
		return nil
	})
	return papers, err
}

// ReadQueries reads JSON lines of id and text, or of id, paper_id and facet,
// plain or gzip. The name is for errors.
func ReadQueries(r io.Reader, name string) ([]Query, error) {
	var queries []Query
	seen := map[string]int{}
	err := eachLine(r, name, func(number int, line []byte) error {
		var row struct {
			ID      string `json:"id"`
			Text    string `json:"text"`
			PaperID string `json:"paper_id"`
			Facet   string `json:"facet"`
		}
		if err := json.Unmarshal(line, &row); err != nil {
			return fmt.Errorf("read a query: %w", err)
		}
		if err := unseen(seen, row.ID, number); err != nil {
			return err
		}
		if (row.Text == "") == (row.PaperID == "") {
			return paper.Invalidf("query %q has text %q and paper_id %q; give exactly one of them", row.ID, row.Text, row.PaperID)
		}
		queries = append(queries, Query{ID: row.ID, Text: row.Text, PaperID: row.PaperID, Facet: row.Facet})
		return nil
	})
	return queries, err
}

// unseen keeps the line of every id, and refuses an empty one and a second.
func unseen(seen map[string]int, id string, number int) error {
	if id == "" {
		return paper.Invalidf("the id is missing or empty")
	}
	if before, ok := seen[id]; ok {
		return paper.Invalidf("id %q is there already, in line %d", id, before)
	}
	seen[id] = number
	return nil
}

// ReadQrels reads judgements: query, paper and grade, separated by tabs, plain
// or gzip. A first line whose grade is the word "score" is BEIR's heading and
// is skipped. The name is for errors.
func ReadQrels(r io.Reader, name string) (Qrels, error) {
	qrels := Qrels{}
	err := eachLine(r, name, func(number int, line []byte) error {
		fields := strings.Split(string(line), "\t")
		if len(fields) != 3 {
			return paper.Invalidf("has %d fields; query, paper and grade are wanted, separated by tabs", len(fields))
		}
		query, id := fields[0], fields[1]
		if number == 1 && fields[2] == "score" {
			return nil
		}
		if query == "" || id == "" {
			return paper.Invalidf("the query or the paper is empty")
		}
		grade, err := strconv.ParseInt(fields[2], 10, 32)
		if err != nil {
			return paper.Invalidf("grade %q is not a whole number", fields[2])
		}
		if _, ok := qrels[query][id]; ok {
			return paper.Invalidf("query %q judges paper %q a second time", query, id)
		}
		if qrels[query] == nil {
			qrels[query] = map[string]int{}
		}
		qrels[query][id] = int(grade)
		return nil
	})
	return qrels, err
}
