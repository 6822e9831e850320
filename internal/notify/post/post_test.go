package post

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"akin/internal/notify"
)

func (s *server) config() Config {
	addr, _ := s.listener.Addr().(*net.TCPAddr)
	return Config{
		Host: "localhost", Port: addr.Port, Roots: s.roots, User: "u", Password: "p", Timeout: 5 * time.Minute,
		From: netmail.Address{Name: "Papers", Address: "akin@example.org"},
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.listener.Addr().String())
		},
	}
}

// overdueOnce is a configuration whose deadlines are over once the server hangs.
func (s *server) overdueOnce(t *testing.T, hangs <-chan struct{}) Config {
	c := s.config()
	dial := c.Dial
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		o := &overdue{Conn: conn}
		go func() {
			select {
			case <-hangs:
				o.expire()
			case <-t.Context().Done():
			}
		}()
		return o, nil
	}
	return c
}

func newPost(t *testing.T, c Config) *Post {
	t.Helper()
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Rest)
	return p
}

func letterTo(to string) *notify.Mail {
	return &notify.Mail{
		To: to, MessageID: "d1.1.20261130.0123456789abcdef0123@example.org", Subject: "Ünïcode – 3 papers", Text: "plain ä\n.\n" + strings.Repeat("long ", 300),
		HTML: "<p>html ä</p>", Date: time.Date(2026, 11, 30, 7, 0, 0, 0, time.UTC), Unsubscribe: "https://papers.example.org/mail/unsubscribe?t=" + strings.Repeat("A", 60),
	}
}

// Whatever the server does at whatever step, the outcome is right, and the mail is begun
// only where its text was asked for.
func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		script script
		want   notify.Outcome
		begun  bool
		code   int
	}{
		"taken":                  {script{}, notify.Delivered, true, 250},
		"banner 421":             {script{banner: "421 too busy"}, notify.Unreachable, false, 421},
		"banner drops":           {script{banner: "drop"}, notify.Unreachable, false, 0},
		"banner hangs":           {script{banner: "hang"}, notify.Unreachable, false, 0},
		"banner is nonsense":     {script{banner: "hello there"}, notify.Unreachable, false, 0},
		"no STARTTLS":            {script{noTLS: true}, notify.Unreachable, false, 0},
		"STARTTLS refused":       {script{starttls: "454 not now"}, notify.Unreachable, false, 454},
		"no AUTH":                {script{noAuth: true}, notify.Unreachable, false, 0},
		"auth fails":             {script{auth: "535 5.7.8 who are you"}, notify.Unreachable, false, 535},
		"auth for now":           {script{auth: "454 4.7.0 later"}, notify.Unreachable, false, 454},
		"sender refused":         {script{from: "550 5.7.1 not from you"}, notify.Unreachable, false, 550},
		"sender for now":         {script{from: "451 4.7.1 later"}, notify.Deferred, false, 451},
		"greylisted":             {script{rcpt: "451 4.7.1 greylisted"}, notify.Deferred, false, 451},
		"no such reader":         {script{rcpt: "550 5.1.1 <reader@example.net> no such user"}, notify.Rejected, false, 550},
		"unknown answer":         {script{rcpt: "524 no such user"}, notify.Rejected, false, 524},
		"mailbox full":           {script{rcpt: "452 4.2.2 full"}, notify.Deferred, false, 452},
		"drops at RCPT":          {script{rcpt: "drop"}, notify.Unreachable, false, 0},
		"hangs at RCPT":          {script{rcpt: "hang"}, notify.Unreachable, false, 0},
		"421 at RCPT":            {script{rcpt: "421 4.3.2 going down"}, notify.Unreachable, false, 421},
		"DATA refused":           {script{data: "554 5.5.1 no"}, notify.RejectedMail, false, 554},
		"DATA for now":           {script{data: "451 4.3.0 later"}, notify.Deferred, false, 451},
		"drops at DATA":          {script{data: "drop"}, notify.Unreachable, false, 0},
		"too large":              {script{dot: "552 5.3.4 too large"}, notify.RejectedMail, true, 552},
		"spam":                   {script{dot: "550 5.7.1 looks like spam"}, notify.RejectedMail, true, 550},
		"full after the end":     {script{dot: "452 4.2.2 full"}, notify.Deferred, true, 452},
		"drops after the end":    {script{dot: "drop"}, notify.NoAnswer, true, 0},
		"hangs after the end":    {script{dot: "hang"}, notify.NoAnswer, true, 0},
		"421 after the end":      {script{dot: "421 4.3.2 going down"}, notify.Unreachable, true, 421},
		"nonsense after the end": {script{dot: "what?"}, notify.NoAnswer, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hangs := make(chan struct{}, 1)
			c.script.hangs = func() { hangs <- struct{}{} }
			s := serve(t, c.script)
			p := newPost(t, s.overdueOnce(t, hangs))
			begun := 0
			got := p.Send(t.Context(), letterTo("reader@example.net"), func() error { begun++; return nil })
			if got.Outcome != c.want || got.Code != c.code || (begun == 1) != c.begun || begun > 1 {
				t.Errorf("%+v, begun %d times; want outcome %d, code %d", got, begun, c.want, c.code)
			}
			if got.Outcome != notify.Delivered && got.Words == "" || strings.Contains(got.Words, "@") {
				t.Errorf("words %q", got.Words)
			}
			if mails, _ := s.got(); got.Outcome != notify.Delivered && got.Outcome != notify.NoAnswer && len(mails) > 0 {
				t.Errorf("%d mails came", len(mails))
			}
		})
	}
}

// A certificate of another name, or of an authority that nobody knows, is refused before
// anything is said.
func TestCertificates(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"another name":   func(c *Config) { c.Host = "mail.example.org" },
		"nobody's":       func(c *Config) { c.Roots = x509.NewCertPool() },
		"implicit":       func(c *Config) { c.Encryption, c.Roots = Implicit, x509.NewCertPool() },
		"implicit, name": func(c *Config) { c.Encryption, c.Host = Implicit, "mail.example.org" },
	} {
		s := serve(t, script{implicit: strings.HasPrefix(name, "implicit")})
		c := s.config()
		change(&c)
		got := newPost(t, c).Send(t.Context(), letterTo("a@example.net"), func() error { t.Errorf("%s: begun", name); return nil })
		if got.Outcome != notify.Unreachable || !strings.Contains(got.Words, "certificate") {
			t.Errorf("%s: %+v", name, got)
		}
		s.mu.Lock()
		for _, line := range s.lines {
			if strings.HasPrefix(line, "AUTH") || strings.HasPrefix(line, "MAIL") {
				t.Errorf("%s: %s was said", name, line)
			}
		}
		s.mu.Unlock()
	}
}

// Encrypted from the first byte, and in clear to a server on this machine.
func TestEncryptions(t *testing.T) {
	for _, e := range []Encryption{StartTLS, Implicit, None} {
		s := serve(t, script{implicit: e == Implicit, noTLS: e != StartTLS})
		c := s.config()
		c.Encryption = e
		p := newPost(t, c)
		for range 3 {
			if got := p.Send(t.Context(), letterTo("a@example.net"), func() error { return nil }); got.Outcome != notify.Delivered {
				t.Fatalf("%s: %+v", e, got)
			}
		}
		if mails, connections := s.got(); len(mails) != 3 || connections != 1 {
			t.Errorf("%s: %d mails over %d connections", e, len(mails), connections)
		}
	}
}

// A mail that breaks off is not ended, so that no part of it is delivered.
func TestNothingHalf(t *testing.T) {
	s := serve(t, script{})
	p := newPost(t, s.config())
	got := p.Send(t.Context(), letterTo("a@example.net"), func() error { return errors.New("the disk is full") })
	if got.Outcome != notify.Withdrawn {
		t.Errorf("%+v", got)
	}
	if got := p.Send(t.Context(), letterTo("b@example.net"), func() error { return nil }); got.Outcome != notify.Delivered {
		t.Errorf("the next one: %+v", got)
	}
	p.Rest()
	s.stop()
	if mails, _ := s.got(); len(mails) != 1 || !strings.Contains(mails[0], "b@example.net") {
		t.Fatalf("a part came: %q", mails)
	}
	broken := serve(t, script{body: "drop"})
	if got := newPost(t, broken.config()).Send(t.Context(), letterTo("a@example.net"), func() error { return nil }); got.Outcome != notify.Deferred && got.Outcome != notify.NoAnswer {
		t.Errorf("dropped within the text: %+v", got)
	}
}

// Who stops the server in the middle of a mail is not kept waiting.
func TestCancel(t *testing.T) {
	for _, step := range []string{"banner", "rcpt", "dot"} {
		sc := script{}
		switch step {
		case "banner":
			sc.banner = "hang"
		case "rcpt":
			sc.rcpt = "hang"
		case "dot":
			sc.dot = "hang"
		}
		ctx, cancel := context.WithCancel(t.Context())
		sc.hangs = cancel
		c := serve(t, sc).config()
		c.Timeout = time.Hour // of which it is not kept waiting
		got := newPost(t, c).Send(ctx, letterTo("a@example.net"), func() error { return nil })
		if want := map[string]notify.Outcome{"banner": notify.Unreachable, "rcpt": notify.Unreachable, "dot": notify.NoAnswer}[step]; got.Outcome != want {
			t.Errorf("%s: %+v", step, got)
		}
		cancel()
	}
}

// What a mail says of itself cannot be changed by what is in it, and both List- headers
// are signed.
func TestMessage(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := Signer("example.org", "akin", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, script{})
	c := s.config()
	c.DKIM, c.ReturnPath = signer, "bounces+{id}@example.org"
	c.From.Name, c.ReplyTo = "Päpers\r\nBcc: evil@example.net", netmail.Address{Name: `"Quoted" <x>`, Address: "reply@example.org"}
	m := letterTo("reader@example.net")
	m.Subject = "Title\r\nBcc: evil@example.net\r\n\r\nbody ünï \x00\u2028x"
	if got := newPost(t, c).Send(t.Context(), m, func() error { return nil }); got.Outcome != notify.Delivered {
		t.Fatalf("%+v", got)
	}
	mails, _ := s.got()
	raw := mails[0]
	verified, err := dkim.VerifyWithOptions(strings.NewReader(raw), &dkim.VerifyOptions{LookupTXT: func(string) ([]string, error) {
		return []string{"v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public)}, nil
	}})
	if err != nil || len(verified) != 1 || verified[0].Err != nil {
		t.Fatalf("DKIM: %+v, %v in\n%s", verified[0], err, raw)
	}
	keys := strings.ToLower(strings.Join(verified[0].HeaderKeys, " "))
	for _, want := range []string{"from", "to", "reply-to", "subject", "date", "list-unsubscribe", "list-unsubscribe-post"} {
		if !strings.Contains(" "+keys+" ", " "+want+" ") {
			t.Errorf("%s is not signed: %s", want, keys)
		}
	}
	got, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Message-Id": "<" + m.MessageID + ">", "List-Unsubscribe": "<" + m.Unsubscribe + ">", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
		"Auto-Submitted": "auto-generated", "Precedence": "bulk", "To": "<reader@example.net>", "Date": "Mon, 30 Nov 2026 07:00:00 +0000", "Bcc": "", "User-Agent": "", "X-Mailer": "",
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.Header.Get(name), want)
		}
	}
	checkParts(t, got, m)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.lines {
		if strings.Contains(line, "evil@") || strings.HasPrefix(line, "MAIL") && !strings.Contains(line, "<bounces+d1.1.20261130.0123456789abcdef0123@example.org>") {
			t.Errorf("said %q", line)
		}
	}
}

// checkParts holds both texts to what was written, and lines to what mail allows.
func checkParts(t *testing.T, got *netmail.Message, m *notify.Mail) {
	t.Helper()
	decoder := new(mime.WordDecoder)
	if subject, err := decoder.DecodeHeader(got.Header.Get("Subject")); err != nil || strings.ContainsAny(subject, "\r\n\x00") || !strings.Contains(subject, "ünï") {
		t.Errorf("subject %q, %v", subject, err)
	}
	kind, params, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s, %v", kind, err)
	}
	parts := multipart.NewReader(got.Body, params["boundary"])
	for _, want := range []string{m.Text, m.HTML} {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(raw) {
			if len(line) > 998 {
				t.Errorf("a line has %d bytes", len(line))
			}
		}
		plain, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(raw)))
		if err != nil || strings.ReplaceAll(strings.TrimRight(string(plain), "\r\n"), "\r\n", "\n") != strings.TrimRight(want, "\n") {
			t.Errorf("part %q, %v; want %q", plain, err, want)
		}
	}
}

// Names of mailboxes beyond ASCII need a server that takes them.
func TestUTF8(t *testing.T) {
	s := serve(t, script{utf8: true})
	if got := newPost(t, s.config()).Send(t.Context(), letterTo("jürgen@xn--bcher-kva.example"), func() error { return nil }); got.Outcome != notify.Delivered {
		t.Errorf("%+v", got)
	}
	s.mu.Lock()
	said := fmt.Sprint(s.lines)
	s.mu.Unlock()
	if !strings.Contains(said, "RCPT TO:<jürgen@xn--bcher-kva.example>") || !strings.Contains(said, "SMTPUTF8") {
		t.Errorf("said %s", said)
	}
}

// A server that does not take them is not told of them, and the next mail goes out.
func TestNoUTF8(t *testing.T) {
	s := serve(t, script{})
	p := newPost(t, s.config())
	begun := 0
	begin := func() error { begun++; return nil }
	if got := p.Send(t.Context(), letterTo("jürgen@xn--bcher-kva.example"), begin); got.Outcome != notify.Rejected || begun != 0 || !strings.Contains(got.Words, "SMTPUTF8") {
		t.Errorf("%+v, begun %d times", got, begun)
	}
	if got := p.Send(t.Context(), letterTo("reader@xn--bcher-kva.example"), begin); got.Outcome != notify.Delivered || begun != 1 {
		t.Errorf("%+v, begun %d times", got, begun)
	}
	s.mu.Lock()
	said := fmt.Sprint(s.lines)
	s.mu.Unlock()
	if strings.Contains(said, "jürgen") || !strings.Contains(said, "RCPT TO:<reader@xn--bcher-kva.example>") {
		t.Errorf("said %s", said)
	}
}

func TestSigner(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Signer("example.org", "akin", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		t.Errorf("Ed25519: %v", err)
	}
	for _, bad := range []string{"", "nothing", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if _, err := Signer("example.org", "akin", []byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string]string{
		"550 5.1.1 <reader@example.net>: no such user":      "550 5.1.1 (address): no such user",
		"451 greylisted, try again\r\nfor a@b":              "451 greylisted, try again for (address)",
		"552 x, affected message ID: <d1.1@example.org>":    "552 x",
		"550 jürgen@bücher.example is unknown, ask \"a@b\"": "550 (address) is unknown, ask \"(address)\"",
	} {
		if got := Words(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := Words(strings.Repeat("ä", 1000)); len(got) > 210 {
		t.Errorf("%d bytes", len(got))
	}
}
