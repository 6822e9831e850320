package home

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"akin/internal/paper"
)

const (
	// ahead is how many objects are read at a time.
	ahead = 16
	// beyond is how many records behind the last one must not be there.
	beyond = 3
)

var errAbsent = errors.New("it is not there")

// objects reads what a place keeps.
type objects struct{ Place }

// put writes the parts of a record: the first one, which makes it, last.
func (s *objects) put(ctx context.Context, parts []object) error {
	write := func(ctx context.Context, o *object) error { return s.Put(ctx, o.name, o.sort, o.number, o.data) }
	if err := each(ctx, len(parts)-1, func(ctx context.Context, i int) error { return write(ctx, &parts[i+1]) }); err != nil {
		return err
	}
	return write(ctx, &parts[0])
}

// load reads an object; false if there is none.
func (s *objects) load(ctx context.Context, name string, v any) (bool, error) {
	data, err := s.Get(ctx, name)
	if err != nil || data == nil {
		return false, err
	}
	return true, unpack(name, data, v)
}

// claim reads who may write; nil if nobody ever did.
func (s *objects) claim(ctx context.Context) (*claim, error) {
	var c claim
	found, err := s.load(ctx, claimName, &c)
	if err != nil || !found {
		return nil, err
	}
	return &c, known(c.Format)
}

// over says who took over from the writer of an epoch; 0 if nobody did.
func (s *objects) over(ctx context.Context, epoch uint64) (by uint64, err error) {
	var o over
	found, err := s.load(ctx, overName(epoch), &o)
	if err != nil || !found {
		return 0, err
	}
	return max(o.By, 1), known(o.Format)
}

// isDamage says that something is there, and is not as akin wrote it.
func isDamage(err error) bool { return paper.KindOf(err) == paper.DataLoss }

func known(is string) error {
	if is == format {
		return nil
	}
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported,
		Message: fmt.Sprintf("what the cluster keeps beside papers is of the format %.40q, and this akin reads %s; run the akin that wrote it", is, format),
	}
}

// newest finds the head of the greatest epoch up to one, in its last version; nil if there
// is none. Damage to those before it is no matter.
func (s *objects) newest(ctx context.Context, upTo uint64) (*head, error) {
	for top := upTo; top > 0; top -= min(top, ahead) {
		found, harmed := make([]*head, min(top, ahead)), make([]error, min(top, ahead))
		err := each(ctx, len(found), func(ctx context.Context, i int) (err error) {
			if found[i], err = s.head(ctx, top-uint64(i), 0); isDamage(err) {
				harmed[i], err = err, nil
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		for i, h := range found {
			if harmed[i] != nil {
				return nil, harmed[i]
			}
			if h != nil {
				return s.latest(ctx, h)
			}
		}
	}
	return nil, nil //nolint:nilnil // no head is no error
}

func (s *objects) head(ctx context.Context, epoch, version uint64) (*head, error) {
	var h head
	name := headName(epoch, version)
	found, err := s.load(ctx, name, &h)
	if err != nil || !found {
		return nil, err
	}
	if err := known(h.Format); err != nil {
		return nil, err
	}
	if h.Epoch != epoch || h.Version != version || len(h.Spans) == 0 {
		return nil, damaged(name, errors.New("it is another one"))
	}
	return &h, nil
}

// latest finds the last version of a head: a version is written once the one before is
// there.
func (s *objects) latest(ctx context.Context, h *head) (*head, error) {
	there, step := h, uint64(1)
	for {
		next, err := s.head(ctx, h.Epoch, there.Version+step)
		switch {
		case err != nil:
			return nil, err
		case next != nil:
			there, step = next, 2*step
		case step == 1:
			return there, nil
		default:
			step /= 2
		}
	}
}

// entry is a record as it was read.
type entry struct {
	record
	changes []byte
	parts   []object
}

// record reads a record; nil if there is none.
func (s *objects) record(ctx context.Context, epoch, number uint64) (*entry, error) {
	name := logName(epoch, number, 0)
	data, err := s.Get(ctx, name)
	if err != nil || data == nil {
		return nil, err
	}
	e := &entry{parts: []object{{name, sortLog, number, data}}}
	if err := unpack(name, data, &e.record); err != nil {
		return nil, err
	}
	e.changes = e.Data
	for i := 1; i < e.Parts; i++ {
		name := logName(epoch, number, i)
		data, err := s.Get(ctx, name)
		if err != nil {
			return nil, err
		}
		if data == nil {
			return nil, damaged(name, errAbsent)
		}
		var some []byte
		if err := unpack(name, data, &some); err != nil {
			return nil, err
		}
		e.changes = append(e.changes, some...)
		e.parts = append(e.parts, object{name, sortLog, number, data})
	}
	if sum := sha256.Sum256(e.changes); e.Number != number || !bytes.Equal(sum[:], e.Sum) {
		return nil, damaged(name, fmt.Errorf("its changes have the SHA-256 %x, and not %x", sum, e.Sum))
	}
	return e, nil
}

// each calls f for every index, a few at a time.
func each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(ahead)
	for i := range n {
		g.Go(func() error { return f(ctx, i) })
	}
	return g.Wait()
}

// walk calls visit for the records of a head from a number on, in their order, each of
// which follows on the one before; chain is that before the first, or empty if it is not
// known. It gives the last record of the span that has no end yet, nil if it has none, and
// the number of the last record of all.
func (s *objects) walk(ctx context.Context, h *head, from uint64, chain []byte, visit func(*entry) error) (last *entry, end uint64, err error) {
	end = h.Base.Number
	for _, sp := range h.Spans {
		for number := max(sp.From, from); ; {
			some, err := s.some(ctx, sp, number)
			if err != nil {
				return nil, 0, err
			}
			for _, e := range some {
				if len(chain) > 0 && !bytes.Equal(e.Prior, chain) {
					return nil, 0, damaged(logName(sp.Epoch, number, 0), errors.New("it does not follow on the one before"))
				}
				if chain = e.chain(); sp.To == 0 {
					last = e
				}
				if err := visit(e); err != nil {
					return nil, 0, err
				}
				end = number
				number++
			}
			if sp.To == 0 && len(some) == 0 || sp.To > 0 && number > sp.To {
				break
			}
		}
		end = max(end, sp.To)
	}
	return last, end, nil
}

// some reads the next records of a span, in their order; none behind the last one.
func (s *objects) some(ctx context.Context, sp span, number uint64) ([]*entry, error) {
	n := uint64(ahead)
	if sp.To > 0 {
		n = min(n, sp.To-min(sp.To, number-1))
	}
	found := make([]*entry, n)
	err := each(ctx, len(found), func(ctx context.Context, i int) (err error) {
		found[i], err = s.record(ctx, sp.Epoch, number+uint64(i))
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range found {
		switch {
		case found[i] != nil:
		case sp.To > 0:
			return nil, damaged(logName(sp.Epoch, number+uint64(i), 0), errAbsent)
		case i > 0:
			return found[:i], nil
		default:
			if again, err := s.behind(ctx, sp.Epoch, number); err != nil || !again {
				return nil, err
			}
			return s.some(ctx, sp, number)
		}
	}
	return found, nil
}

// behind sees that there are no records behind one that is not there: there can be none,
// but for what a place has lost, or what was written meanwhile, which is to be read again.
func (s *objects) behind(ctx context.Context, epoch, number uint64) (again bool, err error) {
	var later atomic.Bool
	err = each(ctx, beyond, func(ctx context.Context, i int) error {
		e, err := s.record(ctx, epoch, number+1+uint64(i))
		if e != nil {
			later.Store(true)
		}
		return err
	})
	if err != nil || !later.Load() {
		return false, err
	}
	e, err := s.record(ctx, epoch, number)
	if err == nil && e == nil {
		err = damaged(logName(epoch, number, 0), errAbsent)
	}
	return true, err
}
