package engine

import (
	"container/list"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"akin/internal/paper"
)

// pinnedBytes is the memory for lists that are kept for their page tokens: about a
// thousand of the longest.
const pinnedBytes = 64 << 20

// unpinned begins the tokens of lists that are not kept.
const unpinned = "~"

// pins keeps lists for their page tokens, each for pageTTL since it was last read,
// within a budget: what it took it keeps for so long, and what does not fit it
// does not take. It is safe for concurrent use.
type pins struct {
	mu     sync.Mutex // guards what follows
	budget int
	size   int
	byName map[string]*list.Element
	order  *list.List // of *pin, the least recently read first
}

type pin struct {
	name  string
	list  *pinned
	bytes int
	until time.Time
	// shared is until when the catalog keeps the list for other servers; zero if it
	// does not.
	shared time.Time
}

func newPins() *pins {
	return &pins{budget: pinnedBytes, byName: make(map[string]*list.Element), order: list.New()}
}

// add keeps a list, if there is room, and gives its name. A list of which more
// than the first page was read may use all the budget, others half of it: few
// readers turn pages, and those that do need it.
func (p *pins) add(l *pinned, read bool) (name string, ok bool) {
	name = newToken()
	return name, p.put(name, l, read, time.Time{})
}

// put is add under a name that the list has with other servers too, which keep it until
// shared.
func (p *pins) put(name string, l *pinned, read bool, shared time.Time) bool {
	l = l.compact()
	bytes := l.bytes()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire()
	budget := p.budget / 2
	if read {
		budget = p.budget
	}
	if p.size+bytes > budget {
		return false
	}
	if at := p.byName[name]; at != nil { // of a call at the same time
		p.drop(at)
	}
	p.byName[name] = p.order.PushBack(&pin{name: name, list: l, bytes: bytes, until: time.Now().Add(pageTTL), shared: shared})
	p.size += bytes
	return true
}

// drop lets go of a list. The lock is held.
func (p *pins) drop(at *list.Element) {
	if old, ok := p.order.Remove(at).(*pin); ok {
		delete(p.byName, old.name)
		p.size -= old.bytes
	}
}

// forget lets go of a list that was not kept elsewhere.
func (p *pins) forget(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := p.byName[name]; at != nil {
		p.drop(at)
	}
}

// sharedUntil is until when others keep a list; zero for one that is not there.
func (p *pins) sharedUntil(name string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := p.byName[name]; at != nil {
		return at.Value.(*pin).shared
	}
	return time.Time{}
}

// share notes until when others keep a list.
func (p *pins) share(name string, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := p.byName[name]; at != nil {
		at.Value.(*pin).shared = until
	}
}

// get gives a list that is kept, and keeps it anew.
func (p *pins) get(name string) (*pinned, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire()
	at := p.byName[name]
	if at == nil {
		return nil, false
	}
	found := at.Value.(*pin)
	found.until = time.Now().Add(pageTTL)
	p.order.MoveToBack(at)
	return found.list, true
}

// expire drops what nobody read for long.
func (p *pins) expire() {
	for at := p.order.Front(); at != nil; at = p.order.Front() {
		oldest := at.Value.(*pin)
		if time.Now().Before(oldest.until) {
			return
		}
		p.drop(at)
	}
}

// compact copies what is longer in memory than the list is.
func (p *pinned) compact() *pinned {
	c := *p
	c.hits = slices.Clip(slices.Clone(p.hits))
	kept := make(map[string]bool, len(c.hits))
	for _, h := range c.hits {
		kept[h.ID] = true
	}
	c.collapsed = maps.Clone(p.collapsed)
	for id := range c.collapsed {
		if !kept[id] {
			delete(c.collapsed, id)
		}
	}
	return &c
}

// bytes is what a list takes in memory, nearly. Ids are counted, though the
// catalog may hold them as well.
func (p *pinned) bytes() int {
	const (
		fixed, entry = 1024, 80 // of the list; of a map
		hit, driver  = 48, 24
		collapsed    = 48
		group        = 64
		trend        = 32
	)
	n := fixed + len(p.words.Text) + 8*len(p.decays) + 4*len(p.groupOf) + hit*len(p.hits) + trend*cap(p.trends)
	for _, h := range p.hits {
		n += len(h.ID)
	}
	for _, contributions := range p.drivers {
		n += entry + driver*cap(contributions)
	}
	for _, stands := range p.collapsed {
		n += entry + collapsed*cap(stands)
		for _, c := range stands {
			n += len(c.ID)
		}
	}
	for _, g := range p.answer.Groups {
		n += group + len(g.Key) + len(g.Label)
	}
	return n
}

// newToken makes the name of a pinned list. It is random, so that nobody
// guesses another caller's.
func newToken() string {
	var b [12]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// fingerprint tells a list from any other, also of the same request.
func (p *pinned) fingerprint() string {
	h := sha256.New()
	h.Write(p.key[:])
	for _, hit := range p.hits {
		fmt.Fprintf(h, "%d:%s", len(hit.ID), hit.ID)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// token is a page token, taken apart.
type token struct {
	// name is that of a pinned list, or the fingerprint of one that is not.
	name   string
	pinned bool
	offset int
}

func (t token) String() string {
	if !t.pinned {
		return unpinned + t.name + "." + strconv.Itoa(t.offset)
	}
	return t.name + "." + strconv.Itoa(t.offset)
}

func parseToken(s string) (t token, ok bool) {
	name, position, ok := strings.Cut(s, ".")
	t.name, t.pinned = name, true
	if rest, is := strings.CutPrefix(name, unpinned); is {
		t.name, t.pinned = rest, false
	}
	offset, err := strconv.Atoi(position)
	t.offset = offset
	return t, ok && err == nil && offset >= 0 && t.name != ""
}

func badToken(format string, args ...any) error {
	return &paper.Error{
		Kind: paper.Invalid, Reason: paper.ReasonPageTokenExpired, Message: "page token cannot be used",
		Violations: []paper.Violation{{Field: "page_token", Description: fmt.Sprintf(format, args...) + "; ask for the first page again"}},
	}
}

// resume reads a page token: it gives the list, if that is kept, and where its
// page begins.
func (e *Engine) resume(ctx context.Context, q *query) (list *pinned, at token, err error) {
	if q.options.PageToken == "" {
		return nil, token{}, nil
	}
	at, ok := parseToken(q.options.PageToken)
	if !ok {
		return nil, at, badToken("is none that this server gave")
	}
	if !at.pinned {
		return nil, at, nil
	}
	if list, err = e.keptList(ctx, at.name); err != nil {
		return nil, at, err
	}
	if list == nil || list.key != q.key || at.offset > len(list.hits) {
		return nil, at, badToken("is unknown, of another request, or older than %s", pageTTL)
	}
	return list, at, nil
}

// check says whether a list that was found is that of a token without a list.
func (t token) check(list *pinned) error {
	if t.name != "" && (list.fingerprint() != t.name || t.offset > len(list.hits)) {
		return badToken("is of another request, or of a list that there was no room to keep and that has changed since")
	}
	return nil
}

// nextToken names what comes after a page of a list, which at led to.
func (e *Engine) nextToken(ctx context.Context, list *pinned, at token, end int) string {
	next := token{name: at.name, pinned: true, offset: end}
	if at.pinned {
		return next.String()
	}
	if next.name, next.pinned = e.keepList(ctx, list, at.offset > 0); !next.pinned {
		next.name = list.fingerprint()
	}
	return next.String()
}
