package source_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"akin/internal/source"
	"akin/internal/source/sourcetest"
)

// direct makes a manager that dials for itself, and whose clock is fast, so that nothing
// waits. Names lead where a map says, else nowhere.
func direct(t *testing.T, s source.Settings, names map[string]string) *source.Manager {
	t.Helper()
	var hours atomic.Int64
	m, err := source.New(t.Context(), source.Options{
		Book: sourcetest.NewMemory(), Papers: newPapers(), Settings: s, Version: "test",
		Now:      func() time.Time { return time.Now().Add(time.Duration(hours.Add(1)) * time.Hour) },
		Resolver: resolver(names),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// resolver is a name server that knows some names.
func resolver(names map[string]string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			for { // as over TCP: each message has its length before it
				var head [2]byte
				if _, err := io.ReadFull(server, head[:]); err != nil {
					return
				}
				raw := make([]byte, binary.BigEndian.Uint16(head[:]))
				var m dnsmessage.Message
				if _, err := io.ReadFull(server, raw); err != nil || m.Unpack(raw) != nil {
					return
				}
				m.Response = true
				q := m.Questions[0]
				addr, known := names[strings.TrimSuffix(q.Name.String(), ".")]
				if !known {
					m.RCode = dnsmessage.RCodeNameError
				} else if q.Type == dnsmessage.TypeA {
					m.Answers = append(m.Answers, dnsmessage.Resource{
						Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: netip.MustParseAddr(addr).As4()},
					})
				}
				m.Additionals = nil
				out, err := m.Pack()
				if err != nil {
					return
				}
				server.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...))
			}
		}()
		return client, nil
	}}
}

const emptyFeed = `<rss version="2.0"><channel></channel></rss>`

// Only addresses of the internet are dialled, unless the configuration names that very
// host as a private one: what a name server says makes no difference.
func TestPrivateAddresses(t *testing.T) {
	reached := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached++
		fmt.Fprint(w, emptyFeed)
	}))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	feed := func(host string) source.Config {
		return source.Config{Name: "f", Kind: source.Feed, URL: "http://" + host + ":" + port + "/feed"}
	}
	named := func(host string, private ...string) source.Settings {
		return source.Settings{Sources: []source.Config{feed(host)}, PrivateHosts: private}
	}
	for name, c := range map[string]struct {
		settings source.Settings
		leads    string // where evil.example leads
		want     string // of the error; "" is none
	}{
		"the address itself is named":   {named("127.0.0.1"), "", ""},
		"localhost is named":            {named("localhost"), "", ""},
		"a name that leads here":        {named("evil.example"), "127.0.0.1", "has the address 127.0.0.1"},
		"the same, as a private host":   {named("evil.example", "Evil.example."), "127.0.0.1", ""},
		"a private network":             {named("evil.example"), "10.1.2.3", "has the address 10.1.2.3"},
		"metadata of a cloud":           {named("evil.example"), "169.254.169.254", "has the address 169.254.169.254"},
		"the same, as a private host 2": {named("evil.example", "evil.example"), "169.254.169.254", "has the address 169.254.169.254"},
		"no address":                    {named("evil.example"), "0.0.0.0", "has the address 0.0.0.0"},
		"no such name":                  {named("none.example"), "127.0.0.1", "cannot be found"},
	} {
		t.Run(name, func(t *testing.T) {
			before := reached
			_, err := direct(t, c.settings, map[string]string{"evil.example": c.leads}).RunNow(t.Context(), "f")
			if c.want == "" {
				if err != nil || reached != before+1 {
					t.Errorf("%v, reached %v", err, reached-before)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || reached != before {
				t.Errorf("%v, reached %v", err, reached-before)
			}
		})
	}
}

// A source made over the API may name no host but those that are listed.
func TestHostsOfTheAPI(t *testing.T) {
	m := direct(t, source.Settings{Hosts: []string{"Feeds.Example", "10.1.2.3"}, Sources: []source.Config{{Name: "f", Kind: source.Feed, URL: "https://other.example/"}}}, nil)
	for host, fine := range map[string]bool{
		"feeds.example": true, "FEEDS.example.": true, "10.1.2.3": true, "other.example": false, "127.0.0.1": false, "evil.feeds.example": false,
		"feeds.example@127.0.0.1": false, "[::1]": false, "2130706433": false, "0x7f.1": false, "feeds.example.evil.org": false,
	} {
		_, err := m.Create(t.Context(), source.Config{Name: "x", Kind: source.Feed, URL: "https://" + host + "/feed"})
		if fine != (err == nil) {
			t.Errorf("%s: %v", host, err)
		}
		if err == nil {
			if err := m.Delete(t.Context(), "x"); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := m.Create(t.Context(), source.Config{Name: "x", Kind: source.Folder, Path: "/etc"}); err == nil || !strings.Contains(err.Error(), "only of the configuration") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := m.Update(t.Context(), "f", func(*source.Config) error { return nil }); err == nil || !strings.Contains(err.Error(), "of the configuration") {
		t.Errorf("a change of one of the configuration: %v", err)
	}
	if err := m.Delete(t.Context(), "f"); err == nil {
		t.Error("one of the configuration was deleted")
	}
}

// Proxies of the environment are not looked at; the one of the settings is.
func TestProxy(t *testing.T) {
	used := 0
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		used++
		if r.URL.Host != "feeds.example" {
			t.Errorf("asked for %v", r.URL)
		}
		fmt.Fprint(w, emptyFeed)
	}))
	defer proxy.Close()
	t.Setenv("http_proxy", proxy.URL)
	s := source.Settings{Sources: []source.Config{{Name: "f", Kind: source.Feed, URL: "http://feeds.example/feed"}}}
	hours := 0
	m, err := source.New(t.Context(), source.Options{
		Book: sourcetest.NewMemory(), Papers: newPapers(), Settings: s,
		Now:  func() time.Time { hours++; return time.Now().Add(time.Duration(hours) * time.Hour) },
		Dial: func(context.Context, string, string) (net.Conn, error) { return nil, fmt.Errorf("dialled") },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.RunNow(t.Context(), "f"); err == nil || used > 0 {
		t.Errorf("%v, used %d times", err, used)
	}
	s.Proxy = proxy.URL
	if _, err := direct(t, s, nil).RunNow(t.Context(), "f"); err != nil || used != 1 {
		t.Errorf("%v, used %d times", err, used)
	}
}

// The client that others use dials what the configuration names, and goes nowhere else.
func TestClientOfOthers(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Redirect(w, r, elsewhere.URL, http.StatusFound)
	}))
	defer s.Close()
	resp, err := source.Client(source.Settings{}, "127.0.0.1", time.Minute).Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusFound || asked != 1 {
		t.Errorf("status %d, asked %d times", resp.StatusCode, asked)
	}
	// A public name that leads into this machine is not dialled.
	if resp, err := source.Client(source.Settings{}, "api.example.org", time.Minute).Get(s.URL); err == nil {
		resp.Body.Close()
		t.Error("this machine was dialled for another host")
	}
	if resp, err := source.Client(source.Settings{PrivateHosts: []string{"localhost"}}, "localhost", time.Minute).Get(strings.Replace(s.URL, "127.0.0.1", "localhost", 1)); err != nil {
		t.Error(err)
	} else {
		resp.Body.Close()
	}
}
