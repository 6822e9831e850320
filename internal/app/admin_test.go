package app

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"akin/internal/paper"
	"akin/internal/telemetry"
)

// The admin address answers to addresses, not to names that a page elsewhere may have
// given them.
func TestAdminHosts(t *testing.T) {
	a := &App{log: slog.New(slog.DiscardHandler), telemetry: telemetry.Off(slog.New(slog.DiscardHandler))}
	handler := a.adminHandler()
	for host, want := range map[string]int{
		"127.0.0.1:7413": 200, "localhost:7413": 200, "[::1]:7413": 200, "10.0.0.7": 200, "evil.example": 403, "localhost.evil.example:7413": 403, "": 403,
	} {
		for _, path := range []string{"/metrics", "/healthz", "/debug/pprof/"} {
			r, w := httptest.NewRequest(http.MethodGet, path, nil), httptest.NewRecorder()
			r.Host = host
			handler.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s of %q: %d; want %d", path, host, w.Code, want)
			}
		}
	}
}

// Others than this machine reach the admin address only where that is said.
func TestAdminIsForThisMachine(t *testing.T) {
	a := &App{log: slog.New(slog.DiscardHandler), config: Config{AdminAddr: "0.0.0.0:0"}}
	if _, err := a.listenAdmin(t.Context()); err == nil || !strings.Contains(err.Error(), "--admin-public") {
		t.Errorf("every address of the machine: %v", err)
	}
	a.config.AdminPublic = true
	if l, err := a.listenAdmin(t.Context()); err != nil || l == nil {
		t.Errorf("where it is said: %v", err)
	}
	a.config.AdminAddr = ""
	if l, err := a.listenAdmin(t.Context()); err != nil || l != nil {
		t.Errorf("not asked for: %v, %v", l, err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

func TestFaultsOf(t *testing.T) {
	one, other := Fault{"threads", "is 0"}, paper.Invalidf("--anonymous %q: read", "x")
	for _, c := range []struct {
		err  error
		want []string
	}{
		{nil, nil},
		{errors.New("the disk is full"), nil},
		{one, []string{"threads"}},
		{errors.Join(one, errors.Join(other)), []string{"threads", "anonymous"}},
		{errors.Join(one, errors.New("the disk is full")), nil},
	} {
		var got []string
		for _, f := range FaultsOf(c.err) {
			got = append(got, f.Setting)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: %v; want %v", c.err, got, c.want)
		}
	}
}

// A configuration that was read anew reaches every part; what one of them cannot take
// is reported, and the others take theirs.
func TestChange(t *testing.T) {
	a := &App{log: slog.New(slog.DiscardHandler), telemetry: telemetry.Off(slog.New(slog.DiscardHandler))}
	var got []string
	a.onReload("keys", func(c Config) error { got = append(got, "keys "+c.Index); return errors.New("no such file") })
	a.onReload("quotas", func(c Config) error { got = append(got, "quotas "+c.Index); return nil })
	if err := a.change(Change{Err: errors.New("a fault")}); err == nil || len(got) > 0 {
		t.Errorf("a configuration that is wrong: %v, %v", err, got)
	}
	c := Config{Index: "new", Telemetry: telemetry.Config{Live: telemetry.Live{RecallShare: 0.5}}}
	if err := a.change(Change{Config: c}); err == nil || !strings.Contains(err.Error(), "keys: no such file") {
		t.Errorf("a part that cannot take it: %v", err)
	}
	if want := []string{"keys new", "quotas new"}; !slices.Equal(got, want) || a.telemetry.Live().RecallShare != 0.5 {
		t.Errorf("reached %v, share %v", got, a.telemetry.Live().RecallShare)
	}
}
