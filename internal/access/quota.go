package access

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"akin/internal/paper"
)

const (
	// burstTime is for how long a quota can be saved up.
	burstTime = 10 * time.Second
	// mostBuckets bounds how many callers are remembered; the one that asked least
	// recently is forgotten, and begins anew.
	mostBuckets = 16_384
	// busyRetry is when somebody with too much under way is asked to come back.
	busyRetry = time.Second
	// mostRate and mostConcurrency are beyond what any machine does.
	mostRate        = 1e9
	mostConcurrency = 1_000_000
)

// Quota is how much one caller may ask. 0 is no limit, or the default if there is one.
type Quota struct {
	// Rate is in units a second. A call is one unit, or more if it asks for more.
	Rate float64 `json:"rate,omitempty"`
	// Concurrency is how many calls may be under way at once.
	Concurrency int `json:"concurrency,omitempty"`
}

// fault says what is wrong with a quota; empty if nothing is.
func (q Quota) fault() string {
	switch {
	case math.IsNaN(q.Rate) || q.Rate < 0 || q.Rate > mostRate:
		return fmt.Sprintf("has the rate %v; it must be 0 (no limit) to %v units a second", q.Rate, mostRate)
	case q.Concurrency < 0 || q.Concurrency > mostConcurrency:
		return fmt.Sprintf("has the concurrency %d; it must be 0 (no limit) to %d", q.Concurrency, mostConcurrency)
	}
	return ""
}

// Check reports what is wrong with a quota that a configuration has under a name.
func (q Quota) Check(name string) error {
	if fault := q.fault(); fault != "" {
		return paper.Invalidf("%s %s", name, fault)
	}
	return nil
}

// or completes a quota.
func (q Quota) or(d Quota) Quota {
	if q.Rate == 0 {
		q.Rate = d.Rate
	}
	if q.Concurrency == 0 {
		q.Concurrency = d.Concurrency
	}
	return q
}

// burst is how many units may be asked for at once.
func (q Quota) burst() int {
	return int(min(math.MaxInt32, max(1, math.Ceil(q.Rate*burstTime.Seconds()))))
}

// Quotas are for everybody: by key, where the key itself does not say, and by address.
type Quotas struct{ Key, Address Quota }

// Limiter holds callers to quotas. It remembers a bounded number of them.
type Limiter struct {
	mu      sync.Mutex // guards what follows
	quotas  Quotas
	buckets *simplelru.LRU[string, *rate.Limiter]
	working map[string]int // calls under way; no entry is none
}

// NewLimiter makes a limiter.
func NewLimiter(q Quotas) *Limiter {
	buckets, err := simplelru.NewLRU[string, *rate.Limiter](mostBuckets, nil)
	if err != nil { // a size that is not above 0
		panic(err) //nolint:forbidigo // it is a constant
	}
	return &Limiter{quotas: q, buckets: buckets, working: make(map[string]int)}
}

// Set changes the quotas of everybody.
func (l *Limiter) Set(q Quotas) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.quotas = q
}

// share is one of the limits that a caller is held to.
type share struct {
	who, what string // "key ID", and in words
	quota     Quota
}

// shares are the limits of a caller: whoever runs the server has none.
func (l *Limiter) shares(c *Caller) []share {
	if c.Own {
		return nil
	}
	var all []share
	if c.KeyID != "" {
		if q := c.Quota.or(l.quotas.Key); q != (Quota{}) {
			all = append(all, share{"key " + c.KeyID, "this key", q})
		}
	}
	if q := l.quotas.Address; q != (Quota{}) && c.Host != "" {
		all = append(all, share{"address " + c.Host, "this address", q})
	}
	return all
}

// Enter lets a call of so many units begin, or refuses it at once and says when to
// come back. A call of more units than can be saved up begins when all are saved up,
// and leaves a debt. leave says that it is over.
func (l *Limiter) Enter(c *Caller, units float64, now time.Time) (leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	shares := l.shares(c)
	for _, s := range shares {
		if err := l.refuse(s, units, now); err != nil {
			return nil, err
		}
	}
	for _, s := range shares {
		l.charge(s, units, now)
		if s.quota.Concurrency > 0 {
			l.working[s.who]++
		}
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, s := range shares {
			if s.quota.Concurrency == 0 {
				continue
			}
			if l.working[s.who]--; l.working[s.who] <= 0 {
				delete(l.working, s.who)
			}
		}
	}, nil
}

// refuse says why a call may not begin under one limit; nil if it may.
func (l *Limiter) refuse(s share, units float64, now time.Time) error {
	if most := s.quota.Concurrency; most > 0 && l.working[s.who] >= most {
		return exceeded(s, busyRetry, fmt.Sprintf("%d calls of %s are under way, as many as it may have at once; wait until one has ended", most, s.what), "concurrency", most)
	}
	if s.quota.Rate == 0 {
		return nil
	}
	b := l.bucket(s, now)
	need := math.Min(whole(units), float64(s.quota.burst()))
	if have := b.TokensAt(now); have < need {
		wait := time.Duration((need - have) / s.quota.Rate * float64(time.Second))
		return exceeded(s, max(wait, time.Millisecond), fmt.Sprintf("%s may ask for %v units a second, and this call takes %v; come back in %v, or ask for less at once",
			s.what, s.quota.Rate, whole(units), max(wait, time.Millisecond).Round(time.Millisecond)), "rate", s.quota.Rate)
	}
	return nil
}

func exceeded(s share, retry time.Duration, message, limit string, value any) error {
	return &paper.Error{
		Kind: paper.Exhausted, Reason: paper.ReasonQuotaExceeded, Message: message, RetryAfter: retry, Subject: s.who,
		Metadata: map[string]string{"quota": limit, "limit": fmt.Sprint(value)},
	}
}

// whole is how many units are charged: at least one, and no parts.
func whole(units float64) float64 { return math.Ceil(min(max(units, 1), mostRate)) }

// charge takes units, also beyond what there is.
func (l *Limiter) charge(s share, units float64, now time.Time) (wait time.Duration) {
	if s.quota.Rate == 0 {
		return 0
	}
	b, left := l.bucket(s, now), int(whole(units))
	for left > 0 { // no reservation may be larger than the burst
		part := min(left, s.quota.burst())
		wait = b.ReserveN(now, part).DelayFrom(now)
		left -= part
	}
	return wait
}

// bucket gives the bucket of a limit, with its present size.
func (l *Limiter) bucket(s share, now time.Time) *rate.Limiter {
	b, ok := l.buckets.Get(s.who)
	if !ok {
		b = rate.NewLimiter(rate.Limit(s.quota.Rate), s.quota.burst())
		l.buckets.Add(s.who, b)
	}
	if b.Limit() != rate.Limit(s.quota.Rate) {
		b.SetLimitAt(now, rate.Limit(s.quota.Rate))
		b.SetBurstAt(now, s.quota.burst())
	}
	return b
}

// Spend takes a unit for a further message of a stream, and waits until there is one:
// a stream that was let in is slowed down, not broken off.
func (l *Limiter) Spend(ctx context.Context, c *Caller, now time.Time) error {
	l.mu.Lock()
	var wait time.Duration
	for _, s := range l.shares(c) {
		wait = max(wait, l.charge(s, 1, now))
	}
	l.mu.Unlock()
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
