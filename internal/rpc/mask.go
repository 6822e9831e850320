package rpc

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"akin/internal/paper"
	akinv1 "akin/proto/akin/v1"
)

// checkMask says whether every path is a field of Paper.
func checkMask(field string, mask *fieldmaskpb.FieldMask) error {
	fields := (&akinv1.Paper{}).ProtoReflect().Descriptor().Fields()
	for _, path := range mask.GetPaths() {
		if path != "*" && fields.ByName(protoreflect.Name(path)) == nil {
			return paper.InvalidField(field, "has path %q, which is not a field of Paper; give names such as title,authors", path)
		}
	}
	return nil
}

// checkUpdateMask also refuses fields that callers cannot set.
func checkUpdateMask(mask *fieldmaskpb.FieldMask) error {
	fields := (&akinv1.Paper{}).ProtoReflect().Descriptor().Fields()
	for _, path := range mask.GetPaths() {
		if field := fields.ByName(protoreflect.Name(path)); field != nil && field.Number() >= firstOutputOnly {
			return paper.InvalidField("update_mask", "has path %q, which is output only; leave it out", path)
		}
	}
	return checkMask("update_mask", mask)
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
	return len(mask.GetPaths()) == 0 || strings.Contains(strings.Join(mask.GetPaths(), ","), "*")
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
