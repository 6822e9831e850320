package notify

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"akin/internal/feed"
	"akin/internal/library"
	"akin/internal/notify/letter"
	"akin/internal/paper"
)

const (
	// maxReasons is how many reasons of a paper are told.
	maxReasons = 3
	// maxSubject bounds the title of a paper in the subject, in characters.
	maxSubject = 70
	maxLinks   = 5
)

// Composed is what a mail says.
type Composed struct {
	Subject string
	letter.Written
	// Papers are the ids of those that it tells of, and More how many others there are.
	Papers []string
	More   int
	// Left is what was left out.
	Left Left
	// Quiet says why there are no papers.
	Quiet string
}

// compose writes the mail of a job.
func (s *Digests) compose(ctx context.Context, j *job) (*Mail, error) {
	now := s.clock()
	m := &Mail{To: j.address, MessageID: s.messageID(j.digest.ID, j.issue.IssueKey), Date: now}
	if j.issue.Kind == Confirmation {
		c, err := s.confirmation(&j.digest, now)
		m.Subject, m.Text, m.HTML = c.Subject, c.Text, c.HTML
		return m, err
	}
	c, err := s.digest(ctx, &j.digest, &j.issue, now)
	if err != nil {
		return nil, err
	}
	j.issue.Picks, j.issue.More = j.issue.Picks[:min(len(j.issue.Picks), len(c.Papers))], c.More
	m.Subject, m.Text, m.HTML, m.Unsubscribe = c.Subject, c.Text, c.HTML, s.unsubscribeLink(&j.digest)
	return m, nil
}

// confirmation asks the reader of a digest whether it is wanted.
func (s *Digests) confirmation(d *Digest, now time.Time) (c Composed, err error) {
	l := letter.Letter{
		Title: "Do you want this digest?",
		Opening: fmt.Sprintf("Somebody, probably you, asked for “%s” to be sent to this address, %s. It begins only if you confirm it within %d days. "+
			"If you do not want it, do nothing: no other mail comes.", d.title(), d.words(), int(ConfirmWithin.Hours()/24)),
		Button: &letter.Link{Label: "Yes, send it to me", URL: s.confirmLink(d, now)},
		Footer: "This address is kept for as long as the confirmation is open, and no longer unless you confirm.",
	}
	c.Subject = "Please confirm: " + d.title()
	c.Written, err = letter.Write(l)
	return c, err
}

// digest writes a digest. A paper that cannot be told of is left out, and never keeps
// the others from being sent.
func (s *Digests) digest(ctx context.Context, d *Digest, i *Issue, now time.Time) (c Composed, err error) {
	l := letter.Letter{
		Title: d.title(), Date: now.In(s.zone(d.Zone)).Format("Monday, 2 January 2006"),
		Footer: fmt.Sprintf("You get this %s, because you asked for it.", d.words()), Unsubscribe: s.unsubscribeLink(d),
	}
	kept, err := s.items(ctx, d, i, &l, now)
	if err != nil {
		return c, err
	}
	more := i.More
	if c.Written, err = letter.Write(l); err != nil {
		return c, err
	}
	if n := len(l.Items) - c.Items; n > 0 || more > 0 || len(l.Items) == 0 {
		more += n
		l.Items = l.Items[:c.Items]
		if more > 0 {
			l.More = &letter.Link{Label: fmt.Sprintf("and %d more on the page", more), URL: s.set.PublicURL + d.page()}
		}
		if len(l.Items) == 0 {
			c.Quiet = i.Words
			l.Opening, l.More = i.Words, &letter.Link{Label: "Look at the page", URL: s.set.PublicURL + d.page()}
		}
		if c.Written, err = letter.Write(l); err != nil {
			return c, err
		}
	}
	i.Picks = kept[:min(len(kept), c.Items)]
	for k := range i.Picks {
		c.Papers = append(c.Papers, i.Picks[k].PaperID)
	}
	c.More, c.Left, c.Subject = more, i.Left, subject(d, &l, len(c.Papers), more)
	return c, nil
}

// subject says what is in a mail, by its first paper.
func subject(d *Digest, l *letter.Letter, papers, more int) string {
	if papers == 0 {
		return d.title() + ": no new papers"
	}
	first := []rune(letter.Readable(l.Items[0].Title))
	if len(first) > maxSubject {
		first = append(first[:maxSubject-1], '…')
	}
	if n := papers + more - 1; n > 0 {
		return fmt.Sprintf("%s: %s, and %d more", d.title(), string(first), n)
	}
	return d.title() + ": " + string(first)
}

// items adds the papers of an issue to a letter, and gives the picks that it has.
func (s *Digests) items(ctx context.Context, d *Digest, i *Issue, l *letter.Letter, now time.Time) (kept []Pick, err error) {
	ids := make([]string, len(i.Picks))
	for k := range i.Picks {
		ids[k] = i.Picks[k].PaperID
	}
	records, err := s.records(ctx, d.Collection, ids)
	if err != nil {
		return nil, err
	}
	titles, err := s.records(ctx, d.Collection, likesOf(i.Picks))
	if err != nil {
		return nil, err
	}
	feeds, sentences := s.told(ctx, d, i.Picks)
	for k := range i.Picks {
		p := &i.Picks[k]
		if r := records[p.PaperID]; r != nil {
			if it, ok := s.item(d, p, r, titles, feeds[p.Feed], now); ok {
				it.Sentence = sentences[p.PaperID]
				if it.Sentence == "" {
					it.Sentence = firstSentence(r.Abstract)
				}
				l.Items, kept = append(l.Items, it), append(kept, *p)
			}
		}
	}
	return kept, nil
}

// told gives the feeds of picks by name, and the sentences that speak for papers. What
// cannot be found is left out of the mail.
func (s *Digests) told(ctx context.Context, d *Digest, picks []Pick) (feeds map[string]*feed.Feed, sentences map[string]string) {
	feeds, sentences = map[string]*feed.Feed{}, map[string]string{}
	if s.Feeds == nil {
		return feeds, sentences
	}
	for _, name := range d.Feeds {
		f, err := s.Feeds.Feed(ctx, d.Owner, name)
		if err != nil {
			continue
		}
		feeds[name] = &f
		var ids []string
		for k := range picks {
			if picks[k].Feed == name {
				ids = append(ids, picks[k].PaperID)
			}
		}
		if s.Speaker == nil || len(ids) == 0 {
			continue
		}
		found, err := s.Speaker.Speaks(ctx, &f, ids)
		s.warn(ctx, "the sentences of a digest cannot be found", err)
		for id, sentence := range found {
			sentences[id] = sentence
		}
	}
	return feeds, sentences
}

// firstSentence is what speaks for a paper where nothing else is known: how its abstract
// begins.
func firstSentence(abstract string) string {
	text := letter.Readable(abstract)
	for at := 0; ; {
		n := strings.IndexAny(text[at:], ".!?。")
		if n < 0 {
			return text
		}
		if at += n + 1; at > 40 && (at == len(text) || text[at] == ' ') {
			return text[:at]
		}
		if at >= len(text) {
			return text
		}
	}
}

// records gives papers by id; those that are not there are left out.
func (s *Digests) records(ctx context.Context, collection string, ids []string) (map[string]*paper.Record, error) {
	out := map[string]*paper.Record{}
	for some := range slices.Chunk(ids, lookedUp) {
		found, _, err := s.Papers.Get(ctx, collection, some)
		if err != nil {
			return nil, err
		}
		for i := range found {
			out[found[i].ID] = &found[i]
		}
	}
	return out, nil
}

// likesOf gives the papers that reasons name.
func likesOf(picks []Pick) (ids []string) {
	for i := range picks {
		for _, r := range picks[i].Reasons {
			if (r.Kind == feed.ByLike || r.Kind == feed.ByPaper) && !slices.Contains(ids, r.Name) && paper.ValidateID(r.Name) == nil {
				ids = append(ids, r.Name)
			}
		}
	}
	return ids
}

// item tells of one paper; a panic of what tells of it costs that paper alone.
func (s *Digests) item(d *Digest, p *Pick, r *paper.Record, titles map[string]*paper.Record, f *feed.Feed, now time.Time) (it letter.Item, ok bool) {
	defer func() {
		if cause := recover(); cause != nil {
			s.Log.Error("a paper is left out of a digest: it cannot be told of", "paper", p.PaperID, "digest", d.ID, "cause", cause)
			ok = false
		}
	}()
	it = letter.Item{
		Title: r.Title, URL: s.set.PublicURL + paperPath(r.ID), Authors: namesOf(r), Date: dateOf(r), Venue: r.Venue, Links: linksOf(r),
		Why: why(p, titles, f), Pinned: p.Author,
	}
	if !d.Visitor() {
		it.Like = s.actLink(action{digest: d.ID, mark: library.Liked, paperID: r.ID}, now)
		it.Dismiss = s.actLink(action{digest: d.ID, mark: library.Disliked, paperID: r.ID}, now)
	}
	return it, true
}

// dateOf is when a paper was published, as far as that is known, or else when a page of
// new papers last had it: that may lack the year, and is then a month and a day.
func dateOf(r *paper.Record) string {
	d := r.PublishDate
	if n := len(r.ListedDates); d.IsZero() && n > 0 {
		d = r.ListedDates[n-1]
	}
	if d.Year == 0 && d.Month > 0 {
		return time.Month(d.Month).String() + fmt.Sprintf(" %d", d.Day)
	}
	return d.String()
}

// linksOf are the places where a paper can be read.
func linksOf(r *paper.Record) (out []letter.Link) {
	add := func(label, address string) {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" || len(address) > 2_000 || len(out) == maxLinks {
			return
		}
		if label == "" {
			label = strings.TrimPrefix(u.Hostname(), "www.")
		}
		if !slices.ContainsFunc(out, func(l letter.Link) bool { return l.URL == u.String() }) {
			out = append(out, letter.Link{Label: label, URL: u.String()})
		}
	}
	if r.ArxivID != "" {
		add("arXiv", "https://arxiv.org/abs/"+escaped(r.ArxivID))
		add("PDF", "https://arxiv.org/pdf/"+escaped(r.ArxivID))
	}
	if r.DOI != "" {
		add("doi.org", "https://doi.org/"+escaped(r.DOI))
	}
	for _, u := range r.URLs {
		add("", u)
	}
	return out
}

func escaped(s string) string { return strings.ReplaceAll(url.PathEscape(s), "%2F", "/") }

// paperPath is the address of the page of a paper: ids that browsers would change as
// part of a path go into the query.
func paperPath(id string) string {
	parts := strings.Split(id, "/")
	for i, part := range parts {
		if part == "" || part == "." || part == ".." {
			return "/paper?" + url.Values{"id": {id}}.Encode()
		}
		parts[i] = url.PathEscape(part)
	}
	return "/paper/" + strings.Join(parts, "/")
}

// why says which like, query or author brought a paper, the weightiest first.
func why(p *Pick, titles map[string]*paper.Record, f *feed.Feed) string {
	reasons := slices.Clone(p.Reasons)
	slices.SortStableFunc(reasons, func(a, b feed.Reason) int {
		switch {
		case a.Share > b.Share:
			return -1
		case a.Share < b.Share:
			return 1
		}
		return 0
	})
	var words []string
	for _, r := range reasons {
		if w := reasonWords(&r, titles, f); w != "" && !slices.Contains(words, w) && len(words) < maxReasons {
			words = append(words, w)
		}
	}
	if len(words) == 0 {
		if f != nil {
			return "It matches your feed “" + feedTitle(f) + "”."
		}
		return ""
	}
	text := strings.Join(words, "; ") + "."
	return strings.ToUpper(text[:1]) + text[1:]
}

func reasonWords(r *feed.Reason, titles map[string]*paper.Record, f *feed.Feed) string {
	name := r.Name
	if t := titles[r.Name]; t != nil && t.Title != "" {
		name = letter.Readable(t.Title)
		if cut := []rune(name); len(cut) > 120 {
			name = string(cut[:119]) + "…"
		}
	}
	switch r.Kind {
	case feed.ByText:
		if f != nil && f.Query.Text != "" {
			return "it matches “" + letter.Readable(f.Query.Text) + "”"
		}
		return ""
	case feed.ByPaper:
		return "it is like “" + name + "”"
	case feed.ByLike:
		return "because you liked “" + name + "”"
	case feed.ByAuthor:
		return "it is by " + name
	}
	return ""
}

func feedTitle(f *feed.Feed) string {
	if f.DisplayName != "" {
		return f.DisplayName
	}
	return f.Name
}

// title is what a digest is called.
func (d *Digest) title() string {
	switch {
	case d.DisplayName != "":
		return d.DisplayName
	case d.Name != "":
		return d.Name
	case d.Listing == Trending:
		return "Trending papers"
	default:
		return "New papers"
	}
}

// page is where the papers of a digest are on the page.
func (d *Digest) page() string {
	if d.Listing == Trending && len(d.Feeds) == 0 {
		return "/trending"
	}
	return "/"
}

// words say when a digest comes.
func (s *Schedule) words() string {
	at := fmt.Sprintf("at %02d:%02d", s.Minute/60, s.Minute%60)
	zone := s.Zone
	if zone == "" {
		zone = "UTC"
	}
	switch s.Every {
	case Weekdays:
		return "Monday to Friday " + at + " (" + zone + ")"
	case Weekly:
		return "every " + s.Weekday.String() + " " + at + " (" + zone + ")"
	default:
		return "every day " + at + " (" + zone + ")"
	}
}

// Preview writes what a digest of an owner would say now; nothing is sent or noted.
func (s *Digests) Preview(ctx context.Context, owner, name string) (c Composed, err error) {
	if s.set.PublicURL == "" {
		return c, off(s.set.Off)
	}
	b, err := s.Get(ctx, owner, name)
	if err != nil {
		return c, err
	}
	h, err := s.gather(ctx, &b.Digest)
	if err != nil {
		return c, err
	}
	now := s.clock()
	i := Issue{Digest: b.ID, Picks: h.picks, More: h.more, Left: h.left}
	if len(h.picks) == 0 {
		i.Words = s.quietWords(ctx, &b.Digest, &h)
	}
	return s.digest(ctx, &b.Digest, &i, now)
}
