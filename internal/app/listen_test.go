package app

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"

	"akin/internal/paper"
)

func TestOnlyLoopbackIsOpen(t *testing.T) {
	for addr, open := range map[string]bool{
		"127.0.0.1:0": true, "127.8.9.10:0": true, "[::1]:0": true, "localhost:0": true, "[::ffff:127.0.0.1]:0": true,
		":0": false, "0.0.0.0:0": false, "[::]:0": false, "[::ffff:0.0.0.0]:0": false, "10.0.0.7:0": false,
		"192.0.2.1:0": false, "[2001:db8::1]:0": false, "[fe80::1%lo]:0": false, "[::ffff:10.0.0.7]:0": false, "169.254.1.1:0": false,
	} {
		t.Run(addr, func(t *testing.T) {
			if strings.HasPrefix(addr, "[::1]") {
				l, err := net.Listen("tcp", addr)
				if err != nil {
					t.Skip("this machine has no IPv6 loopback")
				}
				l.Close()
			}
			for _, config := range []Config{{GRPCAddr: addr}, {HTTPAddr: addr}} {
				var log bytes.Buffer
				a := &App{config: config, log: slog.New(slog.NewTextHandler(&log, nil))}
				_, _, err := a.listen(t.Context())
				if e := a.Close(); e != nil {
					t.Fatal(e)
				}
				if open != (err == nil) {
					t.Fatalf("%+v: %v", config, err)
				}
				var refused *paper.Error
				if !open && (!errors.As(err, &refused) || refused.Kind != paper.Invalid || !strings.Contains(err.Error(), "--insecure-public")) {
					t.Errorf("the refusal is %v", err)
				}
				if log.Len() > 0 {
					t.Errorf("logged %q", &log)
				}
			}
		})
	}
}

func TestOpenOnPurposeIsWarnedOf(t *testing.T) {
	var log bytes.Buffer
	a := &App{config: Config{GRPCAddr: "127.0.0.1:0", HTTPAddr: "0.0.0.0:0", InsecurePublic: true}, log: slog.New(slog.NewTextHandler(&log, nil))}
	if _, _, err := a.listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if got := log.String(); strings.Count(got, "level=WARN") != 1 || !strings.Contains(got, "HTTP is open to whoever reaches") {
		t.Errorf("logged %q", got)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, addr := range []string{"127.0.0.1", "7411", "localhost", "[::1", "a b:1"} {
		a := &App{config: Config{GRPCAddr: addr}, log: slog.New(slog.DiscardHandler)}
		if _, _, err := a.listen(t.Context()); err == nil || !strings.Contains(err.Error(), "--grpc-addr") {
			t.Errorf("%q: %v", addr, err)
		}
	}
}
