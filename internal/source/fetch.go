package source

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"

	"akin/internal/paper"
	"akin/internal/source/hop"
	"akin/internal/source/rest"
)

const (
	dialTimeout = 30 * time.Second
	// headerTimeout is how long a source may take to begin its answer: repositories
	// prepare long lists.
	headerTimeout = 5 * time.Minute
	// idleTimeout is how long an answer may stand still, requestTimeout how long it may
	// take.
	idleTimeout    = time.Minute
	requestTimeout = 15 * time.Minute
	maxHeader      = 256 << 10
)

// request is one question to a source.
type request struct {
	url string
	// etag and modified are those of the answer that is there, as they came.
	etag, modified string
	accept         string
	// limit is how many bytes the answer may have.
	limit int64
	// interval is how long to leave the site alone after the request before.
	interval time.Duration
	// agent is what the source is told that the program is.
	agent string
}

// answer is what a source answered: with status 200, or 304 without a body.
type answer struct {
	status int
	header http.Header
	body   []byte
	// bytes came over the wire.
	bytes uint64
}

// fetcher asks sources, politely. It is safe for concurrent use.
type fetcher struct {
	book     Book
	now      func() time.Time
	born     time.Time
	dial     dialer // nil dials what the guard lets through
	agent    string // without contact
	resolver *net.Resolver

	mu      sync.Mutex // guards what follows
	guard   *guard
	contact string
	client  *http.Client
	sites   map[string]*site // of hosts that the configuration names, or named
}

// site is one that is asked one question at a time.
type site struct {
	turn chan struct{} // has a place for who asks
	// ended is when the last request did. It belongs to who has the turn.
	ended time.Time
}

func newFetcher(o Options) *fetcher {
	f := &fetcher{book: o.Book, now: o.Now, born: o.Now(), dial: o.Dial, agent: "akin/" + o.Version, resolver: o.Resolver, sites: make(map[string]*site)}
	f.configure(o.Settings)
	return f
}

// configure takes other settings.
func (f *fetcher) configure(s Settings) {
	g := newGuard(s, f.resolver)
	transport := g.transport(f.dial)
	transport.DisableKeepAlives = true // requests are far between
	client := &http.Client{Transport: transport, CheckRedirect: noRedirect}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.guard, f.contact, f.client = g, s.Contact, client
}

// noRedirect has answers with another address returned as they are.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// transport makes connections as the guard allows them; dial is for tests, nil is the
// network.
func (g *guard) transport(dial dialer) *http.Transport {
	if dial == nil {
		dial = g.dial
	}
	t := &http.Transport{
		DialContext: dial, TLSHandshakeTimeout: dialTimeout, ResponseHeaderTimeout: headerTimeout, MaxResponseHeaderBytes: maxHeader,
		DisableCompression: true, // what is decompressed is counted where it is read
	}
	if g.proxy != nil {
		t.Proxy = http.ProxyURL(g.proxy)
	}
	return t
}

// Client makes a client for others that ask one host of a configuration: it dials that
// host alone, at an address that the settings allow, one connection at a time, and follows
// no redirect. Whoever reads its answers bounds them.
func Client(s Settings, host string, timeout time.Duration) *http.Client {
	s.Sources, s.Hosts = nil, []string{host}
	t := newGuard(s, nil).transport(nil)
	t.DisableCompression = false
	t.MaxConnsPerHost, t.MaxIdleConnsPerHost, t.IdleConnTimeout = 1, 1, time.Minute
	return &http.Client{Transport: t, Timeout: timeout, CheckRedirect: noRedirect}
}

// siteOf names what is asked one question at a time: all hosts of a domain, such as
// rss.arxiv.org and oaipmh.arxiv.org.
func siteOf(host string) string {
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	if domain, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return domain
	}
	return host
}

func (f *fetcher) site(name string) *site {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sites[name]
	if s == nil {
		// A process that ended a moment ago may have asked: it counts as a request.
		s = &site{turn: make(chan struct{}, 1), ended: f.born}
		f.sites[name] = s
	}
	return s
}

// get asks a source, in its turn. Whatever is no answer is a *trouble.
func (f *fetcher) get(ctx context.Context, r request) (*answer, error) {
	f.mu.Lock()
	g, client := f.guard, f.client
	r.agent = f.agent
	if f.contact != "" {
		r.agent += " (" + f.contact + ")"
	}
	f.mu.Unlock()
	for hops := 0; ; hops++ {
		u, err := g.checkURL(r.url)
		if err != nil {
			return nil, err
		}
		s := f.site(siteOf(hop.Host(u)))
		select {
		case s.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		a, next, err := f.turn(ctx, client, s, u, r)
		<-s.turn
		if err != nil || next == "" {
			return a, err
		}
		if hops == hop.Most {
			return nil, lasting(errTooManyRedirects, "%s redirects more than %d times", r.url, hop.Most)
		}
		r.url = next
	}
}

// turn asks once, while it is the turn of who asks. next is where a redirect leads.
func (f *fetcher) turn(ctx context.Context, client *http.Client, s *site, u *url.URL, r request) (_ *answer, next string, err error) {
	name := siteOf(hop.Host(u))
	if err := f.leftAlone(ctx, name); err != nil {
		return nil, "", err
	}
	if err := sleep(ctx, min(r.interval, r.interval-f.now().Sub(s.ended))); err != nil { // also if the clock went back
		return nil, "", err
	}
	defer func() { s.ended = f.now() }()
	return f.ask(ctx, client, name, u, r)
}

// leftAlone says until when a site wants to be left alone, if it does.
func (f *fetcher) leftAlone(ctx context.Context, name string) error {
	var h Host
	var found bool
	err := f.book.Read(ctx, func(b Reader) (err error) {
		found, err = b.Get(KeptHost, "", name, &h)
		return err
	})
	if err != nil && paper.KindOf(err) != paper.DataLoss {
		return err
	}
	now := f.now()
	if err != nil || !found {
		return nil //nolint:nilerr // what is damaged is as if it were not there
	}
	if !h.Until.After(now) {
		return nil
	}
	if h.Until.Sub(now) > mostWait { // the clock went back
		h.Until = now.Add(mostWait)
	}
	return &trouble{message: fmt.Sprintf("%s: %s", name, h.Why), until: h.Until}
}

// leave remembers that a site wants to be left alone.
func (f *fetcher) leave(ctx context.Context, name string, until time.Time, why string) error {
	return f.book.Write(ctx, func(b Writer) error {
		return b.Put(KeptHost, "", name, Host{Until: until.UTC(), Why: why})
	})
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ask sends one request and reads the answer.
func (f *fetcher) ask(ctx context.Context, client *http.Client, name string, u *url.URL, r request) (_ *answer, next string, err error) {
	limited, cancel := context.WithTimeoutCause(ctx, requestTimeout, errSlow)
	defer cancel()
	limited, stop := context.WithCancelCause(limited)
	defer stop(nil)
	req, err := http.NewRequestWithContext(limited, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, "", lasting(err, "%.200q cannot be asked", r.url)
	}
	req.Header.Set("User-Agent", r.agent)
	req.Header.Set("Accept-Encoding", "gzip")
	for key, value := range map[string]string{"Accept": r.accept, "If-None-Match": r.etag, "If-Modified-Since": r.modified} {
		if value != "" {
			req.Header.Set(key, value)
		}
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, "", unreachable(ctx, limited, u.Host, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && (r.etag != "" || r.modified != ""):
		return &answer{status: resp.StatusCode, header: resp.Header}, "", nil
	case resp.StatusCode >= 300 && resp.StatusCode < 400 && resp.Header.Get("Location") != "":
		next, err := redirected(u, resp)
		return nil, next, err
	case resp.StatusCode == http.StatusOK:
	default:
		return nil, "", f.refused(ctx, name, u, resp)
	}
	body, n, err := readBody(resp, r.limit, stop)
	if err != nil {
		if cause := context.Cause(limited); cause != nil && ctx.Err() == nil {
			err = cause
		}
		return nil, "", unreadable(ctx, u.Host, err)
	}
	return &answer{status: resp.StatusCode, header: resp.Header, body: body, bytes: n}, "", nil
}

var errSlow = fmt.Errorf("the answer took longer than %v", requestTimeout)

// unreachable says why there is no answer.
func unreachable(ctx, limited context.Context, host string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if cause := context.Cause(limited); cause != nil {
		return passing(cause, "%s did not answer: %v", host, cause)
	}
	var private *addressError
	if errors.As(err, &private) {
		return lasting(err, "%s", private.Error())
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return passing(err, "%s cannot be found: the name server says %q", host, dns.Err)
	}
	return passing(err, "%s did not answer: %v", host, err)
}

func unreadable(ctx context.Context, host string, err error) error {
	var large *largeError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &large):
		return lasting(err, "the answer of %s %v", host, err)
	}
	return passing(err, "the answer of %s broke off: %v", host, err)
}

// redirected gives where a redirect leads, if that is the same host.
func redirected(from *url.URL, resp *http.Response) (string, error) {
	to, err := hop.Next(from, resp.Header.Get("Location"))
	var refused *hop.Error
	switch {
	case errors.As(err, &refused) && refused.To != "":
		return "", lasting(nil, "%v: if that is where the source is now, name that address in it", err)
	case err != nil:
		return "", lasting(err, "%v", err)
	}
	return to.String(), nil
}

// refused makes trouble of an answer that is none.
func (f *fetcher) refused(ctx context.Context, name string, u *url.URL, resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // a part is enough
	now := f.now()
	what := fmt.Sprintf("%s answered %.60s", u.Host, resp.Status)
	if text := excerpt(body); text != "" && resp.Header.Get("Content-Encoding") == "" && !strings.HasPrefix(text, "<") {
		what += ": " + text
	}
	wait, asks := rest.After(resp.Header.Get("Retry-After"), now)
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable && asks:
		if !asks {
			wait = backOffFirst
		}
		why := fmt.Sprintf("it answered %.60s and asks to be left alone for %v", resp.Status, wait.Round(time.Second))
		if err := f.leave(ctx, name, now.Add(wait), why); err != nil {
			return err
		}
		return &trouble{message: what, until: now.Add(wait)}
	case code >= 500, code == http.StatusRequestTimeout, code == http.StatusTooEarly:
		return passing(nil, "%s", what)
	case code == http.StatusNotFound:
		return lasting(errNoPage, "%s; is %s still its address?", what, u.Redacted())
	case code >= 400:
		return lasting(nil, "%s", what)
	}
	return passing(nil, "%s, which is no answer to such a question", what)
}

// errNoPage says that an address has nothing.
var errNoPage = errors.New("not found")

// largeError says that an answer is too large.
type largeError struct{ limit int64 }

func (e *largeError) Error() string {
	return fmt.Sprintf("has more than %d bytes, the most that are taken; max-body of the source can be raised to %d", e.limit, int64(mostBody))
}

// readBody reads an answer, decompressed, up to a limit, and gives it up when it stands
// still.
func readBody(resp *http.Response, limit int64, stop context.CancelCauseFunc) (body []byte, wire uint64, err error) {
	moving := &movingReader{src: resp.Body, timer: time.AfterFunc(idleTimeout, func() { stop(errIdle) })}
	defer moving.timer.Stop()
	var src io.Reader = moving
	switch encoding := strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(moving)
		if err != nil {
			return nil, moving.n, fmt.Errorf("it says that it is compressed with gzip, and is not: %w", err)
		}
		src = z
	default:
		return nil, 0, fmt.Errorf("it is compressed with %.20q, which was not asked for", encoding)
	}
	var b bytes.Buffer
	n, err := io.Copy(&b, io.LimitReader(src, limit+1))
	if err == nil && n > limit {
		err = &largeError{limit}
	}
	return b.Bytes(), moving.n, err
}

var errIdle = fmt.Errorf("the answer stood still for %v", idleTimeout)

// movingReader puts off a timer as long as something comes, and counts.
type movingReader struct {
	src   io.Reader
	timer *time.Timer
	n     uint64
}

func (r *movingReader) Read(p []byte) (int, error) {
	n, err := r.src.Read(p)
	if n > 0 {
		r.n += uint64(n)
		r.timer.Reset(idleTimeout)
	}
	return n, err
}
