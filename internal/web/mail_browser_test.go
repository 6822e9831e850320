//go:build page

package web_test

import (
	"bufio"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/textproto"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// mailbox is a mail server that takes all mail.
type mailbox struct {
	t     *testing.T
	at    string
	mails chan *mail.Message
}

func openMailbox(t *testing.T) *mailbox {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	b := &mailbox{t: t, at: l.Addr().String(), mails: make(chan *mail.Message, 10)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go b.talk(c)
		}
	}()
	return b
}

// talk is the dialogue of one connection (RFC 5321).
func (b *mailbox) talk(c net.Conn) {
	defer c.Close()
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
			m, err := mail.ReadMessage(bufio.NewReader(text.DotReader()))
			if err != nil {
				b.t.Errorf("a mail that cannot be read: %v", err)
				return
			}
			body, _ := io.ReadAll(m.Body)
			m.Body = strings.NewReader(string(body))
			b.mails <- m
			text.PrintfLine("250 taken")
		case "QUIT":
			text.PrintfLine("221 bye")
			return
		default:
			text.PrintfLine("250 fine")
		}
	}
}

// next waits for a mail and gives its plain text.
func (b *mailbox) next() (header mail.Header, text string) {
	b.t.Helper()
	var m *mail.Message
	select {
	case m = <-b.mails:
	case <-time.After(30 * time.Second):
		b.t.Fatal("no mail came")
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		b.t.Fatal(err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err != nil {
			b.t.Fatalf("a mail without plain text: %v", err)
		}
		if !strings.HasPrefix(part.Header.Get("Content-Type"), "text/plain") {
			continue
		}
		var r io.Reader = part
		if strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
			r = quotedprintable.NewReader(part)
		}
		raw, err := io.ReadAll(r)
		if err != nil {
			b.t.Fatal(err)
		}
		return m.Header, string(raw)
	}
}

// link gives the first link of a mail to a page.
func (b *mailbox) link(text, page string) string {
	b.t.Helper()
	found := regexp.MustCompile(`http://[^/\s]+(/mail/` + page + `\?t=\S+)`).FindStringSubmatch(text)
	if found == nil {
		b.t.Fatalf("no link to %s in %s", page, text)
	}
	return found[1]
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (p *tab) heading(want string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.querySelector("h1").textContent.trim() === %q`, want))
}

// From the page to the mail and back: a digest is asked for, confirmed by its reader, and
// sent; a like in the mail changes what is for the reader; and a link ends it.
func TestBrowserMail(t *testing.T) {
	box, address := openMailbox(t), freeAddress(t)
	at := programOf(t, filepath.Join(t.TempDir(), "data"), "--http-addr", address, "--public-url", "http://"+address,
		"--smtp-addr", box.at, "--smtp-tls", "none", "--mail-from", "Papers <akin@example.org>")
	p := open(t, browser(t), at)
	p.visit("/for-you")
	before := js[int](p, `document.querySelectorAll(".hit").length`)
	p.visit("/feeds")
	p.do(`(() => { const f = document.querySelector('form[action="/digests"]')
		f.querySelector('[name=address]').value = "ada@example.org"
		f.querySelector('[name=listing]').value = "newest"
		f.requestSubmit() })()`)
	p.until(`location.pathname === "/digests/digest"`)
	_, text := box.next()
	p.visit(box.link(text, "confirm"))
	p.heading("Do you want this digest?")
	p.clickText("button", "Yes, send it to me")
	p.heading("It begins")
	p.visit("/digests/digest")
	p.clickText("button", "Send it now")
	header, text := box.next()
	if header.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" || !strings.Contains(text, "1. ") {
		t.Errorf("the digest: %v\n%s", header, text)
	}
	p.visit(box.link(text, "mark")) // programs that look at mails do so, too
	p.heading("Like?")
	p.visit("/for-you")
	if n := js[int](p, `document.querySelectorAll(".hit").length`); n != before {
		t.Errorf("opening a link changed what is for the reader: %d, %d", before, n)
	}
	p.visit(box.link(text, "mark"))
	p.clickText("button", "Like")
	p.heading("Liked")
	p.visit("/for-you")
	if n := js[int](p, `document.querySelectorAll(".hit").length`); n == before || n == 0 {
		t.Errorf("a like of a mail changed nothing of what is for the reader: %d papers, as before", n)
	}
	p.visit(box.link(text, "unsubscribe"))
	p.heading("Unsubscribe?")
	p.clickText("button", "Unsubscribe")
	p.heading("You are unsubscribed")
	p.visit("/digests/digest")
	p.until(`document.querySelector(".lead").textContent.includes("stopped")`)
	p.fine()
}
