package local

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"slices"

	"akin/internal/dedup"
	"akin/internal/filter"
	"akin/internal/paper"
	"akin/internal/pending"
	"akin/internal/store"
	"akin/internal/unpack"
)

// What a start would have to read all records for: ids, days, the keys that find
// versions, and the attributes that filters ask for. docs/format/attributes.md describes
// the file.

const (
	knownMagic   = "akinattr"
	knownVersion = 1
	// knownHeader is up to the stamp.
	knownHeader   = len(knownMagic) + 4 + 4 + 8
	mostKnownFile = 64 << 30
)

// known is what is known of papers by ordinal. It belongs to one goroutine until the
// collection has it.
type known struct {
	ids        []string    // "" where there is no paper
	keys       []dedup.Key // the zero value where there is no paper
	days       []dayEntry  // the zero value where there is no paper
	attributes *filter.Index
}

func newKnown(n uint32) *known {
	return &known{ids: make([]string, n), keys: make([]dedup.Key, n), days: make([]dayEntry, n), attributes: filter.NewIndex()}
}

// grow makes room for ordinals below n.
func (k *known) grow(n uint32) {
	if more := int(n) - len(k.ids); more > 0 {
		k.ids = append(k.ids, make([]string, more)...)
		k.keys = append(k.keys, make([]dedup.Key, more)...)
		k.days = append(k.days, make([]dayEntry, more)...)
	}
}

// put notes a paper, but for its key.
func (k *known) put(r *paper.Record) {
	k.ids[r.Ordinal], k.days[r.Ordinal] = r.ID, dayOf(r)
	k.attributes.Upsert(r.Ordinal, r)
}

func (k *known) remove(ordinal uint32) {
	k.ids[ordinal], k.keys[ordinal], k.days[ordinal] = "", dedup.Key{}, dayEntry{}
	k.attributes.Delete(ordinal)
}

// count is how many papers have an id.
func (k *known) count() (n int) {
	for _, id := range k.ids {
		if id != "" {
			n++
		}
	}
	return n
}

// holds says what is wrong with what is known of a paper, nil if nothing is.
func (k *known) holds(r *paper.Record) error {
	o := r.Ordinal
	switch {
	case int(o) >= len(k.ids) || k.ids[o] != r.ID:
		return fmt.Errorf("paper %q is not in it", r.ID)
	case k.keys[o] != dedup.KeyOf(&r.Paper):
		return fmt.Errorf("the key of paper %q is not that of its record", r.ID)
	case !k.days[o].equal(dayOf(r)) || !k.attributes.Holds(o, r):
		return fmt.Errorf("the attributes of paper %q are not those of its record", r.ID)
	}
	return nil
}

// knownPath is where what is known is kept; "" keeps nothing.
func (c *collection) knownPath() string {
	if c.config.Dir == "" {
		return ""
	}
	return filepath.Join(c.config.Dir, c.name+".attributes")
}

// openKnown reads what is known and brings it to what the store holds. nil means that
// there is nothing that can be used; it will be made anew.
func (c *collection) openKnown(ctx context.Context, snapshot *store.Snapshot) *known {
	path := c.knownPath()
	if path == "" {
		return nil
	}
	k, from, err := c.readKnown(snapshot, path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		k.grow(snapshot.NextOrdinal())
		err = k.catchUp(ctx, snapshot, from.sequence)
	}
	if err != nil {
		c.refuse(path, err)
		return nil
	}
	c.writing.savedKnown = from.sequence
	return k
}

// catchUp applies the changes after a sequence number.
func (k *known) catchUp(ctx context.Context, snapshot *store.Snapshot, after uint64) error {
	done := make(map[uint32]bool) // by the records of the snapshot, which are the last
	for change, err := range snapshot.Changes(ctx, after) {
		if err != nil {
			return err
		}
		o := change.Ordinal
		if int(o) >= len(k.ids) {
			return fmt.Errorf("change %d is of ordinal %d; the store has given %d", change.Sequence, o, len(k.ids))
		}
		if done[o] {
			continue
		}
		done[o] = true
		records, err := snapshot.ByOrdinals(ctx, []uint32{o})
		if err != nil {
			return err
		}
		if r := records[0]; r != nil {
			k.put(r)
			k.keys[o] = dedup.KeyOf(&r.Paper)
		} else {
			k.remove(o)
		}
	}
	return nil
}

// knownLayout says by which rules a file was made.
func knownLayout() string { return fmt.Sprintf("%s, keys %d", filter.Layout(), dedup.KeyVersion) }

// readKnown reads the file, if it is whole and of the store's past.
func (c *collection) readKnown(snapshot *store.Snapshot, path string) (*known, origin, error) {
	b, err := readBounded(path, mostKnownFile)
	if err != nil {
		return nil, origin{}, err
	}
	stamp, body, err := unframeKnown(b)
	if err != nil {
		return nil, origin{}, err
	}
	from, err := c.trace(snapshot, stamp)
	if err != nil {
		return nil, from, err
	}
	k, err := decodeKnown(body)
	return k, from, err
}

// unframeKnown checks what is around, and gives the stamp and the body.
func unframeKnown(b []byte) (stamp string, body []byte, err error) {
	if len(b) < knownHeader+keptSum || string(b[:len(knownMagic)]) != knownMagic {
		return "", nil, errors.New("it does not begin as a file of akin's")
	}
	if got := binary.LittleEndian.Uint32(b[len(knownMagic):]); got != knownVersion {
		return "", nil, fmt.Errorf("it is of version %d; this akin reads %d", got, knownVersion)
	}
	sealed, sum := b[:len(b)-keptSum], binary.LittleEndian.Uint32(b[len(b)-keptSum:])
	if crc32.Checksum(sealed, keptTable()) != sum {
		return "", nil, errors.New("its checksum is not that of its bytes")
	}
	rest := sealed[knownHeader:]
	stamped, length := uint64(binary.LittleEndian.Uint32(b[len(knownMagic)+4:])), binary.LittleEndian.Uint64(b[knownHeader-8:])
	if stamped > maxKeptStamp || length > uint64(len(rest)) || stamped+length != uint64(len(rest)) {
		return "", nil, fmt.Errorf("it has %d bytes and says %d and %d", len(rest), stamped, length)
	}
	return string(rest[:stamped]), rest[stamped:], nil
}

// saveKnown writes what is known, if it is not saved as it is. The caller holds
// c.writing.
func (c *collection) saveKnown(from origin) {
	w := &c.writing
	if c.knownPath() == "" || w.savedKnown == w.sequence || c.attributes == nil {
		return
	}
	stamp, err := from.stamp()
	if err == nil {
		err = os.MkdirAll(c.config.Dir, 0o755)
	}
	var b []byte
	if err == nil {
		b, err = c.encodeKnown(stamp)
	}
	if err == nil {
		err = pending.WriteFile(c.knownPath(), b, 0o644)
	}
	if err != nil {
		c.config.Log.Warn("the attributes could not be saved", "error", err)
		return
	}
	w.savedKnown = w.sequence
}

// encodeKnown gives the whole file. The caller holds c.writing.
func (c *collection) encodeKnown(stamp string) ([]byte, error) {
	w := &c.writing
	n := w.ids.len()
	b := append(make([]byte, 0, 512*n+4096), knownMagic...)
	b = binary.LittleEndian.AppendUint32(b, knownVersion)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(stamp)))
	b = binary.LittleEndian.AppendUint64(b, 0) // below
	b = append(b, stamp...)
	from := len(b)
	b = unpack.AppendText(b, knownLayout())
	b = binary.AppendUvarint(b, uint64(n))
	for o := range uint32(n) {
		b = unpack.AppendText(b, w.ids.at(o))
	}
	for o := range uint32(n) {
		key := w.keys.at(o)
		b = key.AppendBinary(b)
	}
	for o := range uint32(n) {
		b = appendDay(b, w.days.at(o))
	}
	b, err := c.attributes.AppendBinary(b)
	if err != nil {
		return nil, err
	}
	binary.LittleEndian.PutUint64(b[knownHeader-8:], uint64(len(b)-from))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, keptTable())), nil
}

// appendDay appends an entry: its day, how many signals it has, and if any, the day that
// sources say and the signals.
func appendDay(b []byte, e dayEntry) []byte {
	b = binary.AppendUvarint(b, uint64(e.day))
	if e.signals == nil {
		return append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(len(e.signals.seen)))
	b = binary.AppendUvarint(b, uint64(packDay(e.signals.dated)))
	for _, trail := range e.signals.seen {
		b = unpack.AppendText(b, trail.Name)
		b = binary.AppendUvarint(b, uint64(len(trail.Seen)))
		for _, s := range trail.Seen {
			b = binary.AppendVarint(b, s.Minute)
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(s.Value))
		}
	}
	return b
}

// knownReader reads the parts of the file.
type knownReader struct {
	unpack.Reader
	names map[string]string // of signals, which are few
}

func decodeKnown(b []byte) (*known, error) {
	r := &knownReader{Reader: unpack.Reader{Rest: b}, names: make(map[string]string)}
	if layout := string(r.Counted()); layout != knownLayout() {
		return nil, fmt.Errorf("it was made by %q; this program has %q", layout, knownLayout())
	}
	n := r.Count(1 + dedup.KeyBytes + 2)
	k := &known{ids: make([]string, n), keys: make([]dedup.Key, n), days: make([]dayEntry, n)}
	var ids unpack.Texts
	for i := range k.ids {
		k.ids[i] = ids.Keep(r.Counted())
	}
	for i := range k.keys {
		if raw := r.Bytes(dedup.KeyBytes); raw != nil {
			k.keys[i] = dedup.ReadKey(raw)
		}
	}
	for i := range k.days {
		k.days[i] = r.day()
	}
	if r.Failed {
		return nil, errors.New("it is not what an akin writes")
	}
	var err error
	k.attributes, err = filter.ReadIndex(r.Rest)
	return k, err
}

func (r *knownReader) day() dayEntry {
	e := dayEntry{day: r.packed()}
	n := r.Count(2)
	if n == 0 {
		return e
	}
	e.signals = &signalEntry{seen: make([]paper.SignalTrail, n)}
	if packed := r.packed(); packed > 0 {
		e.signals.dated = unpackDay(packed)
	}
	for i := range e.signals.seen {
		e.signals.seen[i] = r.trail()
	}
	return e
}

// packed reads a day, or 0.
func (r *knownReader) packed() uint32 {
	v := r.Number()
	if v > math.MaxUint32 {
		r.Fail()
		return 0
	}
	return uint32(v)
}

func (r *knownReader) trail() (t paper.SignalTrail) {
	raw := r.Counted()
	name, ok := r.names[string(raw)]
	if !ok {
		name = string(raw)
		r.names[name] = name
	}
	const sighting = 1 + 8
	t.Name, t.Seen = name, make([]paper.Sighting, r.Count(sighting))
	for i := range t.Seen {
		minute := r.Signed()
		if raw := r.Bytes(8); raw != nil {
			t.Seen[i] = paper.Sighting{Minute: minute, Value: math.Float64frombits(binary.LittleEndian.Uint64(raw))}
		}
	}
	return t
}

// sampleOf draws about n of the ordinals that are given in turn, others each time.
type sampleOf struct {
	ordinals  []uint32
	at, every int
}

func (s *sampleOf) offer(ordinal uint32) {
	if s.at%s.every == 0 {
		s.ordinals = append(s.ordinals, ordinal)
	}
	s.at++
}

// sorted gives them in order, so that the store reads forward.
func (s *sampleOf) sorted() []uint32 {
	slices.Sort(s.ordinals)
	return s.ordinals
}
