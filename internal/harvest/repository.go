package harvest

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"golang.org/x/time/rate"

	"akin/internal/source/hop"
)

const (
	// maxAnswer is the largest answer that is taken.
	maxAnswer = 256 << 20
	// requestTimeout bounds one question: repositories prepare long lists.
	requestTimeout = 5 * time.Minute
	retries        = 8
	retryLeast     = time.Second
	retryMost      = 2 * time.Minute
	// mostWait is the longest that a repository may ask to be left alone while
	// the program waits.
	mostWait = time.Hour
)

// repository asks.
type repository struct {
	base  string
	agent string
	http  *retryablehttp.Client
	pace  *rate.Limiter
}

func newRepository(config Config) *repository {
	c := retryablehttp.NewClient() // which waits as long as Retry-After says
	c.Logger = nil
	c.CheckRetry = checkRetry
	c.RetryMax, c.RetryWaitMin, c.RetryWaitMax = retries, retryLeast, retryMost
	c.HTTPClient.Timeout = requestTimeout
	c.HTTPClient.CheckRedirect = hop.Policy
	limit := rate.Inf
	if config.Interval > 0 {
		limit = rate.Every(config.Interval)
	}
	return &repository{base: config.BaseURL, agent: config.Agent, http: c, pace: rate.NewLimiter(limit, 1)}
}

// checkRetry refuses to wait for very long: the person decides then.
func checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	var refused *hop.Error
	if errors.As(err, &refused) {
		if refused.To != "" {
			return false, fmt.Errorf("%w: if that is where the repository is now, harvest from that address", refused)
		}
		return false, refused
	}
	again, failed := retryablehttp.DefaultRetryPolicy(ctx, resp, err)
	if again && resp != nil {
		if wait := retryablehttp.DefaultBackoff(retryLeast, retryMost, 0, resp); wait > mostWait {
			return false, fmt.Errorf("it answered %d and asks to be left alone for %v; run the harvest again then", resp.StatusCode, wait)
		}
	}
	return again, failed
}

// ask gives the body of an answer.
func (r *repository) ask(ctx context.Context, query url.Values) ([]byte, error) {
	if err := r.pace.Wait(ctx); err != nil {
		return nil, err
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, r.base+"?"+query.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", r.base, err)
	}
	req.Header.Set("User-Agent", r.agent)
	resp, err := r.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", r.base, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask %s: it answered %.100s; is this the address of an OAI-PMH repository?", r.base, resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", r.base, err)
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("the answer of %s has more than %d bytes", r.base, maxAnswer)
	}
	return body, nil
}

// identity is what a repository says of itself.
type identity struct {
	Earliest string `xml:"Identify>earliestDatestamp"`
}

// earliest is the day of the first record.
func (i identity) earliest() string {
	if len(i.Earliest) >= len(dayFormat) {
		day := i.Earliest[:len(dayFormat)] // a time has its day in front
		if _, err := time.Parse(dayFormat, day); err == nil {
			return day
		}
	}
	return "1990-01-01"
}

func (r *repository) identify(ctx context.Context) (identity, error) {
	body, err := r.ask(ctx, url.Values{"verb": {"Identify"}})
	if err != nil {
		return identity{}, err
	}
	var i identity
	if err := xml.Unmarshal(body, &i); err != nil {
		return identity{}, fmt.Errorf("%s does not answer as an OAI-PMH repository does: %w", r.base, err)
	}
	return i, nil
}

// list asks for a page.
func (r *repository) list(ctx context.Context, query url.Values) (*Page, error) {
	body, err := r.ask(ctx, query)
	if err != nil {
		return nil, err
	}
	return ReadPage(ctx, r.base, body, query.Has("resumptionToken"), nil)
}
