package post

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// script is what a mail server does at each step of the dialogue: it answers, or closes
// the connection ("drop"), or says nothing for long ("hang"). "" is what a server that
// takes mail answers. Several answers are for the connections, or mails, one after the
// other; the last goes on.
type script struct {
	banner, ehlo, starttls, auth, from, rcpt, data, body, dot string
	// noTLS leaves STARTTLS out, noAuth AUTH, no8bit 8BITMIME; utf8 adds SMTPUTF8.
	noTLS, noAuth, no8bit, utf8 bool
	// implicit is encrypted from the first byte.
	implicit bool
	// after is called when a mail came whole, before it is answered.
	after func()
	// hangs is called when nothing is said for long: until the other side goes away.
	hangs func()
}

// server is a mail server that keeps to a script.
type server struct {
	t        *testing.T
	script   script
	listener net.Listener
	tls      *tls.Config
	roots    *x509.CertPool
	stop     func() // waits for the connections to end

	mu          sync.Mutex
	connections int
	mails       []string
	lines       []string // commands
}

// certificate makes a certificate for localhost, and what vouches for it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func serve(t *testing.T, s script) *server {
	t.Helper()
	cert, roots := certificate(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &server{t: t, script: s, listener: l, tls: &tls.Config{Certificates: []tls.Certificate{cert}}, roots: roots}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			srv.mu.Lock()
			srv.connections++
			srv.mu.Unlock()
			done.Go(func() { srv.talk(conn) })
		}
	})
	srv.stop = func() {
		l.Close()
		done.Wait()
	}
	t.Cleanup(srv.stop)
	return srv
}

// talk is one connection.
func (s *server) talk(conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Minute))
	if s.script.implicit {
		conn = tls.Server(conn, s.tls)
	}
	d := &dialogue{server: s, conn: conn, in: bufio.NewReader(conn)}
	if !d.say(s.script.banner, "220 localhost ESMTP") {
		return
	}
	for {
		line, err := d.in.ReadString('\n')
		if err != nil || !d.command(strings.TrimRight(line, "\r\n")) {
			return
		}
	}
}

// dialogue is a connection of a server.
type dialogue struct {
	*server
	conn net.Conn
	in   *bufio.Reader
}

// say answers as the script has it; it says false if the connection ends.
func (d *dialogue) say(scripted, usual string) bool {
	switch scripted {
	case "drop":
		return false
	case "hang":
		if d.script.hangs != nil {
			d.script.hangs()
		}
		io.Copy(io.Discard, d.conn)
		return false
	case "":
		scripted = usual
	}
	_, err := d.conn.Write([]byte(strings.ReplaceAll(scripted, "\n", "\r\n") + "\r\n"))
	return err == nil && !strings.HasPrefix(scripted, "421")
}

func (d *dialogue) command(line string) bool {
	s := &d.script
	d.mu.Lock()
	d.lines = append(d.lines, line)
	d.mu.Unlock()
	verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
	switch verb {
	case "EHLO", "HELO":
		return d.say(s.ehlo, d.greeting())
	case "STARTTLS":
		if !d.say(s.starttls, "220 go ahead") || s.starttls != "" {
			return s.starttls != "" && s.starttls != "drop"
		}
		d.conn = tls.Server(d.conn, d.tls)
		d.in = bufio.NewReader(d.conn)
		return true
	case "AUTH":
		return d.say(s.auth, "235 2.7.0 welcome")
	case "MAIL":
		return d.say(s.from, "250 2.1.0 ok")
	case "RCPT":
		return d.say(s.rcpt, "250 2.1.5 ok")
	case "DATA":
		if !d.say(s.data, "354 go ahead") || s.data != "" {
			return s.data != "" && s.data != "drop" && s.data != "hang"
		}
		return d.body()
	case "QUIT":
		d.say("", "221 bye")
		return false
	default:
		return d.say("", "250 ok")
	}
}

func (d *dialogue) greeting() string {
	_, encrypted := d.conn.(*tls.Conn)
	lines := []string{"localhost", "ENHANCEDSTATUSCODES"}
	if !d.script.noTLS && !encrypted {
		lines = append(lines, "STARTTLS")
	}
	if !d.script.noAuth {
		lines = append(lines, "AUTH PLAIN LOGIN")
	}
	if !d.script.no8bit {
		lines = append(lines, "8BITMIME")
	}
	if d.script.utf8 {
		lines = append(lines, "SMTPUTF8")
	}
	for i := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		lines[i] = "250" + sep + lines[i]
	}
	return strings.Join(lines, "\n")
}

// body reads a mail up to its end.
func (d *dialogue) body() bool {
	var text strings.Builder
	for {
		line, err := d.in.ReadString('\n')
		if err != nil {
			return false
		}
		if d.script.body == "drop" && text.Len() > 100 {
			return false
		}
		if line == ".\r\n" {
			break
		}
		text.WriteString(strings.TrimPrefix(line, "."))
	}
	if d.script.dot == "" || d.script.after != nil {
		d.mu.Lock()
		d.mails = append(d.mails, text.String())
		d.mu.Unlock()
	}
	if d.script.after != nil {
		d.script.after()
	}
	return d.say(d.script.dot, "250 2.0.0 queued")
}

func (s *server) got() (mails []string, connections int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.mails...), s.connections
}

// overdue is a connection whose deadline is over when that is said, and not by the clock.
type overdue struct {
	net.Conn

	mu   sync.Mutex // guards what follows
	set  bool
	over bool
}

func (o *overdue) SetDeadline(at time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.set = !at.IsZero(); o.set && o.over {
		return o.Conn.SetDeadline(time.Now())
	}
	return o.Conn.SetDeadline(time.Time{})
}

// expire is the moment of the deadline, if there is one, or one is set later.
func (o *overdue) expire() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over = true; o.set {
		o.Conn.SetDeadline(time.Now())
	}
}
