package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"akin/internal/ingest"
	"akin/internal/paper"
)

// mostPages is how many pages a day may have.
const mostPages = 100

// listingDriver reads a page, or several, for each day.
type listingDriver struct{}

// begin asks for the days since the last that was done, and some before it.
func (listingDriver) begin(j *job) {
	today := DayOf(j.m.now())
	c := &j.state.Cursor.Listing
	if c.Day == 0 {
		*c = ListingCursor{Through: c.Through, Day: startDay(&j.config, c.Through, today)}
	}
	c.Missing, c.Had = 0, 0
	c.End = max(today, c.Day)
}

// step asks for a page.
func (d listingDriver) step(ctx context.Context, j *job) (done bool, err error) {
	c := &j.state.Cursor.Listing
	if c.Day == 0 {
		return true, nil
	}
	address := strings.NewReplacer("{date}", c.Day.String(), "{page}", strconv.Itoa(c.Page)).Replace(j.config.URL)
	a, err := j.fetch(ctx, request{url: address, accept: "application/json, */*;q=0.5"})
	if errors.Is(err, errNoPage) {
		c.Missing++
		return d.dayDone(j, err)
	}
	if err != nil {
		return false, err
	}
	got := &delivery{place: address}
	if err := d.read(ctx, j, address, a.body, got); err != nil {
		return false, err
	}
	if err := j.deliver(ctx, got); err != nil {
		return false, err
	}
	if len(got.rows)+len(got.bad) > 0 {
		c.Had++
	}
	if strings.Contains(j.config.URL, "{page}") && len(got.rows)+len(got.bad) > 0 && !d.repeats(j, got) {
		if c.Page++; c.Page < mostPages {
			return false, nil
		}
		j.note("the listing of %v has more than %d pages; the others are not read", c.Day, mostPages)
	}
	return d.dayDone(j, nil)
}

// repeats says whether a page has the papers of the one before, as pages behind the last
// have at some sources.
func (listingDriver) repeats(j *job, got *delivery) bool {
	var ids []string
	for i := range got.rows {
		ids = append(ids, got.rows[i].Paper.ID)
	}
	now := strings.Join(ids, "\n")
	same := j.r.page == now && j.state.Cursor.Listing.Page > 0
	j.r.page = now
	return same
}

// dayDone goes on to the next day.
func (listingDriver) dayDone(j *job, missing error) (done bool, err error) {
	c := &j.state.Cursor.Listing
	today := DayOf(j.m.now())
	c.Through = max(c.Through, min(c.Day, today-1)) // today may have more later
	if c.Through >= today {                         // from a time when the clock was ahead
		c.Through = today - 1
	}
	c.Page = 0
	if c.Day++; c.Day <= c.End {
		return false, nil
	}
	had, none := c.Had, c.Missing
	*c = ListingCursor{Through: c.Through}
	if had == 0 && none > 1 { // not only today, which may come later
		return false, lasting(missing, "the source had no page for any of the last %d days; is %s still its address?", none, j.config.URL)
	}
	if had == 0 {
		j.state.Run.Quiet = "the pages of the last days are empty"
	}
	return true, nil
}

// read reads a page.
func (listingDriver) read(ctx context.Context, j *job, address string, body []byte, got *delivery) error {
	if emptyPage(body) {
		return nil
	}
	r, err := ingest.NewReader(address, bytes.NewReader(body), ingest.Options{Format: j.config.Format, Year: j.state.Cursor.Listing.Day.Time().Year()})
	if err != nil {
		if errors.Is(err, ingest.ErrUnknownFormat) {
			return passing(err, "it answered with something that akin does not read; it begins with %q", excerpt(body))
		}
		return passing(err, "the page cannot be read: %s", sentence(err))
	}
	err = got.read(ctx, r)
	if closeErr := r.Close(); err == nil {
		err = closeErr
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return passing(err, "the page of %v cannot be read: %s", j.state.Cursor.Listing.Day, sentence(err))
	}
	listed(got.rows, j.state.Cursor.Listing.Day)
	return nil
}

// listed notes the day of a page in papers that say none.
func listed(rows []ingest.Row, day Day) {
	t := day.Time()
	for i := range rows {
		if p := &rows[i].Paper; len(p.ListedDates) == 0 {
			p.ListedDates = []paper.Date{{Year: t.Year(), Month: int(t.Month()), Day: t.Day()}}
		}
	}
}

// emptyPage says whether a page has nothing: it is blank, or JSON without elements.
func emptyPage(body []byte) bool {
	text := bytes.TrimSpace(body)
	if len(text) == 0 {
		return true
	}
	if len(text) > 64 || text[0] != '[' && text[0] != '{' && text[0] != 'n' {
		return false
	}
	var v any
	if json.Unmarshal(text, &v) != nil {
		return false
	}
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}
