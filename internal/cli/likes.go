package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
	"google.golang.org/protobuf/types/known/timestamppb"

	akinv1 "akin/proto/akin/v1"
)

const (
	// mostExamples is how many likes, or dislikes, a recommendation takes.
	mostExamples = 5000
	// maxExampleLine bounds a line of a file of examples, in bytes.
	maxExampleLine = 1 << 20
)

// readExamples reads likes or dislikes of a file: JSON Lines of id (or title and
// abstract), weight and time, or lines of id, weight and day, separated by tabs,
// where weight and day may be left out. Errors name file and line.
func readExamples(path string) ([]*akinv1.Example, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read examples: %w", err)
	}
	defer f.Close()
	return parseExamples(f, path)
}

func parseExamples(r io.Reader, path string) (out []*akinv1.Example, err error) {
	// A byte order mark is no part of an id; one of UTF-16 says how to read the file.
	lines := bufio.NewScanner(transform.NewReader(r, unicode.BOMOverride(transform.Nop)))
	lines.Buffer(nil, maxExampleLine)
	parse, number := exampleOfTSV, 0
	for lines.Scan() {
		number++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if len(out) == 0 && line[0] == '{' {
			parse = exampleOfJSON
		}
		if len(out) == mostExamples {
			return nil, fmt.Errorf("%s:%d: there are more than %d examples, which is the limit; leave out the oldest", path, number, mostExamples)
		}
		x, err := parse(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, number, err)
		}
		out = append(out, x)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s:%d: read a line (at most %d bytes): %w", path, number+1, maxExampleLine, err)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s holds no examples; write an id a line, or JSON Lines", path)
	}
	return out, nil
}

func exampleOfJSON(line []byte) (*akinv1.Example, error) {
	var row struct {
		ID       string   `json:"id"`
		Title    string   `json:"title"`
		Abstract string   `json:"abstract"`
		Weight   *float64 `json:"weight"`
		Time     string   `json:"time"`
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&row); err != nil {
		return nil, fmt.Errorf("wanted is an object of id (or title and abstract), weight and time: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one object in the line")
	}
	x := new(akinv1.Example)
	switch {
	case (row.ID == "") == (row.Title == "" && row.Abstract == ""):
		return nil, errors.New("give either id, or title and abstract")
	case row.ID != "":
		x.Example = &akinv1.Example_PaperId{PaperId: row.ID}
	default:
		x.Example = &akinv1.Example_Text{Text: &akinv1.Text{Title: row.Title, Abstract: row.Abstract}}
	}
	if row.Weight != nil {
		if err := setWeight(x, *row.Weight); err != nil {
			return nil, err
		}
	}
	return x, setTime(x, row.Time)
}

func exampleOfTSV(line []byte) (*akinv1.Example, error) {
	fields := strings.Split(string(line), "\t")
	if len(fields) > 3 || fields[0] == "" {
		return nil, fmt.Errorf("has %d fields; wanted are id, weight and day, separated by tabs", len(fields))
	}
	x := &akinv1.Example{Example: &akinv1.Example_PaperId{PaperId: fields[0]}}
	if len(fields) > 1 && fields[1] != "" {
		weight, err := strconv.ParseFloat(fields[1], 64)
		if err != nil {
			return nil, fmt.Errorf("weight %q is not a number", fields[1])
		}
		if err := setWeight(x, weight); err != nil {
			return nil, err
		}
	}
	if len(fields) < 3 {
		return x, nil
	}
	return x, setTime(x, fields[2])
}

// setWeight refuses 0, which the API takes for 1.
func setWeight(x *akinv1.Example, weight float64) error {
	if math.IsNaN(weight) || weight <= 0 || weight > 1000 {
		return fmt.Errorf("weight is %v; it must be above 0 and at most 1000", weight)
	}
	x.Weight = weight
	return nil
}

func setTime(x *akinv1.Example, text string) error {
	if text == "" {
		return nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			x.Time = timestamppb.New(t)
			return nil
		}
	}
	return fmt.Errorf("time %q is neither a day, such as 2024-05-01, nor a time, such as 2024-05-01T08:00:00Z", text)
}
