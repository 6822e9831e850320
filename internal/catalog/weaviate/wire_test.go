package weaviate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"akin/internal/paper"
)

// server is a node that answers HTTP as told, and the readiness of all.
func server(t *testing.T, start func(*httptest.Server), answer http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/.well-known/ready" {
			answer(w, r)
		}
	}))
	start(s)
	t.Cleanup(s.Close)
	return s
}

func wireTo(t *testing.T, change func(*Config), servers ...*httptest.Server) *wire {
	t.Helper()
	config := Config{Timeout: 5 * time.Second, Try: time.Second}
	for _, s := range servers {
		at := s.Listener.Addr().String()
		config.Nodes = append(config.Nodes, Address{at, at})
	}
	if change != nil {
		change(&config)
	}
	w, err := dial(config.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func reasonOf(err error) string {
	var e *paper.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// A node that fails is not the end of a call; what a node says of the call itself is.
func TestAnotherNode(t *testing.T) {
	ok := server(t, (*httptest.Server).Start, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) })
	var asked atomic.Int64
	says := func(code int) *httptest.Server {
		return server(t, (*httptest.Server).Start, func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); w.WriteHeader(code) })
	}
	dead := says(http.StatusOK)
	dead.Close()
	for name, bad := range map[string]*httptest.Server{"dead": dead, "500": says(500), "400, as one that starts": says(400)} {
		w := wireTo(t, nil, bad, ok)
		for range 6 {
			if a, err := w.rest(t.Context(), http.MethodGet, "/x", nil); err != nil || a.code != http.StatusOK {
				t.Errorf("%s: %v, %v", name, a, err)
			}
		}
	}
	if asked.Load() == 0 {
		t.Error("no node that fails was asked")
	}
	if _, err := wireTo(t, nil, says(401), says(403)).rest(t.Context(), http.MethodGet, "/x", nil); reasonOf(err) != ReasonClusterDenied {
		t.Errorf("denied: %v", err)
	}
	w := wireTo(t, func(c *Config) { c.Timeout = 300 * time.Millisecond }, dead)
	began := time.Now()
	if _, err := w.rest(t.Context(), http.MethodGet, "/x", nil); reasonOf(err) != ReasonClusterUnavailable || paper.KindOf(err) != paper.Unavailable {
		t.Errorf("no node: %v", err)
	} else if time.Since(began) > 5*time.Second {
		t.Errorf("it took %v", time.Since(began))
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.rest(gone, http.MethodGet, "/x", nil); !paper.Canceled(err) {
		t.Errorf("of a caller that has gone: %v", err)
	}
}

// The key goes to nodes whose certificate is good, and to no others.
func TestKeyAndCertificate(t *testing.T) {
	var seen atomic.Value
	s := server(t, (*httptest.Server).StartTLS, func(_ http.ResponseWriter, r *http.Request) { seen.Store(r.Header.Get("Authorization")) })
	s.Config.ErrorLog = nil
	stranger := wireTo(t, func(c *Config) {
		c.TLS, c.Key, c.Timeout = &tls.Config{MinVersion: tls.VersionTLS12}, "secret", 2*time.Second
	}, s)
	if _, err := stranger.rest(t.Context(), http.MethodGet, "/x", nil); reasonOf(err) != ReasonClusterUnavailable || seen.Load() != nil {
		t.Errorf("a certificate of nobody: %v, %v", err, seen.Load())
	} else if strings.Contains(err.Error(), "secret") {
		t.Error("the error says the key")
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	known := wireTo(t, func(c *Config) { c.TLS, c.Key = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, "secret" }, s)
	if _, err := known.rest(t.Context(), http.MethodGet, "/x", nil); err != nil || seen.Load() != "Bearer secret" {
		t.Errorf("%v, %v", err, seen.Load())
	}
}

// Closing ends what asks nodes in the background.
func TestNothingStays(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	w, err := dial(Config{Nodes: []Address{{"127.0.0.1:1", "127.0.0.1:1"}}}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.close(); err != nil {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	node := []Address{{"a:1", "a:2"}}
	for text, c := range map[string]Config{
		"no address":  {},
		"0 shards":    {Nodes: node, Shards: -1},
		"replicas":    {Nodes: node, Replicas: 2},
		"the prefix ": {Nodes: node, Prefix: "akin"},
	} {
		if err := c.withDefaults().validate(); err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(text, "0 ")) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if err := (Config{Nodes: node}).withDefaults().validate(); err != nil {
		t.Error(err)
	}
}
