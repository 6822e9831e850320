//go:build page

package web_test

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

	"github.com/x448/float16"
	"google.golang.org/genproto/googleapis/type/date"

	"akin/internal/client"
	akinv1 "akin/proto/akin/v1"
)

// fillWith imports papers with vectors that are ready: those of AKIN_PAGE_PAPERS of which
// AKIN_PAGE_VECTORS has some. The vectors may be of texts with markup, which is no matter
// here: akin import would embed those papers anew.
func fillWith(t *testing.T, address string) {
	t.Helper()
	c, err := client.Dial(address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	model, err := c.Embed.GetModel(t.Context(), &akinv1.GetModelRequest{})
	if err != nil {
		t.Fatal(err)
	}
	vectors := readVectors(t, os.Getenv("AKIN_PAGE_VECTORS"), int(model.GetSpace().GetDimension()))
	f, err := os.Open(os.Getenv("AKIN_PAGE_PAPERS"))
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
	n := 0
	err = c.Import(t.Context(), func(context.Context) (*akinv1.ImportPapersRequest, error) {
		for lines.Scan() {
			p, err := readyPaper(lines.Bytes(), n)
			if err != nil {
				return nil, err
			}
			if v := vectors[p.GetId()]; v != nil {
				n++
				return &akinv1.ImportPapersRequest{Paper: p, Vector: v, Space: model.GetSpace().GetFingerprint()}, nil
			}
		}
		return nil, io.EOF
	}, func(*akinv1.ImportPapersResponse) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d papers were imported", n)
}

// readyPaper reads a line of the abstracts. They say a year; the n-th paper is listed on
// a day of it.
func readyPaper(line []byte, n int) (*akinv1.Paper, error) {
	var p struct{ ID, Title, Abstract, Venue, Year, Authors string }
	if err := json.Unmarshal(line, &p); err != nil {
		return nil, err
	}
	out := &akinv1.Paper{Id: p.ID, Title: p.Title, Abstract: p.Abstract, Venue: p.Venue, Signals: map[string]float64{"upvotes": float64(n * 7919 % 97)}}
	if year, err := strconv.Atoi(p.Year); err == nil {
		out.PublishDate = &date.Date{Year: int32(year)}
		out.ListedDates = []*date.Date{{Year: int32(year), Month: int32(1 + n%12), Day: int32(1 + n%28)}}
	}
	for name := range strings.SplitSeq(p.Authors, ";") {
		if name = strings.TrimSpace(name); name != "" {
			out.Authors = append(out.Authors, &akinv1.Author{Name: name})
		}
	}
	return out, nil
}

// readVectors reads a file of float16 numbers, a row for each id of the file beside it.
func readVectors(t *testing.T, path string, dimension int) map[string][]float32 {
	t.Helper()
	ids, err := os.ReadFile(filepath.Join(filepath.Dir(path), "ids.txt"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(string(ids))
	raw = raw[len(raw)-len(names)*dimension*2:]
	out := make(map[string][]float32, len(names))
	for i, id := range names {
		v, sum := make([]float32, dimension), 0.0
		for k := range v {
			v[k] = float16.Frombits(binary.LittleEndian.Uint16(raw[2*(i*dimension+k):])).Float32()
			sum += float64(v[k]) * float64(v[k])
		}
		for k := range v {
			v[k] /= float32(math.Sqrt(sum)) // rounding changed the length
		}
		out[id] = v
	}
	return out
}
