package vecfile_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/x448/float16"

	"akin/internal/paper"
	"akin/internal/vecfile"
)

// numpyFile writes rows as numpy does, in the precision that descr names.
func numpyFile(t *testing.T, path, descr string, rows [][]float64) {
	t.Helper()
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d), }", descr, len(rows), len(rows[0]))
	header += strings.Repeat(" ", 127-10-len(header)%64) + "\n"
	raw := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	binary.LittleEndian.PutUint16(raw[8:], uint16(len(header)))
	raw = append(raw, header...)
	for _, row := range rows {
		for _, x := range row {
			switch descr {
			case "<f2":
				raw = binary.LittleEndian.AppendUint16(raw, float16.Fromfloat32(float32(x)).Bits())
			case "<f4":
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(x)))
			case "<f8":
				raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(x))
			default:
				raw = append(raw, byte(int8(x*127)))
			}
		}
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestForeignNPY(t *testing.T) {
	rows := [][]float64{{0.6, 0.8}, {1, 0}, {-0.8, 0.6}}
	for _, descr := range []string{"<f2", "<f4", "<f8"} {
		dir := t.TempDir()
		path := filepath.Join(dir, "any.npy")
		numpyFile(t, path, descr, rows)
		if err := os.WriteFile(filepath.Join(dir, vecfile.IDsFile), []byte("a\r\nb\r\nc\r\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{path, dir} {
			f, err := vecfile.OpenForeign(name, "")
			if err != nil {
				t.Fatal(descr, err)
			}
			v, err := f.Vector("c")
			if err != nil || f.Rows != 3 || f.Dimension != 2 || vecfile.Cosine(v, []float32{-0.8, 0.6}) < 0.9999 {
				t.Errorf("%s: %v, %v", descr, v, err)
			}
			if v, err := f.Vector("d"); v != nil || err != nil {
				t.Errorf("%s: a vector of nobody: %v, %v", descr, v, err)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestForeignRefused(t *testing.T) {
	good := [][]float64{{0.6, 0.8}, {1, 0}}
	for name, tc := range map[string]struct {
		descr string
		rows  [][]float64
		ids   string
		want  string
	}{
		"not of unit length": {"<f4", [][]float64{{0.6, 0.8}, {1, 1}}, "a\nb\n", "row 2 has the length 1.414"},
		"not finite":         {"<f4", [][]float64{{0.6, 0.8}, {math.NaN(), 1}}, "a\nb\n", "row 2 has a number that is not finite"},
		"int8":               {"|i1", good, "a\nb\n", `its numbers are "|i1"`},
		"big endian":         {">f4", good, "a\nb\n", `its numbers are ">f4"`},
		"too few ids":        {"<f4", good, "a\n", "has 1 lines, and there are 2 vectors"},
		"a bad id":           {"<f4", good, "a\n\n", "the id of row 2 is empty"},
		"no ids":             {"<f4", good, "", "there is no"},
	} {
		dir := t.TempDir()
		numpyFile(t, filepath.Join(dir, "v.npy"), tc.descr, tc.rows)
		if tc.ids != "" {
			if err := os.WriteFile(filepath.Join(dir, vecfile.IDsFile), []byte(tc.ids), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := vecfile.OpenForeign(filepath.Join(dir, "v.npy"), "")
		if paper.KindOf(err) != paper.Invalid || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
	if _, err := vecfile.OpenForeign(t.TempDir(), ""); paper.KindOf(err) != paper.Invalid {
		t.Errorf("an empty directory: %v", err)
	}
}

func TestForeignParquet(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.BinaryTypes.String}, {Name: "emb", Type: arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Float32)},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for i := range 1000 {
		b.Field(0).(*array.StringBuilder).Append(fmt.Sprint("p", i))
		list := b.Field(1).(*array.FixedSizeListBuilder)
		list.Append(true)
		angle := float64(i)
		list.ValueBuilder().(*array.Float32Builder).AppendValues([]float32{float32(math.Sin(angle)), float32(math.Cos(angle))}, nil)
	}
	path := filepath.Join(t.TempDir(), "v.parquet")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := pqarrow.NewFileWriter(schema, out, parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Lz4Raw)), pqarrow.DefaultWriterProps())
	if err == nil {
		err = w.Write(b.NewRecordBatch())
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := vecfile.OpenForeign(path, "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		v, err := f.Vector(fmt.Sprint("p", i))
		if err != nil || vecfile.Cosine(v, []float32{float32(math.Sin(float64(i))), float32(math.Cos(float64(i)))}) < 0.99999 {
			t.Fatalf("%d: %v, %v", i, v, err)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
