package cli_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/x448/float16"
	"google.golang.org/genproto/googleapis/type/date"

	"akin/internal/client"
	"akin/internal/embed/embedtest"
	akinv1 "akin/proto/akin/v1"
)

// What queries over the real abstracts with ready vectors take through gRPC, one
// at a time: make bench-latency.
func TestQueryLatency(t *testing.T) {
	if os.Getenv("AKIN_BENCH") == "" {
		t.Skip("a measurement: run make bench-latency")
	}
	shared := filepath.Join(embedtest.Root(t), "..", "shared", "data")
	if _, err := os.Stat(shared); err != nil {
		t.Skip("the real abstracts are not beside the repository")
	}
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	c, err := client.Dial(s.grpc)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	papers := importReady(t, c, shared, 0, 0)
	waitForGraph(t, c, papers[0].GetId())
	begin := time.Now()
	if err := noveltyOf(t, c, papers[0].GetId()); err != nil {
		t.Fatal(err)
	}
	t.Logf("the first novelty: %.1f s", time.Since(begin).Seconds())
	for _, q := range []struct {
		name string
		ask  func(i int) error
	}{
		{"search, semantic", func(i int) error { return searchIn(t, c, papers[i].GetTitle(), akinv1.Mode_MODE_SEMANTIC) }},
		{"search, lexical", func(i int) error { return searchIn(t, c, papers[i].GetTitle(), akinv1.Mode_MODE_LEXICAL) }},
		{"search, hybrid", func(i int) error { return searchIn(t, c, papers[i].GetTitle(), akinv1.Mode_MODE_HYBRID) }},
		{"similar by id, semantic", func(i int) error { return similarTo(t, c, papers[i].GetId(), akinv1.Mode_MODE_SEMANTIC) }},
		{"similar by id, hybrid", func(i int) error { return similarTo(t, c, papers[i].GetId(), akinv1.Mode_MODE_HYBRID) }},
		{"similar by id, semantic, with recency", func(i int) error {
			_, err := c.Search.Similar(t.Context(), &akinv1.SimilarRequest{PaperIds: []string{papers[i].GetId()}, Mode: akinv1.Mode_MODE_SEMANTIC, Recency: .3})
			return err
		}},
		{"similar by id, semantic, by venue", func(i int) error {
			_, err := c.Search.Similar(t.Context(), &akinv1.SimilarRequest{PaperIds: []string{papers[i].GetId()}, Mode: akinv1.Mode_MODE_SEMANTIC, GroupBy: akinv1.GroupBy_GROUP_BY_VENUE})
			return err
		}},
		{"similar by id, semantic, in clusters", func(i int) error {
			_, err := c.Search.Similar(t.Context(), &akinv1.SimilarRequest{PaperIds: []string{papers[i].GetId()}, Mode: akinv1.Mode_MODE_SEMANTIC, GroupBy: akinv1.GroupBy_GROUP_BY_CLUSTER})
			return err
		}},
		{"novelty of 1", func(i int) error { return noveltyOf(t, c, papers[i].GetId()) }},
		{"recommend from 5", func(i int) error { return recommendFrom(t, c, papers, i, 5) }},
		{"recommend from 5,000", func(i int) error { return recommendFrom(t, c, papers, i, 5000) }},
	} {
		times, warm := 320, 20
		if strings.HasSuffix(q.name, ",000") {
			times, warm = 30, 2
		}
		var took []time.Duration
		step := len(papers) / times
		for n := range times {
			begin := time.Now()
			if err := q.ask(n * step); err != nil {
				t.Fatal(err)
			}
			if n >= warm {
				took = append(took, time.Since(begin))
			}
		}
		t.Logf("| %s | %.1f ms | %.1f ms |", q.name, percentile(took, 50).Seconds()*1000, percentile(took, 99).Seconds()*1000)
	}
}

func searchIn(t *testing.T, c *client.Client, text string, mode akinv1.Mode) error {
	_, err := c.Search.Search(t.Context(), &akinv1.SearchRequest{Query: text, Mode: mode})
	return err
}

func similarTo(t *testing.T, c *client.Client, id string, mode akinv1.Mode) error {
	_, err := c.Search.Similar(t.Context(), &akinv1.SimilarRequest{PaperIds: []string{id}, Mode: mode})
	return err
}

// recommendFrom likes n papers from the i-th on.
func recommendFrom(t *testing.T, c *client.Client, papers []*akinv1.Paper, i, n int) error {
	req := &akinv1.RecommendRequest{}
	for k := range n {
		req.Positive = append(req.Positive, &akinv1.Example{Example: &akinv1.Example_PaperId{PaperId: papers[(i+k)%len(papers)].GetId()}})
	}
	_, err := c.Search.Recommend(t.Context(), req)
	return err
}

func noveltyOf(t *testing.T, c *client.Client, id string) error {
	_, err := c.Search.GetNovelty(t.Context(), &akinv1.GetNoveltyRequest{PaperIds: []string{id}})
	return err
}

// importReady imports the abstracts from one on, at most so many (0 is all that there
// are), as ready gives them.
func importReady(t *testing.T, c *client.Client, shared string, from, most int) []*akinv1.Paper {
	t.Helper()
	model, err := c.Embed.GetModel(t.Context(), &akinv1.GetModelRequest{})
	if err != nil {
		t.Fatal(err)
	}
	next, stop := iter.Pull2(ready(t, shared, int(model.GetSpace().GetDimension()), most == 0))
	defer stop()
	var papers []*akinv1.Paper
	passed := 0
	err = c.Import(t.Context(), func(context.Context) (*akinv1.ImportPapersRequest, error) {
		for most == 0 || len(papers) < most {
			paper, vector, ok := next()
			if !ok {
				break
			}
			if passed++; passed > from {
				papers = append(papers, paper)
				return &akinv1.ImportPapersRequest{Paper: paper, Vector: vector, Space: model.GetSpace().GetFingerprint()}, nil
			}
		}
		return nil, io.EOF
	}, func(*akinv1.ImportPapersResponse) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d papers", len(papers))
	return papers
}

// ready gives the abstracts: with the vectors that are ready, and each of the others with
// one halfway between those of the two papers before it, which takes as long to search.
// Unless they are asked for once, they come again without end, under other ids, and
// changed a little.
func ready(t *testing.T, shared string, dim int, once bool) iter.Seq2[*akinv1.Paper, []float32] {
	t.Helper()
	ids, err := os.ReadFile(filepath.Join(shared, "vectors", "ids.txt"))
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]int)
	for id := range strings.FieldsSeq(string(ids)) {
		rows[id] = len(rows)
	}
	vectors, err := os.ReadFile(filepath.Join(shared, "vectors", "abstracts.f16.npy"))
	if err != nil {
		t.Fatal(err)
	}
	vectors = vectors[len(vectors)-len(rows)*dim*2:]
	return func(yield func(*akinv1.Paper, []float32) bool) {
		for round := 0; round == 0 || !once; round++ {
			var before, last []float32
			for p := range abstracts(t, shared) {
				row, ok := rows[p.ID]
				var vector []float32
				switch {
				case ok:
					vector = unitOf(vectors[row*dim*2 : (row+1)*dim*2])
					before, last = last, vector
				case before != nil:
					vector = halfway(before, last)
				default:
					continue
				}
				if round > 0 {
					if p.again(round); before != nil {
						vector = halfway(vector, halfway(vector, before))
					}
				}
				if !yield(p.paper(), vector) {
					return
				}
			}
		}
	}
}

// abstract is a line of the real abstracts.
type abstract struct{ ID, Title, Abstract, Venue, Year, Authors string }

// abstracts reads them.
func abstracts(t *testing.T, shared string) iter.Seq[*abstract] {
	return func(yield func(*abstract) bool) {
		f, err := os.Open(filepath.Join(shared, "abstracts", "abstracts.jsonl.gz"))
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Error(err)
			return
		}
		lines := bufio.NewScanner(z)
		lines.Buffer(nil, 1<<24)
		for lines.Scan() {
			var p abstract
			if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
				t.Error(err)
				return
			}
			if !yield(&p) {
				return
			}
		}
	}
}

// again makes another paper of one: under another id, with a word of title and abstract
// moved to the end, and every other author under another name.
func (p *abstract) again(round int) {
	p.ID += fmt.Sprint("-", round)
	for _, text := range []*string{&p.Title, &p.Abstract} {
		if first, rest, ok := strings.Cut(*text, " "); ok {
			*text = rest + " " + first
		}
	}
	names := strings.Split(p.Authors, ";")
	for i := 0; i < len(names); i += 2 {
		names[i] += fmt.Sprint(" ", string(rune('A'+round%26)))
	}
	p.Authors = strings.Join(names, ";")
}

func (p *abstract) paper() *akinv1.Paper {
	paper := &akinv1.Paper{Id: p.ID, Title: p.Title, Abstract: p.Abstract, Venue: p.Venue}
	if year, err := strconv.Atoi(p.Year); err == nil {
		paper.PublishDate = &date.Date{Year: int32(year)}
	}
	for name := range strings.SplitSeq(p.Authors, ";") {
		if name = strings.TrimSpace(name); name != "" {
			paper.Authors = append(paper.Authors, &akinv1.Author{Name: name})
		}
	}
	return paper
}

// unitOf reads float16 numbers, whose rounding changed the length.
func unitOf(raw []byte) []float32 {
	v := make([]float32, len(raw)/2)
	var sum float64
	for i := range v {
		v[i] = float16.Frombits(binary.LittleEndian.Uint16(raw[2*i:])).Float32()
		sum += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}

// halfway is the direction between two unit vectors.
func halfway(a, b []float32) []float32 {
	v := make([]float32, len(a))
	var sum float64
	for i := range v {
		v[i] = a[i] + b[i]
		sum += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}

// waitForGraph waits until the graph answers.
func waitForGraph(t *testing.T, c *client.Client, id string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Second) {
		resp, err := c.Search.Similar(t.Context(), &akinv1.SimilarRequest{PaperIds: []string{id}, Mode: akinv1.Mode_MODE_SEMANTIC})
		if err != nil {
			t.Fatal(err)
		}
		if resp.GetPlan().GetStrategy() != akinv1.Strategy_STRATEGY_EXACT {
			return
		}
	}
	t.Log("the graph still does not answer, or a scan is cheaper")
}
