package source

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"akin/internal/harvest"
	"akin/internal/ingest"
)

// maxAgain is how often a list is begun anew: because its token was refused, or because
// it had fewer records than the repository had told of.
const (
	maxAgain      = 5
	maxShortAgain = 2
)

// oaiDriver harvests a repository of OAI-PMH: for each set, lists of some days, page by
// page.
type oaiDriver struct{}

// sets are those of a source; "" is all of the repository.
func (c Config) sets() []string {
	if len(c.Sets) == 0 {
		return []string{""}
	}
	return c.Sets
}

// begin asks, for each set whose last run came to its end, for what is new since.
func (oaiDriver) begin(j *job) {
	today := DayOf(j.m.now())
	all := make(map[string]OAICursor)
	for _, set := range j.config.sets() {
		c := j.state.Cursor.OAI[set]
		if c.First == 0 {
			c = OAICursor{Through: c.Through, First: startDay(&j.config, c.Through, today), Days: j.config.Window}
		}
		c.End = max(today, c.First)
		if c.Token == "" {
			c.Last = min(c.First+Day(c.Days)-1, c.End)
		}
		all[set] = c
	}
	j.state.Cursor.OAI = all
}

// startDay is where a run begins: before the last day that is done, so that what moved
// while it was read comes once more.
func startDay(c *Config, through, today Day) Day {
	switch {
	case through != 0:
		return max(1, min(through, today)-Day(c.Overlap)) // today: the clock may have been ahead
	case c.From != 0:
		return c.From
	}
	return today - firstDays
}

// step asks for a page.
func (d oaiDriver) step(ctx context.Context, j *job) (done bool, err error) {
	sets := j.config.sets()
	at := slices.IndexFunc(sets, func(set string) bool { return j.state.Cursor.OAI[set].First != 0 })
	if at < 0 {
		return true, nil
	}
	set := sets[at]
	c := j.state.Cursor.OAI[set]
	page, got, err := d.ask(ctx, j, set, &c)
	var expired *harvest.ExpiredError
	if errors.As(err, &expired) {
		if c.Again++; c.Again > maxAgain {
			c.restart(j.config.Window)
			j.state.Cursor.OAI[set] = c
			return false, passing(err, "the repository forgot its list %d times: %v", maxAgain, expired)
		}
		c.restart(max(1, c.Days/2)) // a shorter list may end before its token does
		j.state.Cursor.OAI[set] = c
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := d.check(j, set, &c, page); err != nil {
		return false, err
	}
	if page.Broken != nil { // what of it could not be read is kept; its records counted for the list
		got.bad = append(got.bad, ingest.Rejected{File: j.config.URL, Reason: "a part of a page could not be read: " + page.Broken.Error(), Raw: page.Body})
	}
	if err := j.deliver(ctx, got); err != nil {
		return false, err
	}
	d.advance(j, &c, page)
	j.state.Cursor.OAI[set] = c
	return !slices.ContainsFunc(sets, func(set string) bool { return j.state.Cursor.OAI[set].First != 0 }), nil
}

// restart begins the list under way anew, with so many days.
func (c *OAICursor) restart(days int) {
	c.Token, c.Page, c.Records, c.Size, c.Server = "", 0, 0, 0, 0
	c.Days = days
	c.Last = min(c.First+Day(days)-1, c.End)
}

// ask fetches a page and reads it.
func (oaiDriver) ask(ctx context.Context, j *job, set string, c *OAICursor) (*harvest.Page, *delivery, error) {
	query := url.Values{"verb": {"ListRecords"}}
	if c.Token != "" {
		query.Set("resumptionToken", c.Token)
	} else {
		query.Set("metadataPrefix", j.config.Prefix)
		query.Set("from", c.First.String())
		query.Set("until", c.Last.String())
		if set != "" {
			query.Set("set", set)
		}
	}
	a, err := j.fetch(ctx, request{url: j.config.URL + "?" + query.Encode(), accept: "text/xml, application/xml"})
	if err != nil {
		return nil, nil, err
	}
	d := &delivery{place: j.config.URL}
	page, err := harvest.ReadPage(ctx, j.config.URL, a.body, c.Token != "", d.add)
	var refused *ingest.OAIError
	var expired *harvest.ExpiredError
	switch {
	case err == nil, errors.As(err, &expired), ctx.Err() != nil:
		return page, d, err
	case errors.As(err, &refused):
		// Errors come with status 200. Those of a request are the source's to mend.
		if refused.Code == "badResumptionToken" {
			return nil, nil, passing(err, "%v", refused)
		}
		return nil, nil, lasting(err, "%v", refused)
	}
	return nil, nil, passing(err, "the repository gave a page that is none: %s; it begins with %q", sentence(err), excerpt(a.body))
}

// check notices a list without end, and begins it anew.
func (oaiDriver) check(j *job, set string, c *OAICursor, page *harvest.Page) error {
	if j.r.lists == nil {
		j.r.lists = make(map[string]*harvest.List)
	}
	list := j.r.lists[set]
	if list == nil || c.Token == "" {
		list = new(harvest.List)
		j.r.lists[set] = list
	}
	err := list.Check(c.Token, page, c.Page+1)
	if err == nil {
		return nil
	}
	delete(j.r.lists, set)
	c.restart(max(1, c.Days/2))
	j.state.Cursor.OAI[set] = *c
	return passing(err, "%v: the list has no end, and is asked for anew", err)
}

// advance notes a page that was delivered.
func (oaiDriver) advance(j *job, c *OAICursor, page *harvest.Page) {
	if page.Broken != nil {
		j.note("page %d of the list from %v to %v was broken: %v", c.Page+1, c.First, c.Last, page.Broken)
	}
	if server := serverDay(page.Date); server != 0 && (c.Server == 0 || server < c.Server) {
		c.Server = server
	}
	c.Page++
	c.Records += page.Records
	c.Size = max(c.Size, page.Token.CompleteListSize)
	if c.Token = page.Token.Value; c.Token != "" {
		return
	}
	if c.Size > c.Records {
		if c.Again < maxShortAgain { // records moved while it was read
			c.Again++
			c.restart(max(1, c.Days/2))
			return
		}
		j.note("the list from %v to %v had %d records, though the repository told of %d", c.First, c.Last, c.Records, c.Size)
	}
	// A day counts as done only when it has begun for the repository, too, whatever
	// the clock of this machine says.
	through := min(c.Last, DayOf(j.m.now()))
	if c.Server != 0 {
		through = min(through, c.Server)
	}
	c.Through = max(c.Through, through)
	if c.Server != 0 && c.Through > c.Server { // from a time when the clock was ahead
		c.Through = c.Server
	}
	first := c.Last + 1
	if first > c.End {
		*c = OAICursor{Through: c.Through}
		return
	}
	c.First, c.Again = first, 0
	c.restart(j.config.Window)
}

// serverDay reads a repository's clock.
func serverDay(text string) Day {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.Year() < firstYear {
		return 0
	}
	return DayOf(t)
}
