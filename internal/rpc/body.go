package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

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
			return b.JSONPb.NewDecoder(bytes.NewReader(raw)).Decode(v)
		}
		rest, masks, err := withoutMasks(raw, m.ProtoReflect().Descriptor())
		if err != nil {
			return err
		}
		if err := b.JSONPb.NewDecoder(bytes.NewReader(rest)).Decode(v); err != nil {
			return err //nolint:wrapcheck // the caller wraps it
		}
		for field, paths := range masks {
			mask := &fieldmaskpb.FieldMask{Paths: paths}
			m.ProtoReflect().Set(field, protoreflect.ValueOfMessage(mask.ProtoReflect()))
		}
		return nil
	})
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
			if object = objectOf(raw); object == nil {
				return raw, nil, nil
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

// objectOf gives the values of a JSON object, nil for anything else.
func objectOf(raw []byte) (object map[string]json.RawMessage) {
	if json.Unmarshal(raw, &object) != nil {
		return nil
	}
	return object
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
	object := objectOf(raw)
	if object == nil {
		return true // whoever reads it next says what is wrong with it
	}
	var names []string
	fields := (&akinv1.Paper{}).ProtoReflect().Descriptor().Fields()
	for name := range object {
		field := fieldOf(fields, name)
		switch {
		case field == nil:
			return true
		case field.Number() < firstOutputOnly && field.Name() != "id":
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
