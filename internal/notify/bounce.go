package notify

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
)

const (
	// MaxBounceBytes is how large a report is at most.
	MaxBounceBytes = 1 << 20
	// bounceParts and bounceDepth bound how much of one is read.
	bounceParts = 20
	bounceDepth = 4
)

// report is what a delivery status notification says (RFC 3464).
type report struct {
	// action is failed, delayed, delivered, relayed or expanded; status is as 5.1.1.
	action, status string
	// text is where the id of the mail may be.
	text strings.Builder
}

// Bounced is what a reported bounce was.
type Bounced struct {
	// Counted says that it counts against the address; it does once for each mail.
	Counted bool
	Words   string
}

// ReportBounce takes a mail that came back to the sender's address. One that is a
// delivery status notification of a mail of this server counts against its reader's
// address, if the mail failed; a note that somebody is on holiday, or that the mail is
// only late, does not.
func (s *Digests) ReportBounce(ctx context.Context, raw []byte) (out Bounced, err error) {
	if len(raw) > MaxBounceBytes {
		raw = raw[:MaxBounceBytes]
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return out, notBounce("it is no mail")
	}
	var r report
	for _, name := range []string{"To", "Delivered-To", "X-Original-To"} { // the return path may have the id
		r.text.WriteString(strings.Join(m.Header[name], " ") + "\n")
	}
	kind, params, _ := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if kind != "multipart/report" || !strings.EqualFold(params["report-type"], "delivery-status") {
		return out, notBounce("it is no delivery status notification (holiday notes and other answers are none)")
	}
	r.parts(m.Body, params["boundary"], 0)
	if r.action == "" {
		return out, notBounce("it does not say what became of the mail")
	}
	digest, key, ok := s.readMessageID(r.text.String())
	if !ok {
		return out, notBounce("the id of no mail of this server is in it")
	}
	return s.bounced(ctx, digest, key, &r)
}

// parts reads the parts of a report.
func (r *report) parts(body io.Reader, boundary string, depth int) {
	if boundary == "" || depth == bounceDepth {
		return
	}
	parts := multipart.NewReader(body, boundary)
	for range bounceParts {
		p, err := parts.NextRawPart()
		if err != nil {
			return
		}
		kind, params, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		content := decoded(p, p.Header.Get("Content-Transfer-Encoding"))
		switch kind {
		case "message/delivery-status", "message/global-delivery-status":
			r.status3464(content)
		case "message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers":
			head, _ := io.ReadAll(io.LimitReader(content, 64<<10))
			if at := bytes.Index(bytes.ReplaceAll(head, []byte("\r"), nil), []byte("\n\n")); at > 0 {
				head = bytes.ReplaceAll(head, []byte("\r"), nil)[:at] // headers alone: the text may quote another mail
			}
			r.text.Write(head)
			r.text.WriteByte('\n')
		default:
			if strings.HasPrefix(kind, "multipart/") {
				r.parts(content, params["boundary"], depth+1)
			}
		}
	}
}

func decoded(r io.Reader, encoding string) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, r)
	case "quoted-printable":
		return quotedprintable.NewReader(r)
	}
	return r
}

// status3464 reads the fields of a status: those of the mail first, then those of each
// recipient, of whom our mails have one.
func (r *report) status3464(content io.Reader) {
	in := textproto.NewReader(bufio.NewReader(io.LimitReader(content, 64<<10)))
	for range bounceParts {
		head, err := in.ReadMIMEHeader()
		if a := head.Get("Action"); a != "" && r.action == "" {
			r.action, r.status = strings.ToLower(strings.TrimSpace(a)), strings.TrimSpace(head.Get("Status"))
		}
		for _, name := range []string{"Original-Envelope-Id", "X-Original-Message-Id"} {
			r.text.WriteString(head.Get(name) + "\n")
		}
		if err != nil {
			return
		}
	}
}

// bounced counts a bounce of an issue, once.
func (s *Digests) bounced(ctx context.Context, digest uint32, key IssueKey, r *report) (out Bounced, err error) {
	if r.action != "failed" {
		return Bounced{Words: "the mail is " + clean(r.action) + ", which does not count"}, nil
	}
	score := hardScore
	if strings.HasPrefix(r.status, "4") {
		score = softScore
	}
	words := "it came back (" + clean(r.status) + ")"
	now := s.clock()
	err = s.Store.Write(ctx, func(w Writer) error {
		d, found, err := w.Digest(digest)
		if err != nil || !found {
			out.Words = "its digest is no more"
			return err
		}
		i, found, err := w.Issue(digest, key)
		if err != nil || !found {
			out.Words = "the mail is forgotten already"
			return err
		}
		if i.Bounced {
			out.Words = "it was counted before"
			return nil
		}
		to, found, err := w.Recipient(d.Recipient)
		if err != nil || !found {
			return err
		}
		before := to
		to.refused(score, words, now)
		i.Bounced, i.Words = true, strings.TrimSpace(i.Words+" Later "+words+".")
		out = Bounced{Counted: true, Words: words}
		if err := w.PutRecipient(&to, &before); err != nil {
			return err
		}
		return w.PutIssue(&i)
	})
	return out, err
}

// clean leaves of a word what is safe to log and show.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return -1
	}, strings.ToLower(s[:min(len(s), 20)]))
}
