package rpc

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"akin/internal/paper"
	akinv1 "akin/proto/akin/v1"
)

// fieldOf finds a field by either spelling of its name, publish_date or publishDate.
func fieldOf(fields protoreflect.FieldDescriptors, name string) protoreflect.FieldDescriptor {
	if f := fields.ByName(protoreflect.Name(name)); f != nil {
		return f
	}
	return fields.ByJSONName(name)
}

// readMask gives a mask of fields of Paper with their proto names. An empty one, or
// one of empty paths, is nil, which means all. Its error names a path that is none.
func readMask(field string, mask *fieldmaskpb.FieldMask) (*fieldmaskpb.FieldMask, error) {
	fields := (&akinv1.Paper{}).ProtoReflect().Descriptor().Fields()
	out := new(fieldmaskpb.FieldMask)
	for _, paths := range mask.GetPaths() {
		for path := range strings.SplitSeq(paths, ",") {
			path = strings.TrimSpace(path)
			top, below, nested := strings.Cut(path, ".")
			f := fieldOf(fields, top)
			switch {
			case path == "":
			case path == "*":
				out.Paths = append(out.Paths, path)
			case f == nil:
				return nil, paper.InvalidField(field, "has path %.80q, which is not a field of Paper; give names such as title,authors", path)
			case nested && (f.Message() == nil || f.IsList() || f.IsMap() || fieldOf(f.Message().Fields(), below) == nil):
				return nil, paper.InvalidField(field, "has path %.80q; only whole fields can be named: write %s", path, top)
			default: // a date is one value
				out.Paths = append(out.Paths, string(f.Name()))
			}
		}
	}
	if len(out.GetPaths()) == 0 {
		return nil, nil //nolint:nilnil // no mask is no fault
	}
	return out, nil
}

// readUpdateMask also refuses fields that callers cannot set.
func readUpdateMask(mask *fieldmaskpb.FieldMask) (*fieldmaskpb.FieldMask, error) {
	mask, err := readMask("update_mask", mask)
	if err != nil {
		return nil, err
	}
	fields := (&akinv1.Paper{}).ProtoReflect().Descriptor().Fields()
	for _, path := range mask.GetPaths() {
		if f := fields.ByName(protoreflect.Name(path)); f != nil && f.Number() >= firstOutputOnly {
			return nil, paper.InvalidField("update_mask", "has path %.80q, which is output only; leave it out", path)
		}
	}
	return mask, nil
}

// firstOutputOnly is from where on the fields of Paper are akin's to set.
const firstOutputOnly = 20

// masked leaves only the fields of a mask; an empty one or "*" leaves all.
func masked(p *akinv1.Paper, mask *fieldmaskpb.FieldMask) *akinv1.Paper {
	if all(mask) {
		return p
	}
	out := new(akinv1.Paper)
	copyFields(out, p, mask)
	return out
}

func all(mask *fieldmaskpb.FieldMask) bool {
	return len(mask.GetPaths()) == 0 || slices.Contains(mask.GetPaths(), "*")
}

// copyFields sets the mask's fields of dst to what src holds; a field that src
// lacks is cleared.
func copyFields(dst, src *akinv1.Paper, mask *fieldmaskpb.FieldMask) {
	to, from := dst.ProtoReflect(), src.ProtoReflect()
	for _, path := range mask.GetPaths() {
		field := from.Descriptor().Fields().ByName(protoreflect.Name(path))
		if from.Has(field) {
			to.Set(field, from.Get(field))
		} else {
			to.Clear(field)
		}
	}
}

// checkEnum refuses numbers that the enum does not define.
func checkEnum(field string, value protoreflect.Enum) error {
	if value.Descriptor().Values().ByNumber(value.Number()) == nil {
		return paper.InvalidField(field, "is %d, which is not a value of %s", value.Number(), value.Descriptor().Name())
	}
	return nil
}
