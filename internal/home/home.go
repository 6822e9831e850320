package home

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"golang.org/x/sync/errgroup"

	"akin/internal/kv"
	"akin/internal/paper"
)

// Reasons of errors.
const (
	// ReasonReplaced says that another server has begun to write.
	ReasonReplaced = "WRITER_REPLACED"
	// ReasonOther says that a directory has something else than the place.
	ReasonOther = "BESIDE_DIFFERS"
)

// Place keeps objects by their names.
type Place interface {
	// Get reads an object; nil if there is none.
	Get(ctx context.Context, name string) ([]byte, error)
	// Put writes an object, the same as often as it is asked to. Once it returned nil,
	// every Get finds it, whoever asks and whichever node of the place is lost; after an
	// error it may be there, now or later, whole. Forget goes by its sort and number.
	Put(ctx context.Context, name, sort string, number uint64, data []byte) error
	// Forget removes the objects of a sort whose number is below one. Some may stay.
	Forget(ctx context.Context, sort string, below uint64) error
}

// object is what a Place keeps under a name.
type object struct {
	name, sort string
	number     uint64
	data       []byte
}

// Config says what is kept where.
type Config struct {
	Place Place
	// DB is the database; Moved gets the state after each commit of this package, to be
	// closed by it (nil closes it).
	DB    *kv.DB
	Moved func(*kv.Snapshot)
	// Lower and Upper bound the keys that are kept, Upper exclusive.
	Lower, Upper []byte
	// Epoch is that of the writer, greater than those of all before.
	Epoch uint64
	// Fence says whether this process still is the writer, as something else than the
	// place knows; nil is not asked.
	Fence func() error
	// Anew asks to open all of it anew, with another epoch: a change that was in doubt
	// happened (see kv.DB.Attach). nil is not asked.
	Anew func()
	// Log takes what nobody is told; nil discards it.
	Log *slog.Logger

	partBytes   int // of one object; 0 is defaultPart
	baseRecords int // after how many records a base is made; 0 is defaultRecords
	baseBytes   int // or how many bytes; 0 is defaultBytes
}

const (
	defaultPart    = 512 << 10
	defaultRecords = 1024
	defaultBytes   = 4 << 20
	// recordsPerChunk is how many records a chunk of the base must have been followed by
	// before all are written anew.
	recordsPerChunk = 16
)

func (c Config) withDefaults() Config {
	if c.Moved == nil {
		c.Moved = (*kv.Snapshot).Close
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Fence == nil {
		c.Fence = func() error { return nil }
	}
	if c.Anew == nil {
		c.Anew = func() {}
	}
	if c.partBytes == 0 {
		c.partBytes = defaultPart
	}
	if c.baseRecords == 0 {
		c.baseRecords = defaultRecords
	}
	if c.baseBytes == 0 {
		c.baseBytes = defaultBytes
	}
	return c
}

// Home is the place of a database that takes writes. Open makes one; Close it before the
// database.
type Home struct {
	config Config
	store  *objects
	token  []byte // of the claim

	work sync.WaitGroup
	stop context.CancelFunc
	due  chan struct{}

	mu   sync.Mutex // guards what follows
	head head
	at   note  // the last record that was written
	logs int   // records behind the base
	size int64 // bytes of those

	making sync.Mutex // one base at a time; guards next
	// next is a head of which nobody knows whether it is there: no other may have its
	// version.
	next *head
}

// Open claims a place for the writer of an epoch, brings the database to the end of what
// the place keeps, and keeps there from now on what the database commits. Where the place
// has nothing, what the database has goes there. found says what was done.
func Open(ctx context.Context, config Config) (h *Home, found Found, err error) {
	config = config.withDefaults()
	h = &Home{config: config, store: &objects{config.Place}, due: make(chan struct{}, 1)}
	if err := h.claim(ctx); err != nil {
		return nil, found, err
	}
	if found, err = h.enter(ctx); err != nil {
		return nil, found, err
	}
	config.DB.Attach(h, config.Lower, config.Upper, config.Anew)
	ctx, h.stop = context.WithCancel(context.WithoutCancel(ctx))
	h.work.Go(func() { h.makeBases(ctx) })
	h.remind()
	return h, found, nil
}

// Found is what became of a database and its place.
type Found struct {
	// Number is the last record; Records are those that the database lacked.
	Number  uint64
	Records int
	// Restored says that the database had nothing, or something that was of no use, and
	// was made anew; Adopted that the place had nothing, and has now what the database had.
	Restored, Adopted bool
	// Bytes is how much was read or written in whole.
	Bytes int64
}

// Close ends what goes on in the background. What was acknowledged is in the place.
func (h *Home) Close() error {
	h.stop()
	h.work.Wait()
	return nil
}

// Number is the last record that was acknowledged.
func (h *Home) Number() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at.Number
}

// Witness implements kv.Witness.
func (h *Home) Witness(ctx context.Context, changes []byte) ([]byte, error) {
	if err := h.config.Fence(); err != nil {
		return nil, errors.Join(err, kv.ErrNotWitnessed)
	}
	h.mu.Lock()
	at := h.at
	h.mu.Unlock()
	parts, r, err := split(h.config.Epoch, at, changes, h.config.partBytes)
	if err != nil {
		return nil, errors.Join(err, kv.ErrNotWitnessed)
	}
	if err := h.store.put(ctx, parts); err != nil {
		return nil, err
	}
	if err := h.mine(ctx); err != nil {
		return nil, err
	}
	next := note{Lineage: at.Lineage, Number: r.Number, Chain: r.chain()}
	h.mu.Lock()
	h.at, h.logs, h.size = next, h.logs+1, h.size+int64(len(changes))
	h.mu.Unlock()
	h.remind()
	return kv.Encode(next)
}

// split makes the objects of a record that follows on another.
func split(epoch uint64, at note, changes []byte, most int) (parts []object, r record, err error) {
	sum := sha256.Sum256(changes)
	r = record{Number: at.Number + 1, Prior: at.Chain, Sum: sum[:], Parts: max(1, (len(changes)+most-1)/most)}
	for i := range r.Parts {
		some := changes[i*most : min((i+1)*most, len(changes))]
		o := object{name: logName(epoch, r.Number, i), sort: sortLog, number: r.Number}
		if i == 0 {
			r.Data = some
			o.data, err = pack(o.name, r)
		} else {
			o.data, err = pack(o.name, some)
		}
		if err != nil {
			return nil, r, err
		}
		parts = append(parts, o)
	}
	return parts, r, nil
}

// mine says whether nobody else has begun to write: asked after something was written that
// is to be acknowledged.
func (h *Home) mine(ctx context.Context) error {
	if err := h.config.Fence(); err != nil {
		return err
	}
	var c *claim
	var by uint64
	g, both := errgroup.WithContext(ctx)
	g.Go(func() (err error) { c, err = h.store.claim(both); return err })
	g.Go(func() (err error) { by, err = h.store.over(both, h.config.Epoch); return err })
	if err := g.Wait(); err != nil {
		return err
	}
	switch {
	case by != 0:
		return replaced(by, h.config.Epoch)
	case c != nil && (c.Epoch > h.config.Epoch || c.Epoch == h.config.Epoch && !bytes.Equal(c.Token, h.token)):
		return replaced(c.Epoch, h.config.Epoch)
	case c == nil || c.Epoch < h.config.Epoch: // it came late
		return h.putClaim(ctx)
	}
	return nil
}

func replaced(by, epoch uint64) error {
	who := fmt.Sprintf("the writer of epoch %d", by)
	if by == epoch {
		who = "another server of the same epoch, which has another writer file,"
	}
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: ReasonReplaced,
		Message: fmt.Sprintf("what the cluster keeps beside papers belongs to %s and no more to this server, of epoch %d; send changes there", who, epoch),
	}
}

// claim makes the place that of this writer.
func (h *Home) claim(ctx context.Context) error {
	h.token = make([]byte, 16)
	if _, err := rand.Read(h.token); err != nil {
		return fmt.Errorf("home: %w", err)
	}
	c, err := h.store.claim(ctx)
	if err != nil {
		return err
	}
	if c != nil && c.Epoch >= h.config.Epoch {
		return replaced(c.Epoch, h.config.Epoch)
	}
	if err := h.putClaim(ctx); err != nil {
		return err
	}
	if err := h.endOthers(ctx); err != nil {
		return err
	}
	own, err := h.store.head(ctx, h.config.Epoch, 0)
	if err == nil && own != nil { // of another process, whose claim was read too early
		err = replaced(h.config.Epoch, h.config.Epoch)
	}
	if err != nil {
		return err
	}
	return h.mine(ctx)
}

func (h *Home) putClaim(ctx context.Context) error {
	if err := h.config.Fence(); err != nil {
		return err
	}
	data, err := pack(claimName, claim{Format: format, Epoch: h.config.Epoch, Token: h.token})
	if err != nil {
		return err
	}
	return h.config.Place.Put(ctx, claimName, sortClaim, 0, data)
}

// mostEnded is how many epochs without a head are ended that are between two with one.
const mostEnded = 64

// endOthers says that those who wrote before write no more: the last one that has a head,
// for it did the same with those before, and who came since and did not get that far.
func (h *Home) endOthers(ctx context.Context) error {
	last := h.config.Epoch - 1
	there, err := h.store.newest(ctx, last)
	if err != nil && !isDamage(err) { // which whoever reads on is told of
		return err
	}
	first := uint64(1)
	if last > mostEnded {
		first = last - mostEnded
	}
	epochs := make([]uint64, 0, mostEnded+2)
	if there != nil {
		epochs, first = append(epochs, there.Epoch), max(first, there.Epoch+1)
	}
	for e := first; e <= last; e++ {
		epochs = append(epochs, e)
	}
	return each(ctx, len(epochs), func(ctx context.Context, i int) error {
		name := overName(epochs[i])
		data, err := pack(name, over{Format: format, By: h.config.Epoch})
		if err != nil {
			return err
		}
		return h.config.Place.Put(ctx, name, sortOver, epochs[i], data)
	})
}

// putHead writes the next head.
func (h *Home) putHead(ctx context.Context, next head) error {
	name := headName(next.Epoch, next.Version)
	data, err := pack(name, next)
	if err != nil {
		return err
	}
	if err := h.config.Fence(); err != nil {
		return err
	}
	if err := h.config.Place.Put(ctx, name, sortHead, next.Epoch, data); err != nil {
		return err
	}
	if err := h.mine(ctx); err != nil {
		return err
	}
	h.mu.Lock()
	h.head = next
	h.mu.Unlock()
	return nil
}
