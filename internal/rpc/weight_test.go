package rpc

import (
	"bytes"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	akinv1 "akin/proto/akin/v1"
)

// hollow is a message that has one field over and over, as short as it can be.
type hollow struct {
	name string
	wire []byte
}

// hollows makes messages of a type: for each of its fields, and for each of the fields of
// those, one of n bytes or somewhat more. within is what the fields are in.
func hollows(d protoreflect.MessageDescriptor, n, depth int, name string, within func([]byte) []byte) (all []hollow) {
	fields := d.Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		number, path := field.Number(), name+"."+string(field.Name())
		var value []byte
		switch field.Kind() {
		case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
			value = protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), nil)
		case protoreflect.DoubleKind:
			value = protowire.AppendFixed64(protowire.AppendTag(nil, number, protowire.Fixed64Type), 0)
		case protoreflect.FloatKind:
			value = protowire.AppendFixed32(protowire.AppendTag(nil, number, protowire.Fixed32Type), 0)
		default:
			value = protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), 0)
		}
		all = append(all, hollow{path, within(bytes.Repeat(value, n/len(value)))})
		if field.IsList() && field.Kind() != protoreflect.StringKind && field.Kind() != protoreflect.MessageKind {
			packed := protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), make([]byte, n))
			all = append(all, hollow{path + " packed", within(packed)})
		}
		if field.Kind() == protoreflect.MessageKind && depth > 0 {
			inside := func(wire []byte) []byte {
				return within(protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), wire))
			}
			all = append(all, hollows(field.Message(), n, depth-1, path, inside)...)
		}
	}
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 20_000, protowire.VarintType), 0)
	return append(all, hollow{name + " unknown", within(bytes.Repeat(unknown, n/len(unknown)))})
}

// requests are the types of what the API takes.
func requests(t *testing.T) (all []protoreflect.MessageDescriptor) {
	protoregistry.GlobalFiles.RangeFilesByPackage("akin.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			methods := f.Services().Get(i).Methods()
			for j := range methods.Len() {
				if in := methods.Get(j).Input(); !slices.Contains(all, in) {
					all = append(all, in)
				}
			}
		}
		return true
	})
	if len(all) < 50 {
		t.Fatalf("there are only %d types of requests", len(all))
	}
	return all
}

// allocated gives how much memory is taken while something is done, what was given back
// by then included, and what others of this process take meanwhile.
func allocated(do func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// What a request is said to weigh is about what it takes, whatever it is made of. A list
// that grew was copied some times, and a little more than half of all that is garbage.
func TestWeightOfHollowRequests(t *testing.T) {
	known := newShapes()
	const n = 32 << 10
	tried := 0
	for _, d := range requests(t) {
		found, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hollows(d, n, 2, string(d.Name()), func(wire []byte) []byte { return wire }) {
			weight := known.of(d).weigh(h.wire, math.MaxInt64)
			m := found.New().Interface()
			most, took := 3*weight+32<<10, int64(math.MaxInt64)
			for try := 0; try < 5 && took > most; try++ { // what else goes on takes some too
				took = allocated(func() {
					if err := proto.Unmarshal(h.wire, m); err != nil {
						t.Errorf("%s: %v", h.name, err)
					}
				})
			}
			if tried++; took > most {
				t.Errorf("%s: weighs %d and takes %d", h.name, weight, took)
			}
		}
	}
	t.Logf("%d messages of %d bytes", tried, n)
}

// What people send is light, up to the largest message.
func TestWeightOfHonestRequests(t *testing.T) {
	text := strings.Repeat("About the structure of scientific abstracts, and of what they leave out. ", 20)
	paper := &akinv1.Paper{Id: "arXiv:2001.00001", Title: "On abstracts", Abstract: text, Categories: []string{"cs.CL", "cs.IR"}}
	for range 20 {
		paper.Authors = append(paper.Authors, &akinv1.Author{Name: "Someone Somewhere"})
	}
	vector := make([]float32, 384)
	import1 := &akinv1.ImportPapersRequest{Paper: paper, Vector: vector}
	batch := &akinv1.BatchUpsertPapersRequest{}
	for range MaxMessageBytes / (proto.Size(paper) + 8) {
		batch.Papers = append(batch.Papers, paper)
	}
	ids := &akinv1.BatchGetPapersRequest{}
	for len(ids.Ids) < 1_000_000 {
		ids.Ids = append(ids.Ids, "arXiv:2001.00001")
	}
	for _, m := range []proto.Message{import1, batch, ids} {
		wire, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		weight := newShapes().of(m.ProtoReflect().Descriptor()).weigh(wire, math.MaxInt64)
		if weight < int64(len(wire)) || weight > maxRequestMemory {
			t.Errorf("%s of %d bytes weighs %d", m.ProtoReflect().Descriptor().Name(), len(wire), weight)
		}
	}
}

// What is malformed has a weight all the same.
func TestWeightOfMalformed(t *testing.T) {
	d := (&akinv1.BatchUpsertPapersRequest{}).ProtoReflect().Descriptor()
	shape := newShapes().of(d)
	for _, wire := range []string{"", "\x0a", "\x0a\xff", "\x0a\x05\x0a", "\xff\xff\xff", "\x0b\x0b\x0b", "\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"} {
		if weight := shape.weigh([]byte(wire), maxRequestMemory); weight < shape.weight || weight > shape.weight+1<<10 {
			t.Errorf("%q weighs %d", wire, weight)
		}
	}
	if deep := bytes.Repeat([]byte{0x0b}, 1<<20); shape.weigh(deep, maxRequestMemory) > maxRequestMemory { // groups in groups
		t.Error("groups that never end weigh more than there is")
	}
}

// JSON weighs by its values, and not by what is in its texts.
func TestWeightOfJSON(t *testing.T) {
	for raw, want := range map[string]int64{
		"":                             0,
		`{}`:                           objectWeight,
		`[{},{}]`:                      listWeight + 2*objectWeight + otherWeight,
		`{"a":"{[,\"{\\"}`:             objectWeight + 2*stringWeight,
		`{"v":[1,2,3]}`:                objectWeight + stringWeight + listWeight + 2*otherWeight,
		"{\"a\":\"\\\\\",\"b\":[{}]}":  2*objectWeight + 3*stringWeight + listWeight + otherWeight,
		`"unclosed {{{{{{{{{{{{{{{{{{`: stringWeight,
	} {
		if got := weighJSON([]byte(raw)); got != want {
			t.Errorf("%s weighs %d, want %d", raw, got, want)
		}
	}
}
