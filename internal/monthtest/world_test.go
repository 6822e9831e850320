package monthtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"akin/internal/notify"
	"akin/internal/source"
)

// draw is a random source that several may draw from.
type draw struct {
	mu sync.Mutex
	r  *rand.Rand
}

func (d *draw) n(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

// world is what sources have, and how they behave.
type world struct {
	draw
	mu    sync.Mutex // guards what follows
	calm  bool       // all goes well
	dead  bool       // no source answers
	pages map[string][]string
	all   []announced
}

// announced is a paper that a source has.
type announced struct{ id, author string }

const (
	ada   = "Ada Lovelace"
	emmy  = "Emmy Noether"
	mary  = "Mary Somerville"
	other = "Somebody Else"
)

func (w *world) settings() source.Settings {
	var s source.Settings
	for _, name := range []string{"daily", "copies"} {
		s.Sources = append(s.Sources, source.Config{
			Name: name, Kind: source.Listing, URL: "http://" + name + ".example/papers?date={date}", Every: 3 * time.Hour, Overlap: 3,
		})
	}
	return s
}

// announce has sources bring some papers: on weekdays that are no holiday, some of them
// late, and some at both sources, or twice.
func (w *world) announce(n int) (made []announced) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now().UTC()
	holiday := now.Month() == time.March && now.Day() == 17
	if d := now.Weekday(); d == time.Saturday || d == time.Sunday || holiday {
		return nil
	}
	for range n {
		a := announced{fmt.Sprintf("2603.%05d", len(w.all)), []string{ada, emmy, mary, other, other}[w.n(5)]}
		day, sites := now, []string{"daily", "copies", "daily", "daily copies", "daily daily"}[w.n(5)]
		if w.n(5) == 0 {
			day = now.AddDate(0, 0, -1-w.n(2))
		}
		for site := range strings.FieldsSeq(sites) {
			page := site + day.Format(" 2006-01-02")
			w.pages[page] = append(w.pages[page], a.id)
		}
		w.all = append(w.all, a)
		made = append(made, a)
	}
	return made
}

func (w *world) set(calm, dead bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calm, w.dead = calm, dead
}

func (w *world) isCalm() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calm
}

// ServeHTTP is all sources.
func (w *world) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.calm && w.fails(rw) {
		return
	}
	site, _, _ := strings.Cut(req.Host, ".")
	ids := w.pages[site+" "+req.URL.Query().Get("date")]
	if len(ids) == 0 && w.n(3) == 0 {
		http.NotFound(rw, req)
		return
	}
	entries := make([]string, len(ids))
	for i, id := range ids {
		var n int
		fmt.Sscanf(id, "2603.%d", &n)
		entries[i] = fmt.Sprintf(
			`{"paper":{"id":%q,"title":"Result %s","summary":"On graph number %d and on what is known of it in general.","upvotes":%d,"authors":[{"name":"Bob Bell"},{"name":%q}],"publishedAt":"2026-03-01T00:00:00.000Z"}}`,
			id, id, n%7, time.Now().Unix()/86400, w.all[n].author)
	}
	fmt.Fprintf(rw, "[%s]", strings.Join(entries, ","))
}

// fails lets a request go wrong now and then.
func (w *world) fails(rw http.ResponseWriter) bool {
	switch w.n(20) {
	case 0:
		rw.Header().Set("Retry-After", fmt.Sprint(w.n(6000)))
		rw.WriteHeader(http.StatusTooManyRequests)
	case 1:
		rw.WriteHeader(http.StatusServiceUnavailable)
	case 2:
		fmt.Fprint(rw, "<html>Maintenance</html>")
	case 3:
		fmt.Fprint(rw, `[{"paper":{"id":"2603.0`)
	default:
		return false
	}
	return true
}

// dial connects a machine to a source, without a network.
func (w *world) dial(_ context.Context, r *running, address string) (net.Conn, error) {
	w.mu.Lock()
	dead := w.dead
	w.mu.Unlock()
	if dead || r.off.Load() {
		return nil, fmt.Errorf("connect to %s: connection refused", address)
	}
	client, server := net.Pipe()
	l := &one{conn: server, done: make(chan struct{})}
	s := &http.Server{Handler: w, ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed || state == http.StateHijacked {
			l.Close()
		}
	}}
	s.SetKeepAlivesEnabled(false)
	go s.Serve(l)
	return client, nil
}

// one is a listener of one connection.
type one struct {
	conn net.Conn
	done chan struct{}
	once sync.Once
}

// Accept implements net.Listener.
func (o *one) Accept() (net.Conn, error) {
	if c := o.conn; c != nil {
		o.conn = nil
		return c, nil
	}
	<-o.done
	return nil, net.ErrClosed
}

// Close implements net.Listener.
func (o *one) Close() error { o.once.Do(func() { close(o.done) }); return nil }

// Addr implements net.Listener.
func (o *one) Addr() net.Addr { return &net.TCPAddr{} }

// attempt is what the mail server saw of one attempt to send a mail.
type attempt struct {
	at     time.Time
	to     string
	id     string // of the mail
	text   string
	papers []string
	// begun says that data came, arrived that its reader has it, cut that the power went
	// before the answer.
	begun, arrived, cut bool
	outcome             notify.Outcome
}

// String leaves out what the mail says.
func (a attempt) String() string {
	return fmt.Sprintf("{%v %s %s %v begun %t arrived %t cut %t outcome %d}", a.at, a.to, a.id, a.papers, a.begun, a.arrived, a.cut, a.outcome)
}

// counts says that it counts as sent: it was taken, or nobody knows.
func (a attempt) counts() bool {
	return a.begun && (a.cut || a.outcome == notify.NoAnswer || a.outcome == notify.Delivered)
}

// post is the mail server.
type post struct {
	draw
	world    *world
	mu       sync.Mutex // guards what follows
	attempts []attempt
}

func (p *post) seen() []attempt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.attempts)
}

// fate is what becomes of a mail.
type fate struct {
	outcome notify.Outcome
	// early is before its data, lost says that it does not arrive for all that.
	early, lost bool
	// cutAt is at which step the power goes; 0 is none.
	cutAt int
}

func (p *post) fate(to string) fate {
	if strings.HasPrefix(to, "full") {
		return fate{outcome: notify.Rejected, early: true}
	}
	if p.world.isCalm() {
		return fate{outcome: notify.Delivered}
	}
	switch n := p.n(100); {
	case n < 6:
		return fate{outcome: notify.Deferred, early: true}
	case n < 9:
		return fate{outcome: notify.Deferred}
	case n < 13:
		return fate{outcome: notify.Unreachable, early: true}
	case n < 15:
		return fate{outcome: notify.Rejected, early: true}
	case n < 16:
		return fate{outcome: notify.RejectedMail}
	case n < 22:
		return fate{outcome: notify.NoAnswer, lost: p.n(2) == 0}
	case n < 28:
		return fate{outcome: notify.Delivered, cutAt: 1 + p.n(3)}
	}
	return fate{outcome: notify.Delivered}
}

// slot is where one machine gives its mails to.
type slot struct {
	*post
	r *running
	m *machine
}

var ours = regexp.MustCompile(`(?m)^ *\d+\. Result (2603\.\d{5})`)

// Rest implements notify.Post.
func (slot) Rest() {}

// Send implements notify.Post.
func (s slot) Send(_ context.Context, m *notify.Mail, begin func() error) notify.Result {
	dark := notify.Result{Outcome: notify.Unreachable, Words: "no power"}
	if s.r.off.Load() {
		return dark
	}
	a := attempt{at: time.Now(), to: m.To, id: m.MessageID, text: m.Text}
	for _, found := range ours.FindAllStringSubmatch(m.Text, -1) {
		a.papers = append(a.papers, found[1])
	}
	f := s.fate(m.To)
	a.outcome = f.outcome
	err := s.dialogue(&a, f, begin)
	if s.r.off.Load() {
		a.cut = true
	}
	s.mu.Lock()
	s.attempts = append(s.attempts, a)
	s.mu.Unlock()
	switch {
	case a.cut:
		return dark
	case err != nil:
		return notify.Result{Outcome: notify.Withdrawn, Words: err.Error()}
	}
	return notify.Result{Outcome: f.outcome, Code: 451, Words: "as it was drawn"}
}

var errPower = errors.New("the power is cut")

// dialogue goes through the steps of a mail, at each of which the power may go.
func (s slot) dialogue(a *attempt, f fate, begin func() error) error {
	step := func(n int) bool {
		if f.cutAt == n {
			s.m.blackOut(s.r, rand.New(rand.NewPCG(uint64(s.n(1<<30)), 3)))
		}
		return f.cutAt == n
	}
	if f.early {
		return nil
	}
	if step(1) {
		return errPower
	}
	if err := begin(); err != nil {
		return err
	}
	a.begun = true
	if step(2) {
		return errPower
	}
	a.arrived = (f.outcome == notify.Delivered || f.outcome == notify.NoAnswer) && !f.lost
	step(3)
	return nil
}
