package engine

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"akin/internal/catalog"
	"akin/internal/rank"
)

// sharedFormat is that of lists that servers keep for each other: other versions of the
// program do not read it.
const sharedFormat = "akin.list.v1"

// maxShared bounds a list that another server made, in bytes.
const maxShared = 16 << 20

// sharedList is a pinned list as servers keep it for each other.
type sharedList struct {
	Format    string
	Key       []byte
	Hits      []rank.Hit
	Answer    Answer
	Drivers   drivers                        `json:",omitempty"`
	Collapsed map[string][]catalog.Collapsed `json:",omitempty"`
	Words     catalog.Words
	Decays    []float64    `json:",omitempty"`
	GroupOf   []int32      `json:",omitempty"`
	Trends    []rank.Trend `json:",omitempty"`
	// What follows is the tally.
	OwnBefore, Own, BelowScore, Versions, Ungrouped int
	BestRefused                                     float64
}

// lists keeps lists where other servers find them, if the catalog does.
func (e *Engine) lists() (catalog.Lists, bool) {
	c, ok := e.catalog.(catalog.Lists)
	return c, ok
}

// keepList keeps a list for its page tokens, if there is room, and gives its name. Where
// the catalog keeps lists it is kept there too, for other servers, or not at all: the
// token then says which list it was, and any server finds it again.
func (e *Engine) keepList(ctx context.Context, l *pinned, read bool) (name string, ok bool) {
	name, ok = e.pages.add(l, read)
	if _, shared := e.lists(); !ok || !shared {
		return name, ok
	}
	if err := e.shareList(ctx, name, l); err != nil {
		e.pages.forget(name)
		return "", false
	}
	return name, true
}

// shareList has the catalog keep a list for pageTTL.
func (e *Engine) shareList(ctx context.Context, name string, l *pinned) error {
	c, _ := e.lists()
	data, err := encodeList(l.compact())
	if err != nil {
		return err
	}
	until := time.Now().Add(pageTTL)
	if err := c.KeepList(ctx, name, data, until); err != nil {
		return err
	}
	e.pages.share(name, until)
	return nil
}

// keptList gives a list that this server keeps, or another one over the same catalog; nil
// if none does. It is kept anew.
func (e *Engine) keptList(ctx context.Context, name string) (*pinned, error) {
	list, ok := e.pages.get(name)
	c, shared := e.lists()
	if !shared {
		return list, nil
	}
	until := e.pages.sharedUntil(name)
	if !ok {
		data, at, err := c.List(ctx, name)
		if err != nil || data == nil {
			return nil, err
		}
		if list, err = decodeList(data); err != nil {
			return nil, nil //nolint:nilerr,nilnil // of another version of the program: as one that is not there
		}
		until = at
		e.pages.put(name, list, true, at)
	}
	if time.Until(until) < pageTTL/2 {
		// It is kept where it was, for less long, if this fails.
		_ = e.shareList(ctx, name, list)
	}
	return list, nil
}

func encodeList(l *pinned) ([]byte, error) {
	answer := l.answer
	answer.Results = nil
	raw, err := json.Marshal(sharedList{
		Format: sharedFormat, Key: l.key[:], Hits: l.hits, Answer: answer, Drivers: l.drivers, Collapsed: l.collapsed, Words: l.words,
		Decays: l.decays, GroupOf: l.groupOf, Trends: l.trends, OwnBefore: l.tally.ownBefore, Own: l.tally.own,
		BelowScore: l.tally.belowScore, Versions: l.tally.versions, Ungrouped: l.tally.ungrouped, BestRefused: l.tally.bestRefused,
	})
	if err != nil {
		return nil, fmt.Errorf("keep a list: %w", err)
	}
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err == nil {
		_, err = w.Write(raw)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("keep a list: %w", err)
	}
	return out.Bytes(), nil
}

func decodeList(data []byte) (*pinned, error) {
	raw, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(data)), maxShared))
	if err != nil {
		return nil, fmt.Errorf("a kept list: %w", err)
	}
	var s sharedList
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("a kept list: %w", err)
	}
	n := len(s.Hits)
	whole := func(parts int) bool { return parts == 0 || parts == n }
	if s.Format != sharedFormat || len(s.Key) != len(requestKey{}) || !whole(len(s.Decays)) || !whole(len(s.GroupOf)) || !whole(len(s.Trends)) {
		return nil, fmt.Errorf("a kept list is of the format %.40q, or its parts do not fit", s.Format)
	}
	for _, g := range s.GroupOf {
		if g < 0 || int(g) >= len(s.Answer.Groups) {
			return nil, fmt.Errorf("a kept list has %d groups, and names number %d", len(s.Answer.Groups), g)
		}
	}
	return &pinned{
		key: requestKey(s.Key), hits: s.Hits, answer: s.Answer, drivers: s.Drivers, collapsed: s.Collapsed, words: s.Words,
		decays: s.Decays, groupOf: s.GroupOf, trends: s.Trends,
		tally: tally{
			ownBefore: s.OwnBefore, own: s.Own, belowScore: s.BelowScore, bestRefused: s.BestRefused, versions: s.Versions, ungrouped: s.Ungrouped,
		},
	}, nil
}
