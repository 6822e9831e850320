package harvest

import (
	"bytes"
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

	"akin/internal/ingest"
)

const (
	// maxAnswer is the largest answer that is taken.
	maxAnswer = 256 << 20
	// requestTimeout bounds one question: repositories prepare long lists.
	requestTimeout = 5 * time.Minute
	retries        = 8
	retryLeast     = time.Second
	retryMost      = 2 * time.Minute
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
	c.RetryMax, c.RetryWaitMin, c.RetryWaitMax = retries, retryLeast, retryMost
	c.HTTPClient.Timeout = requestTimeout
	limit := rate.Inf
	if config.Interval > 0 {
		limit = rate.Every(config.Interval)
	}
	return &repository{base: config.BaseURL, agent: config.Agent, http: c, pace: rate.NewLimiter(limit, 1)}
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
		return nil, fmt.Errorf("ask %s: it answered %s; is this the address of an OAI-PMH repository?", r.base, resp.Status)
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
	if len(i.Earliest) < len(dayFormat) {
		return "1990-01-01"
	}
	return i.Earliest[:len(dayFormat)] // a time has its day in front
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

// answer is one page of a list.
type answer struct {
	body             []byte
	token            ingest.OAIToken
	records, deleted int
}

// expiredError says that the repository no longer knows the list.
type expiredError struct{ refused *ingest.OAIError }

func (e *expiredError) Error() string { return e.refused.Error() }

// list asks for a page and counts what is in it. A record that is no paper
// counts too: the import will say what is wrong with it.
func (r *repository) list(ctx context.Context, query url.Values) (*answer, error) {
	body, err := r.ask(ctx, query)
	if err != nil {
		return nil, err
	}
	a := &answer{body: body}
	page := ingest.NewOAIPage(r.base, bytes.NewReader(body))
	for {
		row, err := page.Next(ctx)
		var refused *ingest.OAIError
		var bad *ingest.RejectedError
		switch {
		case errors.Is(err, io.EOF):
			a.token = page.Token()
			return a, nil
		case errors.As(err, &bad):
		case errors.As(err, &refused) && refused.Code == ingest.OAINoRecords:
			continue
		case errors.As(err, &refused) && refused.Code == "badResumptionToken" && query.Has("resumptionToken"):
			return nil, &expiredError{refused}
		case err != nil:
			return nil, err
		}
		a.records++
		if row.Deleted {
			a.deleted++
		}
	}
}
