package home

import (
	"context"
	"errors"

	"akin/internal/kv"
	"akin/internal/paper"
)

// Fill keeps in a place what a database has. The place must have nothing, or just what an
// earlier call for the same source put there; with replace, what it has is given up, also
// where its log or its head is damaged, but not its claim. done is false where it has
// something else, and nothing was done. With a source, the database is left as it is, and is
// no copy of the place afterwards; without, it is one.
func Fill(ctx context.Context, config Config, source string, replace bool) (found Found, done bool, err error) {
	config = config.withDefaults()
	h := &Home{config: config, store: &objects{config.Place}}
	there, err := h.store.newest(ctx, config.Epoch-1)
	if err != nil && (!replace || !isDamage(err)) {
		return found, false, err
	}
	number := uint64(0)
	if there != nil {
		if number, err = h.store.end(ctx, there); err != nil && (!replace || !isDamage(err)) {
			return found, false, err
		}
		grown := number > there.Base.Number
		if !replace && (grown || there.Base.Bytes > 0 && (source == "" || there.Source != source)) {
			return found, false, nil
		}
	}
	if err := h.claim(ctx); err != nil {
		return found, false, err
	}
	found, err = h.adopt(ctx, source, number)
	return found, err == nil, err
}

// end is the number of the last record of a head, as far as they can be read.
func (s *objects) end(ctx context.Context, h *head) (number uint64, err error) {
	number = h.Base.Number
	_, end, err := s.walk(ctx, h, number+1, nil, func(e *entry) error { number = e.Number; return nil })
	return max(number, end), err
}

// Restore makes a database, of which nobody is the writer's, what a place has. done is
// false where the place has nothing, or the database something else: then nothing was
// done. The database is no copy of the place afterwards. The epoch is that of the last
// writer, as far as is known otherwise; a later one is found, too.
func Restore(ctx context.Context, config Config) (found Found, done bool, err error) {
	config = config.withDefaults()
	s := &objects{config.Place}
	c, err := s.claim(ctx)
	if err != nil || c == nil {
		return found, false, err
	}
	there, err := s.newest(ctx, max(c.Epoch, config.Epoch))
	if err != nil || there == nil {
		return found, false, err
	}
	own := &copying{config: config, store: s, head: there}
	if _, err := own.run(ctx); err != nil {
		var e *paper.Error
		if errors.As(err, &e) && e.Reason == ReasonOther {
			err = nil
		}
		return own.found, false, err
	}
	return own.found, true, config.commit(ctx, func(batch *kv.Batch) error { return batch.RemoveNote() })
}

// Source is what a place was filled from by Fill; "" for what has grown there.
func Source(ctx context.Context, place Place) (string, error) {
	s := &objects{place}
	c, err := s.claim(ctx)
	if err != nil || c == nil {
		return "", err
	}
	there, err := s.newest(ctx, c.Epoch)
	if err != nil || there == nil {
		return "", err
	}
	return there.Source, nil
}
