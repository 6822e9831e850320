package access

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"akin/internal/paper"
)

func refusal(t *testing.T, err error) *paper.Error {
	t.Helper()
	var e *paper.Error
	if !errors.As(err, &e) || e.Kind != paper.Exhausted || e.Reason != paper.ReasonQuotaExceeded {
		t.Fatalf("refused with %v", err)
	}
	return e
}

func TestRate(t *testing.T) {
	l := NewLimiter(Quotas{Address: Quota{Rate: 2}})
	c := &Caller{Host: "192.0.2.1"}
	for i := range 20 { // ten seconds' worth
		if _, err := l.Enter(c, 1, start); err != nil {
			t.Fatal(i, err)
		}
	}
	_, err := l.Enter(c, 1, start)
	e := refusal(t, err)
	if e.RetryAfter != 500*time.Millisecond || e.Subject != "address 192.0.2.1" || !strings.Contains(e.Message, "2 units a second") {
		t.Errorf("%v after %v, of %s", e, e.RetryAfter, e.Subject)
	}
	if _, err := l.Enter(c, 1, start.Add(499*time.Millisecond)); err == nil {
		t.Error("admitted before it was told to come")
	}
	if _, err := l.Enter(c, 1, start.Add(500*time.Millisecond)); err != nil {
		t.Error("refused when it was told to come:", err)
	}
	if _, err := l.Enter(&Caller{Host: "192.0.2.2"}, 1, start); err != nil {
		t.Error("another address:", err)
	}
	if _, err := l.Enter(&Caller{Own: true, Host: "192.0.2.1"}, 1, start); err != nil {
		t.Error("whoever runs the server:", err)
	}
}

// A request for more than can be saved up is answered, and paid for afterwards.
func TestDebt(t *testing.T) {
	l := NewLimiter(Quotas{Key: Quota{Rate: 1}})
	c := &Caller{KeyID: "k", Host: "192.0.2.1"}
	if _, err := l.Enter(c, 35, start); err != nil {
		t.Fatal(err)
	}
	_, err := l.Enter(c, 1, start)
	if e := refusal(t, err); e.RetryAfter != 26*time.Second || e.Subject != "key k" {
		t.Errorf("%v, %s", e.RetryAfter, e.Subject)
	}
	l.Set(Quotas{Key: Quota{Rate: 1000}})
	_, err = l.Enter(c, 1, start.Add(time.Second))
	if e := refusal(t, err); e.RetryAfter != 25*time.Millisecond {
		t.Error("after the limit was raised:", e.RetryAfter)
	}
}

func TestConcurrency(t *testing.T) {
	l := NewLimiter(Quotas{Key: Quota{Concurrency: 5}, Address: Quota{Concurrency: 3}})
	c := &Caller{KeyID: "k", Host: "192.0.2.1", Quota: Quota{Concurrency: 2}}
	leave, err := l.Enter(c, 1, start)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Enter(c, 1, start); err != nil {
		t.Fatal(err)
	}
	_, err = l.Enter(c, 1, start)
	if e := refusal(t, err); e.Subject != "key k" || e.Metadata["limit"] != "2" {
		t.Errorf("%+v", e)
	}
	other := &Caller{KeyID: "other", Host: "192.0.2.1"}
	if _, err := l.Enter(other, 1, start); err != nil {
		t.Fatal(err)
	}
	_, err = l.Enter(other, 1, start)
	if e := refusal(t, err); e.Subject != "address 192.0.2.1" {
		t.Errorf("%+v", e)
	}
	leave()
	if _, err := l.Enter(c, 1, start); err != nil {
		t.Error(err)
	}
}

// However many there are, few are remembered.
func TestBucketsAreBounded(t *testing.T) {
	l := NewLimiter(Quotas{Address: Quota{Rate: 1, Concurrency: 1}})
	for i := range mostBuckets + 100 {
		leave, err := l.Enter(&Caller{Host: fmt.Sprint(i)}, 1, start)
		if err != nil {
			t.Fatal(err)
		}
		leave()
	}
	if l.buckets.Len() != mostBuckets || len(l.working) != 0 {
		t.Errorf("%d and %d are remembered", l.buckets.Len(), len(l.working))
	}
}

func TestStreamsAreSlowedDown(t *testing.T) {
	l := NewLimiter(Quotas{Address: Quota{Rate: 1e6}})
	c := &Caller{Host: "192.0.2.1"}
	if err := l.Spend(t.Context(), c, time.Now()); err != nil {
		t.Fatal(err)
	}
	l.Set(Quotas{Address: Quota{Rate: 0.001}})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(Refused())
	now := time.Now()
	for range 100 { // all that is saved up
		if err := l.Spend(ctx, c, now); err != nil {
			if reasonOf(err) != paper.ReasonKeyInvalid {
				t.Error(err)
			}
			return
		}
	}
	t.Error("it never waits")
}

func TestClient(t *testing.T) {
	proxies, err := ParseProxies([]string{"10.0.0.0/8", "192.0.2.7", "2001:db8::/32"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, remote   string
		forwarded, xff []string
		want           string
	}{
		{"nobody says anything", "198.51.100.1:5", nil, nil, "198.51.100.1:5"},
		{"a stranger claims", "198.51.100.1:5", []string{"for=203.0.113.9"}, []string{"203.0.113.9"}, "198.51.100.1:5"},
		{"a proxy says", "10.1.2.3:5", nil, []string{"203.0.113.9"}, "203.0.113.9"},
		{"a proxy says, IPv4 within IPv6", "[::ffff:10.1.2.3]:5", nil, []string{"203.0.113.9"}, "203.0.113.9"},
		{"its client claimed", "10.1.2.3:5", nil, []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9"},
		{"in another header", "10.1.2.3:5", nil, []string{"1.1.1.1", "203.0.113.9"}, "203.0.113.9"},
		{"through two proxies", "10.1.2.3:5", nil, []string{"1.1.1.1, 203.0.113.9, 192.0.2.7"}, "203.0.113.9"},
		{"proxies alone", "10.1.2.3:5", nil, []string{"10.9.9.9, 192.0.2.7"}, "10.9.9.9"},
		{"Forwarded", "10.1.2.3:5", []string{`for=1.1.1.1, for="[2001:db9::1]:4711";proto=https`}, nil, "2001:db9::1"},
		{"Forwarded, in its case", "10.1.2.3:5", []string{`By=x; FOR=203.0.113.9:99`}, nil, "203.0.113.9"},
		{"hidden", "10.1.2.3:5", []string{"for=_secret"}, nil, "10.1.2.3:5"},
		{"hidden behind a proxy", "10.1.2.3:5", []string{"for=unknown, for=192.0.2.7"}, nil, "192.0.2.7"},
		{"both, alike", "10.1.2.3:5", []string{"for=203.0.113.9"}, []string{"203.0.113.9"}, "203.0.113.9"},
		{"both, one of them the client's", "10.1.2.3:5", []string{"for=1.1.1.1"}, []string{"203.0.113.9"}, "10.1.2.3:5"},
		{"nonsense", "10.1.2.3:5", nil, []string{", ,"}, "10.1.2.3:5"},
	} {
		if got := proxies.Client(c.remote, c.forwarded, c.xff); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if _, err := ParseProxies([]string{"10.0.0.0/8", "proxy.example.org"}); err == nil || !strings.Contains(err.Error(), "proxy.example.org") {
		t.Error(err)
	}
}

// Only a trusted proxy may say that its client came over TLS.
func TestSecure(t *testing.T) {
	proxies, err := ParseProxies([]string{"10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, remote     string
		forwarded, proto []string
		want             bool
	}{
		{"a stranger", "192.0.2.1:5", []string{"proto=https"}, []string{"https"}, false},
		{"no address", "", nil, []string{"https"}, false},
		{"a proxy that says nothing", "10.1.2.3:5", nil, nil, false},
		{"a proxy", "10.1.2.3:5", nil, []string{"https"}, true},
		{"a proxy, for its client's plain connection", "10.1.2.3:5", nil, []string{"http"}, false},
		{"what the client sent before", "10.1.2.3:5", nil, []string{"https, http"}, false},
		{"in another header", "10.1.2.3:5", nil, []string{"https", "http"}, false},
		{"the proxy's own word", "10.1.2.3:5", nil, []string{"http, HTTPS"}, true},
		{"Forwarded", "10.1.2.3:5", []string{"for=1.1.1.1;proto=http, for=2.2.2.2; Proto=\"https\""}, nil, true},
		{"both, alike", "10.1.2.3:5", []string{"proto=https"}, []string{"https"}, true},
		{"both, one of them the client's", "10.1.2.3:5", []string{"proto=https"}, []string{"http"}, false},
		{"and the other", "10.1.2.3:5", []string{"proto=http"}, []string{"https"}, false},
	} {
		if got := proxies.Secure(c.remote, c.forwarded, c.proto); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

func TestMachine(t *testing.T) {
	for at, want := range map[string]string{
		"192.0.2.1:99": "192.0.2.1", "192.0.2.1": "192.0.2.1", "[2001:db8::1]:5": "2001:db8::/64", "2001:db8::2:3": "2001:db8::/64",
		"[::ffff:192.0.2.1]:99": "192.0.2.1", "[fe80::1%eth0]:99": "fe80::1%eth0", "": "",
	} {
		if got := Machine(at); got != want {
			t.Errorf("%s is charged as %s, want %s", at, got, want)
		}
	}
}
