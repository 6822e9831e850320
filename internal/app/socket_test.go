package app

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"akin/internal/pending"
)

// Whoever answers in a data directory is asked for whose store it has, whatever
// the length of the path.
func TestRunning(t *testing.T) {
	for name, deep := range map[string]string{"short": "d", "long": strings.Repeat("a-long-name/", 15)} {
		t.Run(name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), deep)
			if err := os.MkdirAll(data, 0o700); err != nil {
				t.Fatal(err)
			}
			write := func(content string) {
				t.Helper()
				if err := pending.WriteFile(filepath.Join(data, servingFile), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := Running(t.Context(), data); !errors.Is(err, ErrNotServed) {
				t.Errorf("nothing is there: %v", err)
			}
			write(`{"format":"akin.server.v1","identity":"abc"}`)
			if _, err := Running(t.Context(), data); !errors.Is(err, ErrNotServed) {
				t.Errorf("nobody listens: %v", err)
			}
			path, release, err := socketPath(data)
			if err != nil {
				t.Skip(err)
			}
			defer release()
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			served := &greeter{Listener: l, greeting: []byte("akin abc\n")}
			go func() {
				for {
					conn, err := served.Accept()
					if err != nil {
						return
					}
					conn.Write([]byte("the rest"))
				}
			}()
			dial, err := Running(t.Context(), data)
			if err != nil {
				t.Fatal(err)
			}
			conn, err := dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			rest := make([]byte, len("the rest"))
			if _, err := conn.Read(rest); err != nil || string(rest) != "the rest" {
				t.Errorf("after the greeting: %q, %v", rest, err)
			}
			conn.Close()
			for _, bad := range []string{`{"format":"akin.server.v1","identity":"ab"}`, `{"format":"akin.server.v1","identity":""}`, `{broken`, `{"format":"other","identity":"abc"}`} {
				write(bad)
				if _, err := Running(t.Context(), data); !errors.Is(err, ErrNotServed) {
					t.Errorf("%s: %v", bad, err)
				}
			}
		})
	}
}

// Whoever listens in the directory and does not greet as a server of its store is
// not talked to: neither one of another store, nor one that says nothing it should.
func TestStrangersInTheDirectory(t *testing.T) {
	for name, says := range map[string]string{
		"another store":  "akin abd\n",
		"a longer name":  "akin abcd\n",
		"something else": "HTTP/1.1 400 Bad Request\r\n",
		"no end":         strings.Repeat("a", 4*greetingMost),
		"nothing":        "",
	} {
		data := t.TempDir()
		if err := pending.WriteFile(filepath.Join(data, servingFile), []byte(`{"format":"akin.server.v1","identity":"abc"}`), 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("unix", filepath.Join(data, socketFile))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				conn.Write([]byte(says))
				conn.Close()
			}
		}()
		if _, err := Running(t.Context(), data); !errors.Is(err, ErrNotServed) {
			t.Errorf("%s: %v", name, err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}
