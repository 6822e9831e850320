package filter

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"akin/internal/paper"
)

// corpusVariable names the file of papers that the benchmarks read, one JSON
// object a line, gzipped; they are skipped without it.
const corpusVariable = "AKIN_FILTER_CORPUS"

// corpus reads the papers, and gives each what the file lacks: two categories, a
// day, a signal and metadata, drawn from a fixed seed.
func corpus(b *testing.B) []*paper.Record {
	b.Helper()
	file, err := os.Open(os.Getenv(corpusVariable))
	if err != nil {
		b.Skipf("set %s to a gzipped file of papers as JSON lines", corpusVariable)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	var records []*paper.Record
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var row struct{ ID, Title, Abstract, Year, Venue, Authors string }
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			b.Fatal(err)
		}
		r := &paper.Record{Paper: paper.Paper{ID: row.ID, Title: row.Title, Abstract: row.Abstract, Venue: row.Venue, Language: "en"}}
		for name := range strings.SplitSeq(row.Authors, ";") {
			r.Authors = append(r.Authors, paper.Author{Name: strings.TrimSpace(name)})
		}
		year, _ := strconv.Atoi(row.Year)
		r.PublishDate = paper.Date{Year: year, Month: 1 + random.IntN(12), Day: 1 + random.IntN(28)}
		r.Categories = []string{fmt.Sprintf("cs.%02d", random.IntN(40)), fmt.Sprintf("stat.%02d", random.IntN(10))}
		r.Signals = map[string]float64{"upvotes": float64(int(random.ExpFloat64() * 20))}
		r.Metadata = map[string]string{"track": fmt.Sprint("track ", random.IntN(20)), "forum": row.ID}
		r.CreateTime = time.Unix(1_700_000_000+int64(len(records)), 0)
		r.UpdateTime = r.CreateTime
		records = append(records, r)
	}
	if err := lines.Err(); err != nil {
		b.Fatal(err)
	}
	return records
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkCorpus(b *testing.B) {
	records := corpus(b)
	var x *Index
	b.Run("Build", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			x = nil
			before := heap()
			b.StartTimer()
			x = NewIndex()
			for i, r := range records {
				x.Upsert(uint32(i), r)
			}
			b.StopTimer()
			b.ReportMetric(float64(heap()-before)/float64(len(records)), "B/paper")
			b.ReportMetric(float64(len(records)), "papers")
			b.StartTimer()
		}
	})
	for _, text := range []string{
		`category = cs.07`, `category = cs.07 AND date >= 2024`, `venue = ICML AND year >= 2020`, `category = (cs.07 OR cs.08 OR cs.09) AND NOT venue = ICML`,
		`author = "Yoshua Bengio"`, `author:Bengio`, `author:Bengio AND category = cs.07`, `author:ben*`, `author = "yoshua*"`, `year >= 2020`, `date >= 2024-03-17`, `signals.upvotes > 100`, `signals.upvotes > 10`, `metadata.track = "track 3"`,
		`create_time > "2023-11-15T00:00:00Z"`, `"contrastive learning" AND venue = ICML`, `metadata.forum = x`,
	} {
		f, err := Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("Bitmap/"+text, func(b *testing.B) {
			var kept uint64
			for b.Loop() {
				bm, _ := x.Bitmap(f)
				kept = bm.GetCardinality()
			}
			b.ReportMetric(float64(kept), "kept")
		})
	}
	benchOthers(b, x, records)
}

func benchOthers(b *testing.B, x *Index, records []*paper.Record) {
	b.Run("Parse", func(b *testing.B) {
		for b.Loop() {
			if _, err := Parse(`category = (cs.CL OR cs.LG) AND date >= 2024-03 AND NOT author:Lovelace`); err != nil {
				b.Fatal(err)
			}
		}
	})
	f, err := Parse(`"contrastive learning"`)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("Match/words", func(b *testing.B) {
		i := 0
		for b.Loop() {
			f.Match(records[i%len(records)])
			i++
		}
	})
	for _, field := range []string{"venue", "author"} {
		within, _ := x.Bitmap(f)
		b.Run("Facet/"+field+"/all", func(b *testing.B) {
			for b.Loop() {
				if _, err := x.Facet(field, nil, 10); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("Facet/"+field+"/within", func(b *testing.B) {
			for b.Loop() {
				if _, err := x.Facet(field, within, 10); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("Upsert", func(b *testing.B) {
		i := 0
		for b.Loop() {
			x.Upsert(uint32(i%len(records)), records[i%len(records)])
			i++
		}
	})
}
