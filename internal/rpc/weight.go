package rpc

import (
	"fmt"
	"reflect"
	"strconv"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"akin/internal/paper"
)

// maxRequestMemory is how many bytes of memory one request may become: four times the
// largest message, which is mostly text. One of empty parts, which take two bytes each
// on the wire, becomes two hundred times as much as it has.
const maxRequestMemory = 4 * MaxMessageBytes

// Estimates, in bytes, of what values become beside the bytes that they came in. A list
// grows by being copied: what it holds counts twice.
const (
	scalarWeight  = 2 * 8
	textWeight    = 2 * 24
	entryWeight   = 2 * 64 // of a map
	unknownWeight = 24     // of the list of what nobody knows
	// Of JSON, by what a value begins with. An object may be a paper.
	objectWeight, listWeight, stringWeight, otherWeight = 512, 48, 32, 8
)

// tooHeavy is the error of a request that would take too much memory.
func tooHeavy() error {
	return &paper.Error{
		Kind: paper.Invalid, Reason: paper.ReasonRequestTooHeavy,
		Message: fmt.Sprintf("the request has so many parts (papers, authors, texts) that it would take more than %d bytes of memory; the limit is that; send it in several requests",
			maxRequestMemory),
		Metadata: map[string]string{"limit": strconv.Itoa(maxRequestMemory)},
	}
}

// shape is what is to be known of a type of messages to weigh one.
type shape struct {
	weight int64 // of a message, without what is in it
	fields map[protowire.Number]member
}

// member is a field of a shape.
type member struct {
	message *shape // nil is none
	weight  int64  // of a value
	// packed is how many bytes a number of a packed list becomes, and wide how many it
	// has on the wire, 0 for those of different lengths; 0 is no list of numbers.
	packed, wide int64
}

// shapes knows types of messages. It is safe for concurrent use.
type shapes struct {
	mu    sync.Mutex                       // guards known
	known map[protoreflect.FullName]*shape // which do not change once they are given away
}

func newShapes() *shapes { return &shapes{known: make(map[protoreflect.FullName]*shape)} }

// of gives the shape of a type.
func (s *shapes) of(d protoreflect.MessageDescriptor) *shape {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shape(d)
}

// shape is of, for who holds the lock. A type that contains itself finds itself.
func (s *shapes) shape(d protoreflect.MessageDescriptor) *shape {
	if known, ok := s.known[d.FullName()]; ok {
		return known
	}
	fields := d.Fields()
	made := &shape{weight: sizeOfType(d), fields: make(map[protowire.Number]member, fields.Len())}
	s.known[d.FullName()] = made
	for i := range fields.Len() {
		field := fields.Get(i)
		p := member{weight: scalarWeight}
		switch kind := field.Kind(); kind {
		case protoreflect.MessageKind, protoreflect.GroupKind:
			p.message = s.shape(field.Message())
		case protoreflect.StringKind, protoreflect.BytesKind:
			p.weight = textWeight
		default:
			if field.IsList() {
				p.packed, p.wide = widths(kind)
			}
		}
		made.fields[field.Number()] = p
	}
	return made
}

// widths gives member.packed and member.wide.
func widths(kind protoreflect.Kind) (packed, wide int64) {
	switch kind { //nolint:exhaustive // the others have the length that they need
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		return 8, 8
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		return 4, 4
	}
	return 8, 0
}

// sizeOfType is how large a message without fields is in memory.
func sizeOfType(d protoreflect.MessageDescriptor) int64 {
	if d.IsMapEntry() {
		return entryWeight
	}
	t, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		return objectWeight
	}
	of := reflect.TypeOf(t.Zero().Interface())
	if of.Kind() != reflect.Pointer {
		return objectWeight
	}
	return int64(of.Elem().Size())
}

// weigh estimates how much memory a message takes when it is decoded, up to a limit: more
// is anything above it. What is malformed is weighed up to there.
func (s *shape) weigh(wire []byte, limit int64) int64 {
	weight := s.weight
	for len(wire) > 0 && weight <= limit {
		number, kind, n := protowire.ConsumeTag(wire)
		if n < 0 {
			return weight
		}
		size := protowire.ConsumeFieldValue(number, kind, wire[n:])
		if size < 0 {
			return weight
		}
		value := wire[n : n+size]
		p, known := s.fields[number]
		switch {
		case !known:
			weight += unknownWeight + 2*int64(n+size)
		case kind == protowire.BytesType:
			content, _ := protowire.ConsumeBytes(value)
			weight += p.weigh(content, limit-weight)
		case kind == protowire.StartGroupType && p.message != nil:
			weight += p.message.weigh(value, limit-weight)
		default:
			weight += p.weight
		}
		wire = wire[n+size:]
	}
	return weight
}

// weigh estimates what a value becomes that says how long it is.
func (p member) weigh(content []byte, limit int64) int64 {
	switch {
	case p.message != nil:
		return scalarWeight + p.message.weigh(content, limit) // in a list of pointers
	case p.packed == 0:
		return p.weight + int64(len(content))
	case p.wide > 0:
		return p.packed * (int64(len(content)) / p.wide)
	}
	numbers := int64(0)
	for _, b := range content {
		if b < 0x80 { // the last byte of one
			numbers++
		}
	}
	return p.packed * numbers
}

// weighJSON estimates how much memory the values of JSON take beside its bytes, whatever
// they are read into.
func weighJSON(raw []byte) (weight int64) {
	for i, quoted := 0, false; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			if quoted = !quoted; quoted {
				weight += stringWeight
			}
		case quoted:
		case c == '{':
			weight += objectWeight
		case c == '[':
			weight += listWeight
		case c == ',':
			weight += otherWeight
		}
	}
	return weight
}
