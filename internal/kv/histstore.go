package kv

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// What is stored of a history: one value for the identity, one for the count
// of commits, and one for each epoch, under its first commit.
type (
	storedIdentity struct {
		Identity []byte `cbor:"1,keyasint"`
	}
	storedCommit struct {
		Commit uint64 `cbor:"1,keyasint"`
	}
	storedEpoch struct {
		ID []byte `cbor:"1,keyasint"`
	}
)

// extend adds to a batch what it changes of the history, and returns the
// history after it.
func extend(batch *pebble.Batch, h History, begin bool) (History, error) {
	after, dropped := h.next(begin)
	var errs []error
	if h.commit == 0 {
		errs = append(errs, set(batch, identityKey(), storedIdentity{Identity: after.identity[:]}))
	}
	if begin {
		last := after.epochs[len(after.epochs)-1]
		errs = append(errs, set(batch, epochKey(last.first), storedEpoch{ID: last.id[:]}))
	}
	for _, e := range dropped {
		errs = append(errs, batch.Delete(epochKey(e.first), nil))
	}
	errs = append(errs, set(batch, commitKey(), storedCommit{Commit: after.commit}))
	return after, errors.Join(errs...)
}

// set puts a sealed struct into a batch.
func set(batch *pebble.Batch, key []byte, v any) error {
	value, err := SealCBOR(key, v)
	if err != nil {
		return err
	}
	return wrapBatch(batch.Set(key, value, nil))
}

// loadHistory reads the history. That of a store of format 1 is empty, with
// commit 0.
func loadHistory(r reader) (h History, err error) {
	var identity storedIdentity
	var commit storedCommit
	foundIdentity, err1 := get(r, identityKey(), &identity)
	foundCommit, err2 := get(r, commitKey(), &commit)
	if err := errors.Join(err1, err2); err != nil || !foundIdentity && !foundCommit {
		return h, err
	}
	switch {
	case !foundIdentity:
		return h, damagedKey(identityKey(), errMissing)
	case !foundCommit:
		return h, damagedKey(commitKey(), errMissing)
	case copy(h.identity[:], identity.Identity) != len(h.identity):
		return h, damagedKey(identityKey(), fmt.Errorf("it has %d bytes", len(identity.Identity)))
	case commit.Commit == 0:
		return h, damagedKey(commitKey(), errors.New("it is 0"))
	}
	h.commit = commit.Commit
	if h.epochs, err = loadEpochs(r, h.commit); err == nil && len(h.epochs) == 0 {
		err = damagedKey(epochKey(1), errMissing)
	}
	return h, err
}

func loadEpochs(r reader, commit uint64) (epochs []epoch, err error) {
	prefix := []byte{prefixEpoch}
	err = scan(context.Background(), r, prefix, After(prefix), func(key, value []byte) error {
		var stored storedEpoch
		var e epoch
		first, ok := firstOf(key)
		err := UnsealCBOR(key, value, &stored)
		switch {
		case err != nil:
		case !ok || first > commit:
			err = fmt.Errorf("its key is %x; the last commit is %d", key, commit)
		case copy(e.id[:], stored.ID) != len(e.id):
			err = fmt.Errorf("it has %d bytes", len(stored.ID))
		}
		if err != nil {
			return damagedKey(key, err)
		}
		e.first = first
		epochs = append(epochs, e)
		return nil
	})
	return epochs, err
}
