package zotero

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"akin/internal/paper"
	"akin/internal/source/rest"
)

const (
	// DefaultURL is where Zotero's own server is.
	DefaultURL = "https://api.zotero.org"
	// gap is the least time between two requests.
	gap = 260 * time.Millisecond
	// maxBody bounds an answer, in bytes; a page has 100 items at most.
	maxBody = 64 << 20
	// mostWait is how long a request waits for the end of a rest; beyond that it is
	// refused, with the time to come back.
	mostWait = 2 * time.Minute
	// restUnsaid is how long to rest where the server does not say it.
	restUnsaid = 10 * time.Second
	// tries is how often one request is made that the server refuses for now.
	tries = 4
)

// Reasons of this package's errors, besides those of package paper.
const (
	// ReasonRefused: the server refuses the key, or the library to it.
	ReasonRefused = "ZOTERO_ACCESS_REFUSED"
	// ReasonNoLibrary: there is no such user or group.
	ReasonNoLibrary = "ZOTERO_LIBRARY_NOT_FOUND"
	// ReasonNoCollection: a collection that is named is not in the library.
	ReasonNoCollection = "ZOTERO_COLLECTION_NOT_FOUND"
	// ReasonResting: the server asked for rest.
	ReasonResting = "ZOTERO_RESTING"
	// ReasonTrouble: the server, or the way to it, fails.
	ReasonTrouble = "ZOTERO_UNREACHABLE"
	// ReasonAnswer: an answer is not of the protocol.
	ReasonAnswer = "ZOTERO_ANSWER_NOT_UNDERSTOOD"
)

// Doer sends requests. Its redirects and connections are its own to bound.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Client reads libraries.
type Client struct {
	base  *url.URL
	http  Doer
	agent string
	turn  chan struct{} // has one while nobody asks

	mu    sync.Mutex // guards what follows
	last  time.Time  // when the last request was made
	until time.Time  // the end of the rest that the server asked for
}

// New makes a client of a server; "" is DefaultURL. agent names the program to it.
func New(address string, doer Doer, agent string) (*Client, error) {
	base, err := CheckURL(address)
	if err != nil {
		return nil, err
	}
	c := &Client{base: base, http: doer, agent: agent, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c, nil
}

// CheckURL reads the address of a server; "" is DefaultURL.
func CheckURL(address string) (*url.URL, error) {
	if address == "" {
		address = DefaultURL
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, paper.Invalidf("%q is no address of a server; write it as https://HOST, maybe with a path", address)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

// Host is the host, and port if it has one, of the server.
func (c *Client) Host() string { return c.base.Host }

// Rest is until when the server asked for rest; zero if it did not.
func (c *Client) Rest() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.until
}

// SetRest has all requests wait until a time, as when it was asked for before a restart.
func (c *Client) SetRest(until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if until.After(c.until) {
		c.until = until
	}
}

// answer is what the server says to a request.
type answer struct {
	// version is that of the library, 0 if the answer has none.
	version uint64
	// next is where the next page begins; 0 is no next page.
	next int
	// same says that nothing changed since the version that was given.
	same bool
	body []byte
}

// get asks for one thing, when it is its turn, and waits where the server asks for that.
func (c *Client) get(ctx context.Context, key, path string, query url.Values, unlessSince uint64) (*answer, error) {
	select {
	case <-c.turn:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { c.turn <- struct{}{} }()
	for try := 1; ; try++ {
		if err := c.pace(ctx); err != nil {
			return nil, err
		}
		a, err := c.once(ctx, key, path, query, unlessSince)
		if err == nil || !passing(err) || try == tries {
			return a, err
		}
	}
}

// passing says that an error is one that the server, or the way to it, may not have the
// next time.
func passing(err error) bool {
	var e *paper.Error
	return errors.As(err, &e) && e.Reason == ReasonResting
}

// pace waits for the time of the next request.
func (c *Client) pace(ctx context.Context) error {
	c.mu.Lock()
	at, until := c.last.Add(gap), c.until
	c.mu.Unlock()
	if until.After(at) {
		if wait := time.Until(until); wait > mostWait {
			return resting(wait)
		}
		at = until
	}
	if wait := time.Until(at); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = time.Now()
	return nil
}

// once makes a request.
func (c *Client) once(ctx context.Context, key, path string, query url.Values, unlessSince uint64) (_ *answer, err error) {
	address := *c.base
	address.Path += path
	address.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("zotero: %w", err)
	}
	req.Header.Set("Zotero-API-Version", "3")
	req.Header.Set("User-Agent", c.agent)
	if key != "" {
		req.Header.Set("Zotero-API-Key", key)
	}
	if unlessSince > 0 {
		req.Header.Set("If-Modified-Since-Version", strconv.FormatUint(unlessSince, 10))
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	c.heed(resp)
	return c.read(ctx, resp, path)
}

// heed rests when the server asks for it, which it may with any answer.
func (c *Client) heed(resp *http.Response) {
	wait := time.Duration(0)
	if text := resp.Header.Get("Backoff"); text != "" {
		wait = restOf(text)
	}
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable {
		wait = max(wait, restOf(resp.Header.Get("Retry-After")))
	}
	if wait > 0 {
		c.SetRest(time.Now().Add(wait))
	}
}

// restOf reads how long to rest; restUnsaid where that does not say it.
func restOf(text string) time.Duration {
	if wait, ok := rest.After(text, time.Now()); ok {
		return wait
	}
	return restUnsaid
}

// read makes sense of an answer.
func (c *Client) read(ctx context.Context, resp *http.Response, path string) (*answer, error) {
	a := &answer{next: nextOf(resp.Header.Values("Link"))}
	if text := resp.Header.Get("Last-Modified-Version"); text != "" {
		version, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return nil, garbled(path, fmt.Errorf("its version is %.40q", text))
		}
		a.version = version
	}
	switch code := resp.StatusCode; code {
	case http.StatusOK:
	case http.StatusNotModified:
		a.same = true
		return a, nil
	default:
		return nil, c.refused(code, path)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	if len(body) > maxBody {
		return nil, garbled(path, fmt.Errorf("it has more than %d bytes", maxBody))
	}
	a.body = body
	return a, nil
}

// nextOf finds where the next page begins, by the header Link. Only that number is
// taken: the rest of the address is what was asked before.
func nextOf(links []string) int {
	for _, list := range links {
		for link := range strings.SplitSeq(list, ",") {
			address, params, ok := strings.Cut(strings.TrimSpace(link), ">")
			if !ok || !strings.HasPrefix(address, "<") || !strings.Contains(strings.ReplaceAll(params, " ", ""), `rel="next"`) {
				continue
			}
			u, err := url.Parse(address[1:])
			if err != nil {
				continue
			}
			if n, err := strconv.Atoi(u.Query().Get("start")); err == nil && n > 0 {
				return n
			}
		}
	}
	return 0
}

// decode reads an answer's JSON.
func (a *answer) decode(path string, v any) error {
	if err := json.Unmarshal(a.body, v); err != nil {
		return garbled(path, err)
	}
	return nil
}
