package cli_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/mail"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"akin/internal/client"
	akinv1 "akin/proto/akin/v1"
)

// mailbox is a mail server that takes all mail, and remembers which papers each address
// was sent how often.
type mailbox struct {
	*testing.T
	at string

	mu   sync.Mutex
	sent map[string]map[string]int
}

var paperNumber = regexp.MustCompile(`turbines, part (\d+)`)

func openMailbox(t *testing.T) *mailbox {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &mailbox{T: t, at: l.Addr().String(), sent: map[string]map[string]int{}}
	var talks sync.WaitGroup
	talks.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			talks.Go(func() { b.talk(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		talks.Wait()
	})
	return b
}

// talk is the dialogue of one connection (RFC 5321).
func (b *mailbox) talk(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	text := textproto.NewConn(c)
	text.PrintfLine("220 mailbox.example.org")
	for {
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); verb {
		case "EHLO":
			text.PrintfLine("250-mailbox.example.org\r\n250 8BITMIME")
		case "DATA":
			text.PrintfLine("354 go on")
			raw, err := io.ReadAll(text.DotReader())
			if err != nil { // it was cut off, and not taken
				return
			}
			b.take(string(raw))
			text.PrintfLine("250 taken")
		case "QUIT":
			text.PrintfLine("221 bye")
			return
		default:
			text.PrintfLine("250 fine")
		}
	}
}

func (b *mailbox) take(raw string) {
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		b.Errorf("a mail that cannot be read: %v", err)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	to := m.Header.Get("To")
	if b.sent[to] == nil {
		b.sent[to] = map[string]int{}
	}
	// One mail has a paper several times, in plain text and HTML.
	papers := map[string]bool{}
	for _, found := range paperNumber.FindAllStringSubmatch(strings.ReplaceAll(raw, "=\n", ""), -1) {
		papers[found[1]] = true
	}
	for p := range papers {
		b.sent[to][p]++
	}
}

// papers counts those that were sent, each time, to any address.
func (b *mailbox) papers() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, papers := range b.sent {
		for _, times := range papers {
			n += times
		}
	}
	return n
}

// kept is what a server acknowledged of what is kept beside papers.
type kept struct {
	*cluster
	mu      sync.Mutex // guards what follows
	papers  []string
	notes   map[string]string // by paper, in the library
	tried   map[string]string // the last that was sent, acknowledged or not
	feeds   []string
	digests []string
	took    []time.Duration // changes of the library
}

// add writes n papers by Ada, whom a feed follows.
func (k *kept) add(ctx context.Context, c *client.Client, from, n int) error {
	req := new(akinv1.BatchUpsertPapersRequest)
	for i := from; i < from+n; i++ {
		req.Papers = append(req.Papers, &akinv1.Paper{
			Id: fmt.Sprintf("p%05d", i), Title: fmt.Sprintf("Glaciers and turbines, part %d", i), Authors: []*akinv1.Author{{Name: "Ada Byron"}},
		})
	}
	if _, err := c.Papers.BatchUpsertPapers(ctx, req); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range req.GetPapers() {
		k.papers = append(k.papers, p.GetId())
	}
	return nil
}

// note writes a note in the library.
func (k *kept) note(ctx context.Context, c *client.Client, id, text string) error {
	k.mu.Lock()
	k.tried[id] = text
	k.mu.Unlock()
	began := time.Now()
	_, err := c.Libraries.SetEntries(ctx, &akinv1.SetEntriesRequest{
		Library: "reading", CreateLibrary: true, AllowMissing: true, Entries: []*akinv1.Entry{{PaperId: id, Mark: akinv1.Mark_MARK_LIKED, Note: text}},
	})
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.notes[id] = text
	k.took = append(k.took, time.Since(began))
	return nil
}

func (k *kept) feed(ctx context.Context, c *client.Client, name string) error {
	_, err := c.Feeds.CreateFeed(ctx, &akinv1.CreateFeedRequest{Feed: &akinv1.Feed{Name: name, Authors: []string{"Ada Byron"}, MaxPerDay: 1000}})
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.feeds = append(k.feeds, name)
	return nil
}

func (k *kept) digest(ctx context.Context, c *client.Client, name string) error {
	_, err := c.Digests.CreateDigest(ctx, &akinv1.CreateDigestRequest{Vouched: true, Digest: &akinv1.Digest{
		Name: name, Address: name + "@example.org", Feeds: []string{"ada"}, MaxItems: 26,
		Schedule: &akinv1.DigestSchedule{Time: "23:59", TimeZone: "UTC"},
	}})
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.digests = append(k.digests, name)
	return nil
}

// send has all digests sent that can be: one of which there is nothing new says so.
func (k *kept) send(ctx context.Context, c *client.Client) {
	k.mu.Lock()
	names := slices.Clone(k.digests)
	k.mu.Unlock()
	for _, name := range names {
		_, _ = c.Digests.SendDigest(ctx, &akinv1.SendDigestRequest{Name: name})
	}
}

// check compares what a server has with what was acknowledged.
func (k *kept) check(c *client.Client) {
	k.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	have := map[string]string{}
	for token, more := "", true; more; more = token != "" {
		list, err := c.Libraries.ListEntries(k.Context(), &akinv1.ListEntriesRequest{Library: "reading", PageSize: 1000, PageToken: token})
		if err != nil {
			k.Fatal(err)
		}
		for _, e := range list.GetEntries() {
			have[e.GetPaperId()] = e.GetNote()
		}
		token = list.GetNextPageToken()
	}
	for id, text := range k.notes {
		if have[id] != text && have[id] != k.tried[id] { // which may have happened
			k.Errorf("the note of %s is %q; %q was acknowledged", id, have[id], text)
		}
	}
	for _, name := range k.feeds {
		if _, err := c.Feeds.GetFeed(k.Context(), &akinv1.GetFeedRequest{Name: name}); err != nil {
			k.Errorf("the feed %s was acknowledged: %v", name, err)
		}
	}
	for _, name := range k.digests {
		if _, err := c.Digests.GetDigest(k.Context(), &akinv1.GetDigestRequest{Name: name}); err != nil {
			k.Errorf("the digest %s was acknowledged: %v", name, err)
		}
	}
	k.items(c)
}

// items sees that the feed has each paper once.
func (k *kept) items(c *client.Client) {
	k.Helper()
	times := map[string]int{}
	var lacking int
	for end := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		clear(times)
		for token, more := "", true; more; more = token != "" {
			page, err := c.Feeds.ListFeedItems(k.Context(), &akinv1.ListFeedItemsRequest{Feed: "ada", PageSize: 500, IdsOnly: true, PageToken: token})
			if err != nil {
				k.Fatal(err)
			}
			for _, it := range page.GetItems() {
				times[it.GetPaperId()]++
			}
			token = page.GetNextPageToken()
		}
		lacking = 0
		for _, id := range k.papers {
			if times[id] == 0 {
				lacking++
			}
		}
		if lacking == 0 || time.Now().After(end) {
			break
		}
	}
	if lacking > 0 {
		k.Errorf("%d of %d papers are no items of the feed", lacking, len(k.papers))
	}
	for id, n := range times {
		if n > 1 {
			k.Errorf("%s is an item of the feed %d times", id, n)
		}
	}
}

// once sees that no address was sent a paper twice, and that each digest was sent.
func (k *kept) once(b *mailbox) {
	k.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for to, papers := range b.sent {
		for p, n := range papers {
			if n > 1 {
				k.Errorf("%s was sent paper %s %d times", to, p, n)
			}
		}
	}
	if len(b.sent) == 0 {
		k.Error("no digest was sent")
	}
}

// busy changes libraries, feeds, digests and papers, and has digests sent, until it ends.
func (k *kept) busy(ctx context.Context, c *client.Client, from int) *sync.WaitGroup {
	var all sync.WaitGroup
	repeat := func(pause time.Duration, f func(i int) error) {
		all.Go(func() {
			for i := from; ctx.Err() == nil; i++ {
				if f(i) != nil {
					time.Sleep(50 * time.Millisecond)
				}
				time.Sleep(pause)
			}
		})
	}
	repeat(0, func(i int) error { return k.note(ctx, c, fmt.Sprintf("p%05d", i%40), fmt.Sprint("note ", i)) })
	repeat(0, func(i int) error { return k.note(ctx, c, fmt.Sprintf("q%05d", i), strings.Repeat("long ", 500)) })
	repeat(300*time.Millisecond, func(i int) error { return k.feed(ctx, c, fmt.Sprint("f", i)) })
	repeat(500*time.Millisecond, func(i int) error { return k.digest(ctx, c, fmt.Sprint("d", i)) })
	repeat(100*time.Millisecond, func(i int) error { return k.add(ctx, c, 3*i, 3) })
	repeat(200*time.Millisecond, func(int) error { k.send(ctx, c); return nil })
	return &all
}

// first waits until a server takes a change, and says how long that was.
func (k *kept) first(c *client.Client, id string) time.Duration {
	k.Helper()
	began := time.Now()
	for {
		err := k.note(k.Context(), c, id, "after")
		if err == nil {
			return time.Since(began)
		}
		if time.Since(began) > 2*time.Minute {
			k.Fatalf("the other writer takes no changes: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// compare says what a change of a library takes, by itself, and on one machine.
func (k *kept) compare(c *client.Client) {
	k.Helper()
	lone := &kept{cluster: &cluster{T: k.T, dir: k.dir}, notes: map[string]string{}, tried: map[string]string{}}
	at := lone.dial(lone.server("lone", "127.0.0.1:0", "--threads", "1", "--data", filepath.Join(k.dir, "lone")).grpc)
	const changes = 100
	for i := range changes {
		for _, one := range []struct {
			*kept
			at *client.Client
		}{{k, c}, {lone, at}} {
			if err := one.note(k.Context(), one.at, fmt.Sprintf("r%05d", i), "a note"); err != nil {
				k.Fatal(err)
			}
		}
	}
	middle := func(all []time.Duration) time.Duration {
		all = slices.Sorted(slices.Values(all[len(all)-changes:]))
		return all[len(all)/2].Round(10 * time.Microsecond)
	}
	k.Logf("a change of a library: median %v, and on one machine %v", middle(k.took), middle(lone.took))
	k.took = nil
}

// mean is that of some times.
func mean(all []time.Duration) time.Duration {
	var sum time.Duration
	for _, d := range all {
		sum += d
	}
	return sum / time.Duration(max(1, len(all)))
}

// A writer is killed in the midst of changes, and a node of the cluster with it. Another
// one takes over, whose data directory is empty: all that was acknowledged is there, no
// paper comes twice. Then the first one comes back, with its old directory.
func TestClusterHome(t *testing.T) {
	c := newCluster(t)
	box := openMailbox(t)
	c.flags = append(c.flags, "--public-url", "http://127.0.0.1:1", "--smtp-addr", box.at, "--smtp-tls", "none",
		"--mail-from", "akin@example.org", "--mail-rate", "10000", "--secret-file", filepath.Join(c.dir, "secrets.json"))
	k := &kept{cluster: c, notes: map[string]string{}, tried: map[string]string{}}
	a := c.writer("a")
	toA := c.dial(a.grpc)
	for _, err := range []error{k.feed(t.Context(), toA, "ada"), k.digest(t.Context(), toA, "d"), k.add(t.Context(), toA, 90_000, 5)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	k.compare(toA)
	b := c.writer("b")
	ctx, cancel := context.WithCancel(t.Context())
	busy := k.busy(ctx, toA, 0)
	time.Sleep(6 * time.Second)
	a.cmd.Process.Kill()
	node := os.Getenv("AKIN_TEST_CLUSTER_CONTROL")
	if node != "" {
		if out, err := exec.Command(node, "kill", "1").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Cleanup(func() { exec.Command(node, "start", "1").Run() })
	}
	mustRun(t, "catalog", "take-over", "--catalog-writer-file", c.mark, "--writer", "b")
	cancel()
	busy.Wait()
	a.cmd.Wait()
	k.mu.Lock()
	t.Logf("acknowledged before the kill: %d changes of the library (%v each), %d feeds, %d digests, %d papers; %d papers were mailed",
		len(k.took), mean(k.took).Round(time.Millisecond), len(k.feeds), len(k.digests), len(k.papers), box.papers())
	k.mu.Unlock()
	toB := c.dial(b.grpc)
	t.Logf("the first change of the other writer was acknowledged after %v", k.first(toB, "p00000").Round(time.Millisecond))
	k.check(toB)
	// What comes now is sent once, and what was sent not again.
	was := box.papers()
	if err := k.add(t.Context(), toB, 91_000, 5); err != nil {
		t.Fatal(err)
	}
	k.items(toB)
	for end := time.Now().Add(time.Minute); box.papers() == was && time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		k.send(t.Context(), toB)
	}
	k.once(box)
	// The first one comes back.
	if node != "" {
		if out, err := exec.Command(node, "start", "1").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	again := c.writer("a")
	mustRun(t, "catalog", "take-over", "--catalog-writer-file", c.mark, "--writer", "a")
	toA = c.dial(again.grpc)
	k.first(toA, "p00001")
	k.check(toA)
	k.once(box)
	// One whose secrets are others keeps all of it, and sends nothing.
	x := c.server("x", "127.0.0.1:0", "--catalog-role", "writer", "--data", filepath.Join(c.dir, "x"), "--secret-file", filepath.Join(c.dir, "others.json"))
	mustRun(t, "catalog", "take-over", "--catalog-writer-file", c.mark, "--writer", "x")
	toX := c.dial(x.grpc)
	k.first(toX, "p00002")
	k.items(toX)
	if _, err := toX.Digests.ListDigests(t.Context(), &akinv1.ListDigestsRequest{}); err == nil || !strings.Contains(err.Error(), "secret file") {
		t.Errorf("digests without their secret: %v", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.feeds) < 3 || len(k.notes) < 20 || len(slices.Collect(maps.Keys(box.sent))) == 0 {
		t.Errorf("too little was acknowledged to say anything: %d feeds, %d notes", len(k.feeds), len(k.notes))
	}
}
