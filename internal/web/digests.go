package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	akinv1 "akin/proto/akin/v1"
)

// digestRow is a digest in the list of all.
type digestRow struct {
	Name, Label, URL, Address, When string
	State                           string
}

// mailChoices is what a digest is made of. Off says why there can be none.
type mailChoices struct {
	Off   string
	Feeds []choice
}

// digestPage is the body of the page of a digest: it answers why nothing came.
type digestPage struct {
	Name, Label, Here, Address, When, State string
	// Words say how it is, a sentence each.
	Words           []string
	Facts           []fact
	Issues          []issueRow
	Deliveries      []fact
	Stopped, Paused bool
	// Subject and Text are what the next mail would say, PreviewURL shows it.
	Subject, Text, PreviewURL string
	// Quiet says why there would be no papers.
	Quiet string
}

// issueRow is one mail of a digest, or why there was none.
type issueRow struct {
	Date, Said string
	Papers     int
}

func digestURL(name string) string { return "/digests/" + url.PathEscape(name) }

// listDigests adds the reader's digests, or why there are none.
func (s *Site) listDigests(ctx context.Context, b *feedPages) error {
	resp, err := s.client.Digests.ListDigests(ctx, &akinv1.ListDigestsRequest{})
	if status.Code(err) == codes.FailedPrecondition {
		b.Mail.Off = sentence(status.Convert(err).Message())
		return nil
	}
	if err != nil {
		return err
	}
	for _, d := range resp.GetDigests() {
		b.Digests = append(b.Digests, digestRow{
			Name: d.GetName(), Label: digestLabel(d), URL: digestURL(d.GetName()), Address: visible(d.GetAddress()),
			When: scheduleText(d.GetSchedule()), State: digestState(d),
		})
	}
	for _, f := range b.Feeds {
		b.Mail.Feeds = append(b.Mail.Feeds, choice{f.Label, f.Name, true})
	}
	return nil
}

func digestLabel(d *akinv1.Digest) string {
	if label := strings.TrimSpace(visible(d.GetDisplayName())); label != "" {
		return label
	}
	return d.GetName()
}

func digestState(d *akinv1.Digest) string {
	switch d.GetState() {
	case akinv1.DigestState_DIGEST_STATE_PENDING:
		return "waits for its reader to confirm it"
	case akinv1.DigestState_DIGEST_STATE_STOPPED:
		return "stopped"
	case akinv1.DigestState_DIGEST_STATE_ACTIVE, akinv1.DigestState_DIGEST_STATE_UNSPECIFIED:
	}
	return ""
}

// scheduleText says when a digest comes.
func scheduleText(c *akinv1.DigestSchedule) string {
	at, zone := c.GetTime(), c.GetTimeZone()
	if at == "" {
		at = "07:00"
	}
	if zone == "" {
		zone = "UTC"
	}
	every := "every day"
	switch c.GetInterval() {
	case akinv1.DigestInterval_DIGEST_INTERVAL_WEEKDAYS:
		every = "Monday to Friday"
	case akinv1.DigestInterval_DIGEST_INTERVAL_WEEKLY:
		every = time.Weekday(max(1, c.GetWeekday())%7).String() + "s"
	case akinv1.DigestInterval_DIGEST_INTERVAL_DAILY, akinv1.DigestInterval_DIGEST_INTERVAL_UNSPECIFIED:
	}
	return every + " at " + at + ", " + visible(zone)
}

// readSchedule reads when a digest comes from a form.
func readSchedule(v url.Values) *akinv1.DigestSchedule {
	c := &akinv1.DigestSchedule{Time: v.Get("time"), TimeZone: strings.TrimSpace(v.Get("zone"))}
	every := v.Get("every")
	if day := akinv1.DigestWeekday_value["DIGEST_WEEKDAY_"+strings.ToUpper(every)]; day != 0 {
		c.Interval, c.Weekday = akinv1.DigestInterval_DIGEST_INTERVAL_WEEKLY, akinv1.DigestWeekday(day)
	} else if every == "weekdays" {
		c.Interval = akinv1.DigestInterval_DIGEST_INTERVAL_WEEKDAYS
	}
	return c
}

// makeDigest makes a digest of the reader's feeds, or of a listing.
func (s *Site) makeDigest(r *http.Request) (*answer, error) {
	v := r.PostForm
	d := &akinv1.Digest{
		DisplayName: strings.TrimSpace(clip(visible(v.Get("label")), feedWords)), Address: strings.TrimSpace(v.Get("address")),
		Feeds: v["feed"], Schedule: readSchedule(v),
	}
	switch v.Get("listing") {
	case "newest":
		d.Listing = akinv1.DigestListing_DIGEST_LISTING_NEWEST
	case "trending":
		d.Listing = akinv1.DigestListing_DIGEST_LISTING_TRENDING
	}
	if v.Get("quiet") == "explain" {
		d.Quiet = akinv1.DigestQuiet_DIGEST_QUIET_EXPLAIN
	}
	for name := range strings.Lines(v.Get("pinned")) {
		if name = strings.TrimSpace(name); name != "" {
			d.PinnedAuthors = append(d.PinnedAuthors, name)
		}
	}
	base := nameOf(d.GetDisplayName())
	if d.GetDisplayName() == "" {
		base = "digest"
	}
	for n := 1; ; n++ {
		if d.Name = base; n > 1 {
			d.Name = fmt.Sprintf("%s-%d", base, n)
		}
		_, err := s.client.Digests.CreateDigest(r.Context(), &akinv1.CreateDigestRequest{Digest: d})
		switch {
		case err == nil:
			return &answer{location: withValue(digestURL(d.GetName()), "said", "asked")}, nil
		case reasonOf(err) != "DIGEST_EXISTS" || n == maxNames:
			return nil, err
		}
	}
}

// digest shows how a digest is: what came, what did not, and why.
func (s *Site) digest(r *http.Request) (*answer, error) {
	name := strings.TrimPrefix(r.URL.Path, "/digests/")
	st, err := s.client.Digests.GetDigestStatus(r.Context(), &akinv1.GetDigestStatusRequest{Name: name})
	if err != nil {
		return nil, err
	}
	d := st.GetDigest()
	b := &digestPage{
		Name: name, Label: digestLabel(d), Here: digestURL(name), Address: visible(d.GetAddress()), When: scheduleText(d.GetSchedule()), State: digestState(d),
		Stopped: d.GetState() == akinv1.DigestState_DIGEST_STATE_STOPPED, Paused: st.GetPausedUntil() != nil,
		PreviewURL: digestURL(name) + "?preview=1",
	}
	for _, w := range st.GetWords() {
		b.Words = append(b.Words, visible(w))
	}
	b.Facts = []fact{
		{Name: "Next", Value: momentText(st.GetNextTime())},
		{Name: "Last sent", Value: momentText(st.GetLastSentTime())},
		{Name: "Paused until", Value: momentText(st.GetPausedUntil())},
		{Name: "Confirmed", Value: momentText(d.GetConfirmTime())},
	}
	for _, i := range st.GetIssues() {
		b.Issues = append(b.Issues, issueRow{Date: dayLabel(i.GetDate()), Said: visible(i.GetWords()), Papers: len(i.GetPaperIds())})
	}
	for _, i := range st.GetDeliveries() {
		b.Deliveries = append(b.Deliveries, fact{Name: visible(i.GetSource()), Value: visible(i.GetWords())})
	}
	if r.URL.Query().Get("preview") != "" {
		p, err := s.client.Digests.PreviewDigest(r.Context(), &akinv1.PreviewDigestRequest{Name: name})
		if err != nil {
			return nil, err
		}
		b.Subject, b.Text, b.Quiet, b.PreviewURL = visible(p.GetSubject()), visibleLines(p.GetText()), visible(p.GetQuietReason()), ""
	}
	return &answer{page: "digest", frame: frame{Title: b.Label, Canonical: b.Here, Nav: "feeds", NoIndex: true, Body: b}}, nil
}

// changeDigest stops a digest, lets it go on, sends or deletes it.
func (s *Site) changeDigest(r *http.Request) (*answer, error) {
	name, deed, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/digests/"), "/")
	d := &akinv1.Digest{Name: name}
	var err error
	said, at := "", digestURL(name)
	switch deed {
	case "stop":
		_, err = s.client.Digests.UpdateDigest(r.Context(), &akinv1.UpdateDigestRequest{Digest: d, Stop: true})
		said = "stopped"
	case "resume":
		_, err = s.client.Digests.UpdateDigest(r.Context(), &akinv1.UpdateDigestRequest{Digest: d, Resume: true})
		said = "resumed"
	case "send":
		_, err = s.client.Digests.SendDigest(r.Context(), &akinv1.SendDigestRequest{Name: name})
		said = "sent"
	case "delete":
		_, err = s.client.Digests.DeleteDigest(r.Context(), &akinv1.DeleteDigestRequest{Name: name, Erase: r.PostFormValue("erase") != ""})
		said, at = "forgotten", "/feeds"
	default:
		err = refused(http.StatusNotFound, "There is no such page", "Nothing is done there.")
	}
	return &answer{location: withValue(at, "said", said)}, err
}
