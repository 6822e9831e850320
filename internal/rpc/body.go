package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	akinv1 "akin/proto/akin/v1"
)

// lenient reads JSON as runtime.JSONPb does, but for field masks: those it takes in
// either spelling of names, as a text, a list, or an object of paths.
type lenient struct{ *runtime.JSONPb }

// NewDecoder implements runtime.Marshaler.
func (b *lenient) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		raw, err := io.ReadAll(r)
		if err != nil {
			return err //nolint:wrapcheck // the caller wraps it
		}
		m, ok := v.(proto.Message)
		if !ok {
			if err := b.JSONPb.NewDecoder(bytes.NewReader(raw)).Decode(v); err != nil { // a field of a request
				return understandable(err, raw)
			}
			return nothingBehind(raw)
		}
		rest, masks, err := withoutMasks(raw, m.ProtoReflect().Descriptor())
		if err != nil {
			return err
		}
		if err := b.JSONPb.NewDecoder(bytes.NewReader(rest)).Decode(v); err != nil {
			return understandable(err, raw)
		}
		if err := nothingBehind(raw); err != nil {
			return err
		}
		for field, paths := range masks {
			mask := &fieldmaskpb.FieldMask{Paths: paths}
			m.ProtoReflect().Set(field, protoreflect.ValueOfMessage(mask.ProtoReflect()))
		}
		return nil
	})
}

// understandable says what is wrong with JSON, where the library only says that it ends.
func understandable(err error, raw []byte) error {
	if escape, at := loneSurrogate(raw); at > 0 {
		return fmt.Errorf("the JSON has %s at byte %d, which is half of a character; write both halves, such as \\ud83d\\ude00, or the character itself", escape, at)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the body ends in the middle of its JSON, behind byte %d; send all of it", len(raw))
	}
	return err //nolint:wrapcheck // the caller wraps it
}

// nothingBehind refuses what stands behind the first object or list of JSON, which was
// read without fault: whoever sent it meant something by it.
func nothingBehind(raw []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				if rest := bytes.TrimLeft(raw[i+1:], " \t\r\n"); len(rest) > 0 {
					return fmt.Errorf("the body goes on with %.20q at byte %d, behind its JSON; send one object alone", rest, len(raw)-len(rest)+1)
				}
				return nil
			}
		}
	}
	return nil
}

// loneSurrogate finds an escape of JSON that is half of a character without the other
// half; at is its byte, counted from 1, or 0 if there is none.
func loneSurrogate(raw []byte) (escape string, at int) {
	for i := 0; ; {
		n := bytes.IndexByte(raw[i:], '\\')
		if n < 0 {
			return "", 0
		}
		i += n
		half, ok := unicodeEscape(raw[i:])
		switch {
		case !ok:
			i += 2 // what is escaped begins no escape
			if i >= len(raw) {
				return "", 0
			}
			continue
		case utf16.IsSurrogate(half):
			other, ok := unicodeEscape(raw[i+escapeBytes:])
			if !ok || utf16.DecodeRune(half, other) == utf8.RuneError {
				return string(raw[i : i+escapeBytes]), i + 1
			}
			i += escapeBytes
		}
		i += escapeBytes
	}
}

// escapeBytes is how long \uXXXX is.
const escapeBytes = 6

// unicodeEscape reads \uXXXX at the beginning of a text.
func unicodeEscape(text []byte) (rune, bool) {
	if len(text) < escapeBytes || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[2:escapeBytes]), 16, 16)
	return rune(n), err == nil
}

// withoutMasks takes the field masks out of a JSON object. What is no object is
// left to whoever reads it next.
func withoutMasks(raw []byte, d protoreflect.MessageDescriptor) (rest []byte, masks map[protoreflect.FieldDescriptor][]string, err error) {
	var object map[string]json.RawMessage // nil is not read yet
	fields := d.Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if field.Message() == nil || field.Message().FullName() != "google.protobuf.FieldMask" {
			continue
		}
		if object == nil {
			var refused []byte
			if object, refused = objectOf(raw, fields); object == nil {
				return refused, nil, nil
			}
		}
		for _, name := range []string{string(field.Name()), field.JSONName()} {
			value, ok := object[name]
			if !ok {
				continue
			}
			paths, err := pathsOf(value)
			if err != nil {
				return nil, nil, fmt.Errorf("%s %w", name, err)
			}
			if masks == nil {
				masks = make(map[protoreflect.FieldDescriptor][]string)
			}
			masks[field] = append(masks[field], paths...)
			delete(object, name)
		}
	}
	if masks == nil {
		return raw, nil, nil
	}
	rest, err = json.Marshal(object)
	return rest, masks, err
}

// objectOf gives the values of a JSON object; nil for anything else, with what the
// library refuses for the same reason. It reads no further than to a name that is not of
// some fields, or that is there twice.
func objectOf(raw []byte, fields protoreflect.FieldDescriptors) (object map[string]json.RawMessage, refused []byte) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if begin, err := dec.Token(); err != nil || begin != json.Delim('{') {
		return nil, raw
	}
	object = make(map[string]json.RawMessage)
	for dec.More() {
		token, err := dec.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, raw
		}
		before, twice := object[name]
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return nil, raw
		}
		if twice || fieldOf(fields, name) == nil {
			return nil, members(name, value, before)
		}
		object[name] = value
	}
	_, err := dec.Token() // its end
	if _, behind := dec.Token(); err != nil || !errors.Is(behind, io.EOF) {
		return nil, raw
	}
	return object, nil
}

// members gives an object with a name that stands for some values.
func members(name string, values ...json.RawMessage) []byte {
	key, err := json.Marshal(name)
	if err != nil { // of text there is none
		return []byte("{}")
	}
	var parts [][]byte
	for _, value := range values {
		if value != nil {
			parts = append(parts, slices.Concat(key, []byte{':'}, value))
		}
	}
	return slices.Concat([]byte{'{'}, bytes.Join(parts, []byte{','}), []byte{'}'})
}

// pathsOf reads a field mask.
func pathsOf(value json.RawMessage) (paths []string, err error) {
	var text *string
	var object struct {
		Paths []string `json:"paths"`
	}
	switch {
	case json.Unmarshal(value, &text) == nil: // null is none
		if text != nil {
			paths = strings.Split(*text, ",")
		}
	case json.Unmarshal(value, &paths) == nil:
	case json.Unmarshal(value, &object) == nil:
		paths = object.Paths
	default:
		return nil, errors.New(`is no field mask; write names separated by commas, such as "id,title"`)
	}
	return paths, nil
}

// nameFields makes a PATCH without an update mask change the fields that its body
// names: those of the paper that callers can set. It answers, and returns false,
// where there are none.
func nameFields(w http.ResponseWriter, r *http.Request) bool {
	query := r.URL.Query()
	if strings.Trim(query.Get("update_mask")+query.Get("updateMask"), ", ") != "" {
		return true
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, codes.InvalidArgument, "BODY_TOO_LARGE", err.Error())
		return false
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	fields := (&akinv1.Paper{}).ProtoReflect().Descriptor().Fields()
	object, _ := objectOf(raw, fields)
	if object == nil {
		return true // whoever reads it next says what is wrong with it
	}
	var names []string
	for name := range object {
		if field := fieldOf(fields, name); field.Number() < firstOutputOnly && field.Name() != "id" {
			names = append(names, string(field.Name()))
		}
	}
	if len(names) == 0 {
		refuse(w, http.StatusBadRequest, codes.InvalidArgument, "INVALID_FIELD",
			`the body names no field to change; send those that shall change, such as {"title": "…"}, or name fields to clear in update_mask`)
		return false
	}
	slices.Sort(names)
	query.Del("updateMask")
	query.Set("update_mask", strings.Join(names, ","))
	r.URL.RawQuery = query.Encode()
	return true
}
