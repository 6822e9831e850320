package cli_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
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

// importReady imports the abstracts from one on, at most so many (0 is all): with the
// vectors that are ready, and each of the others with one halfway between those of the two
// papers before it, which takes as long to search.
func importReady(t *testing.T, c *client.Client, shared string, from, most int) []*akinv1.Paper {
	t.Helper()
	model, err := c.Embed.GetModel(t.Context(), &akinv1.GetModelRequest{})
	if err != nil {
		t.Fatal(err)
	}
	dim := int(model.GetSpace().GetDimension())
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
	f, err := os.Open(filepath.Join(shared, "abstracts", "abstracts.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<24)
	var papers []*akinv1.Paper
	var before, last []float32
	passed := 0
	err = c.Import(t.Context(), func(context.Context) (*akinv1.ImportPapersRequest, error) {
		for (most == 0 || len(papers) < most) && lines.Scan() {
			var p struct{ ID, Title, Abstract, Venue, Year, Authors string }
			if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
				return nil, err
			}
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
			if passed++; passed <= from {
				continue
			}
			paper := &akinv1.Paper{Id: p.ID, Title: p.Title, Abstract: p.Abstract, Venue: p.Venue}
			if year, err := strconv.Atoi(p.Year); err == nil {
				paper.PublishDate = &date.Date{Year: int32(year)}
			}
			for name := range strings.SplitSeq(p.Authors, ";") {
				if name = strings.TrimSpace(name); name != "" {
					paper.Authors = append(paper.Authors, &akinv1.Author{Name: name})
				}
			}
			papers = append(papers, paper)
			return &akinv1.ImportPapersRequest{Paper: paper, Vector: vector, Space: model.GetSpace().GetFingerprint()}, nil
		}
		return nil, io.EOF
	}, func(*akinv1.ImportPapersResponse) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d papers", len(papers))
	return papers
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
