package vecfile

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"akin/internal/paper"
)

// parquetRows is how many rows make a row group: it bounds what is held in
// memory, and what a reader must.
const parquetRows = 4096

// record is a row as Parquet and JSON Lines have it: the names are those that
// akin import reads.
type record struct {
	ID          string    `parquet:"id" json:"id"`
	Title       string    `parquet:"title,zstd" json:"title"`
	Abstract    string    `parquet:"abstract,zstd" json:"abstract"`
	Authors     []author  `parquet:"authors,list" json:"authors,omitempty"`
	Categories  []string  `parquet:"categories,list" json:"categories,omitempty"`
	Venue       string    `parquet:"venue,zstd" json:"venue,omitempty"`
	Date        string    `parquet:"date" json:"date,omitempty"`
	ListedDates []string  `parquet:"listed_dates,list" json:"listed_dates,omitempty"`
	DOI         string    `parquet:"doi" json:"doi,omitempty"`
	ArxivID     string    `parquet:"arxiv_id" json:"arxiv_id,omitempty"`
	URLs        []string  `parquet:"urls,list" json:"urls,omitempty"`
	Language    string    `parquet:"language" json:"language,omitempty"`
	Signals     signals   `parquet:"signals,list" json:"signals,omitempty"`
	Metadata    metadata  `parquet:"metadata,list" json:"metadata,omitempty"`
	Tokens      int32     `parquet:"token_count" json:"-"`
	Truncated   bool      `parquet:"truncated" json:"-"`
	Embedding   []float32 `parquet:"embedding,list" json:"-"`
}

type author struct {
	Name  string `parquet:"name" json:"name"`
	ORCID string `parquet:"orcid" json:"orcid,omitempty"`
}

// A Parquet MAP would be written in the random order of a Go map.
type (
	signal struct {
		Key   string  `parquet:"key"`
		Value float64 `parquet:"value"`
	}
	entry struct {
		Key   string `parquet:"key"`
		Value string `parquet:"value,zstd"`
	}
	signals  []signal
	metadata []entry
)

// MarshalJSON writes an object.
func (s signals) MarshalJSON() ([]byte, error) {
	m := make(map[string]float64, len(s))
	for _, e := range s {
		m[e.Key] = e.Value
	}
	return json.Marshal(m)
}

// MarshalJSON writes an object.
func (m metadata) MarshalJSON() ([]byte, error) {
	all := make(map[string]string, len(m))
	for _, e := range m {
		all[e.Key] = e.Value
	}
	return json.Marshal(all)
}

// fill sets the record from a row, using its memory again.
func (r *record) fill(row *Row) {
	p := row.Paper
	*r = record{
		ID: p.ID, Title: p.Title, Abstract: p.Abstract, Categories: p.Categories, Venue: p.Venue, Date: p.PublishDate.String(),
		DOI: p.DOI, ArxivID: p.ArxivID, URLs: p.URLs, Language: p.Language,
		Authors: r.Authors[:0], ListedDates: r.ListedDates[:0], Signals: r.Signals[:0], Metadata: r.Metadata[:0],
		Tokens: int32(row.Tokens), Truncated: row.Truncated, Embedding: row.Vector,
	}
	for _, a := range p.Authors {
		r.Authors = append(r.Authors, author(a))
	}
	for _, d := range p.ListedDates {
		r.ListedDates = append(r.ListedDates, d.String())
	}
	for _, k := range slices.Sorted(maps.Keys(p.Signals)) {
		r.Signals = append(r.Signals, signal{k, p.Signals[k]})
	}
	for _, k := range slices.Sorted(maps.Keys(p.Metadata)) {
		r.Metadata = append(r.Metadata, entry{k, p.Metadata[k]})
	}
}

var _ = author(paper.Author{}) // the same fields

// parquetWriter writes Parquet: the embedding as LIST<FLOAT>.
type parquetWriter struct {
	out    *pending
	writer *parquet.GenericWriter[record]
	rows   [1]record
}

func newParquet(path string, opt Options) (*parquetWriter, error) {
	out, err := create(path)
	if err != nil {
		return nil, err
	}
	options := []parquet.WriterOption{
		// The library's own default names its version and build.
		parquet.CreatedBy("akin", "1", ""),
		parquet.MaxRowsPerRowGroup(parquetRows),
		parquet.PageBufferSize(64 << 10),
		parquet.SkipPageBounds("embedding"), parquet.SkipPageBounds("abstract"),
	}
	for _, k := range slices.Sorted(maps.Keys(opt.Metadata)) {
		options = append(options, parquet.KeyValueMetadata(k, opt.Metadata[k]))
	}
	return &parquetWriter{out: out, writer: parquet.NewGenericWriter[record](out, options...)}, nil
}

func (w *parquetWriter) write(r *Row) error {
	w.rows[0].fill(r)
	_, err := w.writer.Write(w.rows[:])
	return w.out.fail(err)
}

func (w *parquetWriter) finish() error {
	if err := w.writer.Close(); err != nil {
		return w.out.fail(err)
	}
	return w.out.fail(w.out.Flush())
}

func (w *parquetWriter) files() []*pending { return []*pending{w.out} }

// jsonlWriter writes JSON Lines that akin import reads.
type jsonlWriter struct {
	stream
	line bytes.Buffer
	rec  record
}

func newJSONL(path string) (*jsonlWriter, error) {
	out, err := create(path)
	return &jsonlWriter{stream: stream{out}}, err
}

func (w *jsonlWriter) write(r *Row) error {
	w.rec.fill(r)
	w.line.Reset()
	enc := json.NewEncoder(&w.line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(&w.rec); err != nil {
		return w.out.fail(err)
	}
	line := bytes.TrimSuffix(w.line.Bytes(), []byte("}\n"))
	if r.Tokens > 0 {
		line = append(line, `,"token_count":`...)
		line = strconv.AppendInt(line, int64(r.Tokens), 10)
		line = append(line, `,"truncated":`...)
		line = strconv.AppendBool(line, r.Truncated)
	}
	if r.Vector != nil {
		line = appendVector(append(line, `,"embedding":`...), r.Vector)
	}
	_, err := w.out.Write(append(line, "}\n"...))
	return w.out.fail(err)
}

// appendVector writes the shortest decimals that give the same float32 again.
func appendVector(line []byte, vector []float32) []byte {
	line = append(line, '[')
	for i, x := range vector {
		if i > 0 {
			line = append(line, ',')
		}
		format := byte('f')
		if a := math.Abs(float64(x)); a != 0 && a < 1e-5 {
			format = 'e'
		}
		line = strconv.AppendFloat(line, float64(x), format, -1, 32)
	}
	return append(line, ']')
}

// MarshalPaper gives a paper as a line of JSON that akin import reads.
func MarshalPaper(p *paper.Paper) ([]byte, error) {
	var r record
	r.fill(&Row{Paper: p})
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(&r)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
