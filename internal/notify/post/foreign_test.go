package post

import (
	"crypto/x509"
	"net"
	netmail "net/mail"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"akin/internal/notify"
)

// A mail server of somebody else: .ci/mail.sh starts one, and says where it is.
func TestForeignServer(t *testing.T) {
	at, kind := os.Getenv("AKIN_TEST_SMTP"), os.Getenv("AKIN_TEST_SMTP_KIND")
	if at == "" {
		t.Skip("make test-mail starts mail servers of somebody else for this test")
	}
	pem, err := os.ReadFile(os.Getenv("AKIN_TEST_SMTP_CA"))
	if err != nil {
		t.Fatal(err)
	}
	_, portText, err := net.SplitHostPort(at)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Host: "localhost", Port: port, Roots: x509.NewCertPool(), From: netmail.Address{Address: "akin@example.org"}, Timeout: 4 * time.Second}
	c.Roots.AppendCertsFromPEM(pem)
	if kind == "aiosmtpd" {
		c.User, c.Password = "u", "p"
	}
	type step struct {
		to   string
		want notify.Outcome
	}
	steps := []step{
		{"ok", notify.Delivered}, {"grey", notify.Deferred}, {"no", notify.Rejected}, {"big", notify.RejectedMail}, {"ok", notify.Delivered},
	}
	if kind == "aiosmtpd" { // it forgets what is greylisted, drops and is slow
		steps = append(steps, step{"grey", notify.Deferred}, step{"grey", notify.Delivered}, step{"slow", notify.NoAnswer}, step{"drop", notify.NoAnswer}, step{"ok", notify.Delivered},
			step{"jürgen", notify.Delivered})
	}
	p := newPost(t, c)
	for _, s := range steps {
		m := letterTo(s.to + "@example.net")
		if s.to == "big" {
			m.Text = strings.Repeat("0123456789\n", 40_000)
		}
		got := p.Send(t.Context(), m, func() error { return nil })
		t.Logf("%s: %+v", s.to, got)
		if got.Outcome != s.want {
			t.Errorf("%s: %+v, want outcome %d", s.to, got, s.want)
		}
	}
	if kind == "aiosmtpd" {
		c.Password = "wrong"
		if got := newPost(t, c).Send(t.Context(), letterTo("ok@example.net"), func() error { return nil }); got.Outcome != notify.Unreachable {
			t.Errorf("a wrong password: %+v", got)
		}
	}
	c.Roots = x509.NewCertPool()
	if got := newPost(t, c).Send(t.Context(), letterTo("ok@example.net"), func() error { return nil }); got.Outcome != notify.Unreachable {
		t.Errorf("a certificate of nobody: %+v", got)
	}
}
