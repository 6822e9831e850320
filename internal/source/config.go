package source

import (
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"akin/internal/ingest"
	"akin/internal/paper"
	"akin/internal/source/hop"
)

// Kind is what a source speaks.
type Kind string

// The kinds of sources.
const (
	// OAI is a repository of OAI-PMH 2.0.
	OAI Kind = "oai"
	// Feed is an address of Atom, RSS 1.0 or RSS 2.0.
	Feed Kind = "feed"
	// Listing is a page for each day.
	Listing Kind = "listing"
	// Folder is a directory that files of papers are put into.
	Folder Kind = "folder"
)

// Kinds lists all kinds.
func Kinds() []string { return []string{string(OAI), string(Feed), string(Listing), string(Folder)} }

// Config says what a source is. The zero value of a field means its default.
type Config struct {
	// Name is unique among all sources: the rules are those of collections.
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	// URL is the address of a repository or feed, or that of the page of a day, with
	// {date} for YYYY-MM-DD and maybe {page} for the number of a page, from 0 on.
	URL string `json:"url,omitempty"`
	// Path is the directory of a folder.
	Path string `json:"path,omitempty"`
	// Collection is what the source fills; the default collection if it is empty.
	Collection string `json:"collection,omitempty"`
	// Every is how long from one run to the next.
	Every time.Duration `json:"every,omitempty"`
	// Sets are parts of a repository; none is all of it.
	Sets []string `json:"sets,omitempty"`
	// Prefix is a repository's metadata format: "arXiv" unless it says otherwise.
	Prefix string `json:"prefix,omitempty"`
	// From is the first day that is fetched; none is a week before the first run.
	From Day `json:"from,omitempty"`
	// Overlap is how many days are fetched once more by each run, at least 2.
	Overlap int `json:"overlap,omitempty"`
	// Window is how many days a repository is asked for at a time.
	Window int `json:"window,omitempty"`
	// Interval is how long from the end of one request to the source's site to the next.
	Interval time.Duration `json:"interval,omitempty"`
	// MaxBody is how many bytes an answer may have, after it was decompressed.
	MaxBody int64 `json:"max_body,omitempty"`
	// StaleAfter is for how long a source may bring nothing new before its state says
	// that something may be wrong with it.
	StaleAfter time.Duration `json:"stale_after,omitempty"`
	// Format is one of ingest.Formats, of listings and folders; "" guesses it.
	Format string `json:"format,omitempty"`
}

// Bounds and defaults of configurations.
const (
	MaxSources   = 200
	MaxSets      = 100
	maxURL       = 2_048
	leastEvery   = 5 * time.Minute
	leastLook    = 5 * time.Second // of folders
	mostEvery    = 31 * 24 * time.Hour
	leastOverlap = 2
	mostOverlap  = 60
	mostWindow   = 3_660
	mostInterval = 10 * time.Minute
	leastBody    = 64 << 10
	mostBody     = 512 << 20
	firstDays    = 7 // before the first run, of a source without a first day

	defaultInterval   = 3 * time.Second
	defaultWindow     = 7
	defaultPrefix     = "arXiv"
	defaultStaleAfter = 4 * 24 * time.Hour
	defaultBody       = 16 << 20
	defaultListBody   = 64 << 20 // of repositories
)

// withDefaults fills in what is empty.
func (c Config) withDefaults() Config {
	every := map[Kind]time.Duration{OAI: 6 * time.Hour, Feed: time.Hour, Listing: 3 * time.Hour, Folder: time.Minute}
	fill(&c.Collection, paper.DefaultCollection)
	fill(&c.Every, every[c.Kind])
	fill(&c.Overlap, leastOverlap)
	fill(&c.Window, defaultWindow)
	fill(&c.Interval, defaultInterval)
	fill(&c.StaleAfter, defaultStaleAfter)
	if c.Kind == OAI {
		fill(&c.Prefix, defaultPrefix)
		fill(&c.MaxBody, defaultListBody)
	}
	fill(&c.MaxBody, defaultBody)
	return c
}

func fill[T comparable](into *T, value T) {
	var zero T
	if *into == zero {
		*into = value
	}
}

// identity says what a checkpoint belongs to: of another address, or from another day on,
// it means nothing.
func (c Config) identity() string {
	return strings.Join([]string{string(c.Kind), c.URL, c.Path, c.Prefix, c.Collection, c.From.String()}, "\n")
}

// Check gives all that is wrong with a configuration.
func (c Config) Check() (faults []paper.Violation) {
	fault := func(field, format string, args ...any) {
		faults = append(faults, paper.Violation{Field: field, Description: fmt.Sprintf(format, args...)})
	}
	if err := CheckName(c.Name); err != nil {
		fault("name", "%v", err)
	}
	if !slices.Contains(Kinds(), string(c.Kind)) {
		fault("kind", "is %.40q; it must be one of %s", c.Kind, strings.Join(Kinds(), ", "))
		return faults
	}
	if c.Collection != "" {
		if err := paper.ValidateCollection(c.Collection); err != nil {
			fault("collection", "%v", err)
		}
	}
	c.place(fault)
	c.bounds(fault)
	c.only(fault)
	return faults
}

// CheckName says what is wrong with a text as the name of a source.
func CheckName(name string) error {
	if paper.ValidateCollection(name) != nil {
		return fmt.Errorf("is %.80q; it must have 1 to 64 of a-z, 0-9, '-' and '_', and begin with a letter or digit", name)
	}
	return nil
}

// place checks where the source is.
func (c Config) place(fault func(field, format string, args ...any)) {
	switch {
	case c.Kind == Folder && c.Path == "":
		fault("path", "is missing; name the directory that files are put into")
	case c.Kind == Folder && !filepath.IsAbs(c.Path):
		fault("path", "is %.200q; write it from / on, since where the server is started says nothing", c.Path)
	case c.Kind != Folder && c.Path != "":
		fault("path", "is for folders; a source of kind %s has a url", c.Kind)
	}
	if c.Kind == Folder {
		if c.URL != "" {
			fault("url", "is not for folders, which have a path")
		}
		return
	}
	u, err := url.Parse(c.URL)
	switch {
	case c.URL == "":
		fault("url", "is missing; give the address of the source, such as https://example.org/oai")
		return
	case len(c.URL) > maxURL:
		fault("url", "has %d bytes; it may have %d", len(c.URL), maxURL)
		return
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		fault("url", "is %.200q; give an address that begins with https:// or http://", c.URL)
		return
	case u.User != nil:
		fault("url", "has a name or password in it; akin sends none")
	}
	if strings.ContainsFunc(c.URL, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		fault("url", "has a blank or control character in it; write %%20 for a blank")
	}
	if c.Kind == Listing && !strings.Contains(c.URL, "{date}") {
		fault("url", "has no {date}; a listing has a page for each day, such as https://example.org/papers?date={date}")
	}
	if c.Kind == OAI && u.RawQuery != "" {
		fault("url", "has a query; give the address of the repository alone, and the set in sets")
	}
	if strings.ContainsAny(u.Host, "{}") {
		fault("url", "has {date} or {page} in its host; they belong into the path or query")
	}
}

// bounds checks the numbers.
func (c Config) bounds(fault func(field, format string, args ...any)) {
	least := leastEvery
	if c.Kind == Folder {
		least = leastLook
	}
	within := func(field string, value, low, high time.Duration) {
		if value != 0 && (value < low || value > high) {
			fault(field, "is %v; it must be %v to %v", value, low, high)
		}
	}
	within("every", c.Every, least, mostEvery)
	within("interval", c.Interval, time.Second, mostInterval)
	within("stale_after", c.StaleAfter, time.Hour, 366*24*time.Hour)
	number := func(field string, value, low, high int64) {
		if value != 0 && (value < low || value > high) {
			fault(field, "is %d; it must be %d to %d", value, low, high)
		}
	}
	number("overlap_days", int64(c.Overlap), leastOverlap, mostOverlap)
	number("window_days", int64(c.Window), 1, mostWindow)
	number("max_body_bytes", c.MaxBody, leastBody, mostBody)
}

// only checks what only some kinds have.
func (c Config) only(fault func(field, format string, args ...any)) {
	if len(c.Sets) > MaxSets {
		fault("sets", "has %d; it may have %d", len(c.Sets), MaxSets)
	}
	for i, set := range c.Sets {
		if set == "" || len(set) > 200 || strings.ContainsFunc(set, func(r rune) bool { return r <= ' ' || r > '~' }) {
			fault(fmt.Sprintf("sets[%d]", i), "is %.200q; it must be the name of a set, such as cs", set)
		}
		if slices.Contains(c.Sets[:i], set) {
			fault(fmt.Sprintf("sets[%d]", i), "is %.200q once more; name each set once", set)
		}
	}
	if c.Kind != OAI {
		if len(c.Sets) > 0 {
			fault("sets", "are parts of OAI-PMH repositories; a source of kind %s has none", c.Kind)
		}
		if c.Prefix != "" {
			fault("prefix", "is of OAI-PMH repositories; a source of kind %s has none", c.Kind)
		}
		if c.Window != 0 {
			fault("window_days", "is of OAI-PMH repositories; a source of kind %s has none", c.Kind)
		}
	} else if c.Prefix != "" && !slices.Contains(prefixes(), c.Prefix) {
		fault("prefix", "is %.40q; akin reads %s", c.Prefix, strings.Join(prefixes(), ", "))
	}
	if c.Format == "" {
		return
	}
	if c.Kind == OAI || c.Kind == Feed {
		fault("format", "is of listings and folders; that of a source of kind %s is known", c.Kind)
	} else if !slices.Contains(ingest.Formats(), c.Format) {
		fault("format", "is %.40q; supported are %s", c.Format, strings.Join(ingest.Formats(), ", "))
	}
}

func prefixes() []string { return []string{"arXiv", "arXivRaw", "oai_dc"} }

// host is the host of the source's address, in lower case; "" of folders.
func (c Config) host() string { return hostOf(c.URL) }

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
}

// Settings are what the configuration says of all sources.
type Settings struct {
	// Sources are those of the configuration.
	Sources []Config
	// Hosts are those that sources made over the API may name.
	Hosts []string
	// PrivateHosts are names whose addresses may be of a private network or of this
	// machine. An address itself that a source of the configuration, or Hosts, names
	// needs not be here.
	PrivateHosts []string
	// Proxy is the address of an HTTP proxy that all requests go through; "" is none.
	Proxy string
	// Contact is told to sources, so that they can write to somebody: an address of
	// e-mail or of a page. "" is none.
	Contact string
}

// Check gives all that is wrong with settings; the fields are of the settings, and of a
// source sources[i].field.
func (s Settings) Check() (faults []paper.Violation) {
	names := make(map[string]int)
	if len(s.Sources) > MaxSources {
		faults = append(faults, paper.Violation{Field: "sources", Description: fmt.Sprintf("has %d sources; it may have %d", len(s.Sources), MaxSources)})
	}
	for i, c := range s.Sources {
		for _, f := range c.Check() {
			f.Field = fmt.Sprintf("sources[%d].%s", i, f.Field)
			faults = append(faults, f)
		}
		if first, again := names[c.Name]; again && c.Name != "" {
			faults = append(faults, paper.Violation{
				Field: fmt.Sprintf("sources[%d].name", i), Description: fmt.Sprintf("is %q, as that of source %d is; give each its own", c.Name, first+1),
			})
		} else {
			names[c.Name] = i
		}
	}
	fault := func(field, format string, args ...any) {
		faults = append(faults, paper.Violation{Field: field, Description: fmt.Sprintf(format, args...)})
	}
	for field, hosts := range map[string][]string{"source-hosts": s.Hosts, "source-private-hosts": s.PrivateHosts} {
		for _, h := range hosts {
			if !validHost(h) {
				fault(field, "has %.100q; write the name or address of a host, such as rss.arxiv.org, without https:// and path", h)
			}
		}
	}
	if s.Proxy != "" {
		if u, err := url.Parse(s.Proxy); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
			fault("source-proxy", "is not the address of an HTTP proxy, such as http://proxy.example.org:3128")
		}
	}
	if strings.ContainsFunc(s.Contact, func(r rune) bool { return r < ' ' || r > '~' || r == '(' || r == ')' }) || len(s.Contact) > 200 {
		fault("source-contact", "must be at most 200 characters of ASCII without brackets, such as an address of e-mail")
	}
	return faults
}

// validHost says whether a text is the name or the address of a host.
func validHost(h string) bool {
	if _, err := netip.ParseAddr(strings.Trim(h, "[]")); err == nil {
		return true
	}
	if h == "" || len(h) > 253 {
		return false
	}
	for label := range strings.SplitSeq(hop.Bare(h), ".") {
		if label == "" || strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// Fault is what is wrong with one field of a source in a configuration file.
type Fault struct{ Field, Message string }

// Columns are the fields of a source in a configuration file, in the order of the
// documentation.
func Columns() []string {
	return []string{
		"name", "kind", "url", "path", "collection", "every", "sets", "prefix", "from", "overlap-days", "window-days", "interval", "max-body",
		"stale-after", "format",
	}
}

// Parse reads a source as a configuration file has it: texts by the names of Columns,
// sets separated by commas. It gives all that is wrong.
func Parse(values map[string]string) (c Config, faults []Fault) {
	fault := func(field string, err error) {
		if err != nil {
			faults = append(faults, Fault{field, err.Error()})
		}
	}
	c = Config{
		Name: values["name"], Kind: Kind(values["kind"]), URL: values["url"], Path: values["path"], Collection: values["collection"],
		Prefix: values["prefix"], Format: values["format"],
	}
	for field, into := range map[string]*time.Duration{"every": &c.Every, "interval": &c.Interval, "stale-after": &c.StaleAfter} {
		if text := values[field]; text != "" {
			d, err := parseDuration(text)
			*into = d
			fault(field, err)
		}
	}
	for field, into := range map[string]*int{"overlap-days": &c.Overlap, "window-days": &c.Window} {
		if text := values[field]; text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n <= 0 {
				err = fmt.Errorf("is %.40q; write a whole number above 0", text)
			}
			*into = n
			fault(field, err)
		}
	}
	var err error
	c.From, err = ParseDay(values["from"])
	fault("from", err)
	c.MaxBody, err = parseSize(values["max-body"])
	fault("max-body", err)
	for set := range strings.SplitSeq(values["sets"], ",") {
		if set = strings.TrimSpace(set); set != "" {
			c.Sets = append(c.Sets, set)
		}
	}
	if len(faults) == 0 {
		inFile := strings.NewReplacer("max_body_bytes", "max-body", "_", "-")
		for _, v := range c.Check() {
			field, _, _ := strings.Cut(v.Field, "[")
			faults = append(faults, Fault{inFile.Replace(field), v.Description})
		}
	}
	return c, faults
}

// parseDuration reads a duration with days: 90m, 6h, 4d.
func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n < 10_000 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("is %.40q; write a time such as 90m, 6h or 4d", text)
	}
	return d, nil
}

// parseSize reads a number of bytes: 65536, 16MiB.
func parseSize(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	digits, unit := text, int64(1)
	for suffix, factor := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if cut, ok := strings.CutSuffix(text, suffix); ok {
			digits, unit = strings.TrimSpace(cut), factor
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 || n > mostBody {
		return 0, fmt.Errorf("is %.40q; write a number of bytes such as 16MiB", text)
	}
	return n * unit, nil
}
