package monthtest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"akin/internal/catalog/local"
	"akin/internal/courier"
	"akin/internal/crashtest"
	"akin/internal/embed"
	"akin/internal/engine"
	"akin/internal/feed"
	"akin/internal/feed/ledger"
	"akin/internal/librarian"
	"akin/internal/library"
	"akin/internal/library/shelf"
	"akin/internal/notify"
	"akin/internal/notify/outbox"
	notifypost "akin/internal/notify/post"
	"akin/internal/notify/sentfile"
	"akin/internal/paper"
	"akin/internal/rpc/rpctest"
	"akin/internal/seal"
	"akin/internal/store"
)

// What the process that is killed is told, in its environment.
const (
	killDir   = "AKIN_KILL_DIR"   // the data directory
	killPost  = "AKIN_KILL_POST"  // the port of the mail server
	killClock = "AKIN_KILL_CLOCK" // the time to begin at, Unix seconds
	killPaper = "AKIN_KILL_PAPER" // the number of the first paper; below 0, none come any more
	killTicks = "AKIN_KILL_TICKS" // how many hours to run
)

// killed are those who get mails: each one feed of one author, at three local times.
var killed = []reader{
	{name: "york", feeds: map[string][]string{"ada": {ada}}, Schedule: notify.Schedule{Every: notify.Daily, Minute: 150, Zone: "America/New_York"}},
	{name: "berlin", feeds: map[string][]string{"emmy": {emmy}}, Schedule: notify.Schedule{Every: notify.Daily, Minute: 420, Zone: "Europe/Berlin"}},
	{name: "tokyo", feeds: map[string][]string{"mary": {mary}}, Schedule: notify.Schedule{Every: notify.Daily, Minute: 1200, Zone: "Asia/Tokyo"}},
}

func killedAuthor(n int) string { return []string{ada, emmy, mary}[n%3] }

func killedID(n int) string { return fmt.Sprintf("p%05d", n) }

// parts are what runs over a data directory on a real disk.
type parts struct {
	store   *store.Store
	catalog *local.Catalog
	engine  *engine.Engine
	feeds   *courier.Courier
	digests *notify.Digests
	post    *resting
	outside *sentfile.File
}

func openParts(t *testing.T, dir string, now func() time.Time, port int) *parts {
	t.Helper()
	_, err := os.Stat(filepath.Join(dir, "data"))
	p := new(parts)
	p.store = must(store.Open(filepath.Join(dir, "data"), store.Options{Create: err != nil, Beside: []store.Beside{
		{Prefixes: shelf.Prefixes(), Verify: shelf.Verify},
		{Prefixes: ledger.Prefixes(), Verify: ledger.Verify},
		{Prefixes: outbox.Prefixes(), Verify: outbox.Verify},
	}}))(t)
	db, moved := p.store.DB(), p.store.Moved
	kept := ledger.New(db, moved)
	p.catalog = must(local.Open(t.Context(), local.Config{Store: p.store, Space: rpctest.Space(), Index: local.ExactIndex, Followed: func(c string) uint64 {
		at, err := courier.Followed(context.WithoutCancel(t.Context()), kept, c)
		if err != nil {
			return 0
		}
		return at
	}}))(t)
	p.engine = engine.New(engine.OneModel{Model: &rpctest.Words{}}, p.catalog, nil)
	libraries := library.New(shelf.New(db, moved), now)
	p.feeds = courier.New(kept, p.catalog, p.engine, libraries, courier.Options{Now: now, Look: time.Hour})
	p.outside = must(sentfile.Open(filepath.Join(dir, seal.FileName+sentfile.Suffix), now))(t)
	p.post = &resting{Post: must(notifypost.New(notifypost.Config{
		Host: "127.0.0.1", Port: port, Encryption: notifypost.None, From: mail.Address{Address: "akin@example.org"}, Timeout: 5 * time.Second,
	}))(t)}
	p.digests = notify.New(notify.Parts{
		Store: outbox.New(db, moved), Seal: must(seal.Open(filepath.Join(dir, seal.FileName)))(t), Papers: p.engine,
		Marks: librarian.New(libraries, p.engine, now), Feeds: found{p.feeds}, Post: p.post, Now: now,
		Outside: p.outside,
	}, notify.Settings{PublicURL: "https://papers.example.org", Domain: "example.org", PerMinute: 1_000_000})
	return p
}

func (p *parts) close(t *testing.T) {
	t.Helper()
	if err := p.outside.Close(); err != nil {
		t.Error(err)
	}
	if err := p.catalog.Close(); err != nil {
		t.Error(err)
	}
	if err := p.store.Close(); err != nil {
		t.Error(err)
	}
}

// TestKillChild is the process that TestKillDigests kills; alone it does nothing.
func TestKillChild(t *testing.T) {
	dir := os.Getenv(killDir)
	if dir == "" {
		t.Skip("TestKillDigests runs it")
	}
	number := func(name string) int {
		n, err := strconv.Atoi(os.Getenv(name))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	var clock atomic.Int64
	clock.Store(int64(number(killClock)))
	p := openParts(t, dir, func() time.Time { return time.Unix(clock.Load(), 0) }, number(killPost))
	defer p.close(t)
	for i := range killed {
		p.subscribe(t, &killed[i])
	}
	ctx, stop := context.WithCancel(t.Context())
	var matching sync.WaitGroup
	matching.Go(func() {
		if err := p.feeds.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer matching.Wait()
	defer stop()
	fmt.Println("ready")
	next := number(killPaper)
	for range number(killTicks) {
		fmt.Printf("clock %d\n", clock.Add(3600))
		if next >= 0 {
			fmt.Printf("begin %d\n", next)
			p.bring(t, next)
			fmt.Printf("kept %d\n", next)
			next++
		}
		p.send(ctx)
	}
	fmt.Println("done")
}

// subscribe makes the feed and the digest of a reader, unless they are there.
func (p *parts) subscribe(t *testing.T, r *reader) {
	t.Helper()
	ctx := t.Context()
	for name, authors := range r.feeds {
		if _, err := p.feeds.Get(ctx, r.name, name); paper.KindOf(err) == paper.NotFound {
			must(p.feeds.Create(ctx, r.name, feed.Feed{Name: name, Query: feed.Query{Authors: authors}, MaxPerDay: 1000}))(t)
		}
		d := notify.Digest{Name: "mine", Schedule: r.Schedule, MaxItems: notify.MaxItems, Feeds: []string{name}}
		if _, err := p.digests.Get(ctx, r.name, "mine"); paper.KindOf(err) == paper.NotFound {
			must(p.digests.Create(ctx, r.name, d, r.address(), true))(t)
		}
	}
}

// bring upserts a paper.
func (p *parts) bring(t *testing.T, n int) {
	t.Helper()
	_, _, err := p.engine.Upsert(t.Context(), paper.DefaultCollection, []paper.Paper{
		{ID: killedID(n), Title: "Result " + killedID(n), Abstract: "On what is known of it in general.", Authors: []paper.Author{{Name: killedAuthor(n)}}},
	}, embed.Interactive)
	if err != nil {
		t.Fatal(err)
	}
}

// send lets the digests send what is due by the given clock.
func (p *parts) send(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.post.rested = cancel
	p.digests.Run(ctx)
}

// resting says when all that was due was tried.
type resting struct {
	*notifypost.Post
	rested func()
}

// Rest implements notify.Post.
func (r *resting) Rest() {
	r.Post.Rest()
	r.rested()
}

// mails is a mail server that notes what it got whole.
type mails struct {
	t    *testing.T
	port int
	mu   sync.Mutex // guards what follows
	got  []attempt
	// step is called at each step of a dialogue: it may kill.
	step func()
}

func (m *mails) listen() {
	l := must(net.Listen("tcp", "127.0.0.1:0"))(m.t)
	m.port = l.Addr().(*net.TCPAddr).Port
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { m.talk(c) })
		}
	})
	m.t.Cleanup(func() { l.Close(); all.Wait() })
}

// moment is a step of a dialogue.
func (m *mails) moment() {
	m.mu.Lock()
	step := m.step
	m.mu.Unlock()
	if step != nil {
		step()
	}
}

// talk is a dialogue. A mail has arrived once its last line came, whatever becomes of the
// answer.
func (m *mails) talk(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(c)
	fmt.Fprint(c, "220 mail.example ready\r\n")
	a := attempt{}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		m.moment()
		switch verb := strings.ToUpper(strings.TrimSpace(line)); {
		case strings.HasPrefix(verb, "RCPT TO:"):
			a.to = strings.Trim(strings.TrimSpace(line[len("RCPT TO:"):]), "<>")
			fmt.Fprint(c, "250 ok\r\n")
		case verb == "DATA":
			fmt.Fprint(c, "354 go ahead\r\n")
			text, err := m.data(in)
			if err != nil {
				return
			}
			m.took(&a, text)
			m.moment()
			fmt.Fprint(c, "250 taken\r\n")
			a = attempt{}
		case verb == "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
}

func (m *mails) data(in *bufio.Reader) (string, error) {
	var text strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return "", err
		}
		if line == ".\r\n" {
			return text.String(), nil
		}
		if text.Len() == 0 {
			m.moment()
		}
		text.WriteString(line)
	}
}

func (m *mails) took(a *attempt, text string) {
	read, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		m.t.Errorf("a mail that cannot be read: %v", err)
		return
	}
	a.id, a.text = strings.Trim(read.Header.Get("Message-ID"), "<>"), text
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r != 'p' && (r < '0' || r > '9') }) {
		if len(word) == 6 && word[0] == 'p' && !slices.Contains(a.papers, word) {
			a.papers = append(a.papers, word)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got = append(m.got, *a)
}

// killing is a run of TestKillDigests.
type killing struct {
	t      *testing.T
	dir    string
	post   *mails
	clock  int64
	next   int
	kept   []int // the papers that were acknowledged
	begun  []int
	killed int
}

// child starts the process, and hands its lines to each.
func (k *killing) child(ticks, first int, each func(line string, kill func())) {
	k.t.Helper()
	cmd := exec.CommandContext(k.t.Context(), os.Args[0], "-test.run=^TestKillChild$", "-test.v")
	cmd.Env = append(os.Environ(), killDir+"="+k.dir, fmt.Sprintf("%s=%d", killPost, k.post.port),
		fmt.Sprintf("%s=%d", killClock, k.clock), fmt.Sprintf("%s=%d", killPaper, first), fmt.Sprintf("%s=%d", killTicks, ticks))
	var errors bytes.Buffer
	cmd.Stderr = &errors
	out := must(cmd.StdoutPipe())(k.t)
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	var gone atomic.Bool
	kill := func() {
		if !gone.Swap(true) {
			cmd.Process.Kill()
		}
	}
	var said strings.Builder
	lines := bufio.NewScanner(io.TeeReader(out, &said))
	for lines.Scan() {
		var n int
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "clock":
			fmt.Sscan(rest, &k.clock)
		case "begin":
			fmt.Sscan(rest, &n)
			k.begun, k.next = append(k.begun, n), n+1
		case "kept":
			fmt.Sscan(rest, &n)
			k.kept = append(k.kept, n)
		}
		each(lines.Text(), kill)
	}
	err := cmd.Wait()
	if gone.Load() {
		k.killed++
	} else if err != nil {
		k.t.Fatalf("the process failed: %v\n%s\n%s", err, said.String(), errors.String())
	}
}

// TestKillDigests kills the process that matches feeds and sends digests, with SIGKILL: at
// random moments, and at random steps of the dialogue with the mail server. In the end no
// paper is missing from its feed, none is there twice, and each came in a mail, once; or in
// the one mail of a kill of which nobody knows whether it went out.
func TestKillDigests(t *testing.T) {
	if testing.Short() {
		t.Skip("kills and restarts")
	}
	random := rand.New(rand.NewPCG(crashtest.Seed(t), 9))
	k := &killing{t: t, dir: t.TempDir(), clock: time.Date(2026, time.March, 5, 10, 0, 0, 0, time.UTC).Unix(), post: &mails{t: t}}
	k.post.listen()
	rounds := crashtest.Rounds(t, 3)
	for range rounds {
		k.round(random)
		if random.IntN(3) == 0 { // it stays down for a while
			k.clock += random.Int64N(12 * 3600)
		}
	}
	k.child(8*24, -1, func(string, func()) {}) // what is left is sent
	k.check()
}

// round starts the process and kills it.
func (k *killing) round(random *rand.Rand) {
	k.t.Helper()
	after := time.Duration(random.Int64N(int64(200 * time.Millisecond)))
	// Few enough that all issues are still kept in the end.
	ticks := 4 + random.IntN(16)
	steps := int64(1 + random.IntN(20))
	atStep := random.IntN(2) == 0
	seen := 0
	k.child(10_000, k.next, func(line string, kill func()) {
		switch {
		case atStep && line == "ready":
			left := steps
			k.post.mu.Lock()
			k.post.step = func() {
				if atomic.AddInt64(&left, -1) == 0 {
					kill()
				}
			}
			k.post.mu.Unlock()
		case !atStep && strings.HasPrefix(line, "clock"):
			if seen++; seen == ticks {
				time.AfterFunc(after, kill)
			}
		}
	})
	k.post.mu.Lock()
	k.post.step = nil
	k.post.mu.Unlock()
}

// check holds what is kept, and what the mail server got, against what was acknowledged.
func (k *killing) check() {
	k.t.Helper()
	p := openParts(k.t, k.dir, time.Now, k.post.port)
	defer p.close(k.t)
	report := must(p.store.Verify(k.t.Context()))(k.t)
	for _, fault := range report.Faults {
		k.t.Errorf("the store: %v", fault)
	}
	unanswered := p.unanswered(k.t)
	if len(unanswered) > k.killed {
		k.t.Errorf("%d mails are not known to have gone out, after %d kills", len(unanswered), k.killed)
	}
	times := map[string]int{}
	for _, a := range k.post.got {
		if times[a.id]++; times[a.id] > 1 {
			k.t.Errorf("mail %s came %d times", a.id, times[a.id])
		}
	}
	papers := 0
	for i := range killed {
		papers += k.reader(p, &killed[i], unanswered)
	}
	if papers < len(k.kept) {
		k.t.Errorf("%d papers were acknowledged, feeds have %d", len(k.kept), papers)
	}
	if k.t.Failed() {
		p.unanswered(k.t) // tells of all
	}
	k.t.Logf("%d kills, %d papers, %d mails, %d of which nobody knows: none lost, none twice", k.killed, papers, len(k.post.got), len(unanswered))
}

// unanswered gives the mails that count as sent though no answer came, with their papers.
func (p *parts) unanswered(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	err := outbox.New(p.store.DB(), p.store.Moved).Read(t.Context(), func(r notify.Reader) error {
		return r.Digests(func(d *notify.Digest) error {
			issues, err := r.Issues(d.ID)
			for _, i := range issues {
				if t.Failed() {
					t.Logf("%s %v: progress %d, %d papers, %d attempts, %s", d.Owner, i.Day, i.Progress, len(i.Picks), i.Attempts, i.Words)
				}
				if !i.Progress.Over() {
					t.Errorf("the issue of %v of %s is not over: %+v", i.Day, d.Owner, i)
				}
				if i.Progress != notify.Unanswered {
					continue
				}
				out[i.MessageID] = []string{}
				for _, pick := range i.Picks {
					out[i.MessageID] = append(out[i.MessageID], pick.PaperID)
				}
			}
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// reader checks what one reader has: each paper of the feed once, in a mail.
func (k *killing) reader(p *parts, r *reader, unanswered map[string][]string) (papers int) {
	k.t.Helper()
	came := map[string]int{}
	for _, a := range k.post.got {
		if a.to != r.address() {
			continue
		}
		for _, id := range a.papers {
			came[id]++
		}
	}
	perhaps := map[string]bool{}
	for _, ids := range unanswered {
		for _, id := range ids {
			perhaps[id] = true
		}
	}
	for name, authors := range r.feeds {
		_, items, err := p.feeds.Items(k.t.Context(), r.name, name, 0, false, 10_000)
		if err != nil {
			k.t.Fatal(err)
		}
		have := map[string]int{}
		for i := range items {
			id := items[i].PaperID
			have[id]++
			if came[id] != 1 && (came[id] > 1 || !perhaps[id]) {
				k.t.Errorf("%s got paper %s in %d mails", r.name, id, came[id])
			}
		}
		for _, n := range k.kept {
			if killedAuthor(n) == authors[0] && have[killedID(n)] != 1 {
				k.t.Errorf("feed %s has paper %s, which was acknowledged, %d times", name, killedID(n), have[killedID(n)])
			}
		}
		papers += len(have)
	}
	return papers
}
