package catalogtest

import (
	"bytes"
	"fmt"
	"slices"

	"akin/internal/catalog"
)

// derivedData is what Memory keeps for others.
type derivedData struct {
	sequence uint64
	data     []byte
}

// Stamp implements catalog.Derived.
func (v *view) Stamp() (string, error) { return fmt.Sprint(v.sequence), nil }

// Keep implements catalog.Derived.
func (v *view) Keep(name, stamp string, data []byte) error {
	kept := derivedData{data: slices.Clone(data)}
	if _, err := fmt.Sscan(stamp, &kept.sequence); err != nil {
		return fmt.Errorf("catalogtest: %q is no stamp: %w", stamp, err)
	}
	v.of.mu.Lock()
	defer v.of.mu.Unlock()
	if v.of.derived == nil {
		v.of.derived = make(map[string]derivedData)
	}
	v.of.derived[v.name+"\x00"+name] = kept
	return nil
}

// Kept implements catalog.Derived.
func (v *view) Kept(name string) ([]byte, uint64) {
	v.of.mu.Lock()
	defer v.of.mu.Unlock()
	kept, ok := v.of.derived[v.name+"\x00"+name]
	if !ok || kept.sequence > v.sequence {
		delete(v.of.derived, v.name+"\x00"+name)
		return nil, 0
	}
	return slices.Clone(kept.data), kept.sequence
}

// derived keeps bytes and gives them back. A catalog without a place for them keeps
// nothing, which is as good.
func derived(s *suite, of func() catalog.Derived) {
	s.apply(library()...)
	v := of()
	stamp, err := v.Stamp()
	if err != nil {
		s.Fatal(err)
	}
	if data, _ := v.Kept("test"); data != nil {
		s.Fatalf("%q is kept already", data)
	}
	if err := v.Keep("test", stamp, []byte("first")); err != nil {
		s.Fatal(err)
	}
	if err := v.Keep("test", stamp, []byte("second")); err != nil {
		s.Fatal(err)
	}
	if data, _ := v.Kept("test"); data == nil {
		s.Skip("this catalog keeps nothing")
	}
	_, now := s.apply(put("later", "later", 99))
	data, sequence := of().Kept("test")
	if !bytes.Equal(data, []byte("second")) || sequence == 0 || sequence >= now {
		s.Errorf("kept: %q of %d, before %d", data, sequence, now)
	}
	if data, _ := of().Kept("other"); data != nil {
		s.Errorf("under another name: %q", data)
	}
}

// Indexes implements catalog.Indexes: all is compared.
func (v *view) Indexes() []catalog.IndexState {
	return []catalog.IndexState{{Name: catalog.IndexVectors, Answers: "scan", Sequence: v.sequence}, {Name: catalog.IndexWords, Sequence: v.sequence}}
}
