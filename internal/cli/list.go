package cli

import (
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

type listCommand struct {
	target
	PageSize  int32  `help:"Papers to list; 0 lists all." short:"n" placeholder:"N"`
	PageToken string `help:"Where to go on: nextPageToken of the page before." placeholder:"TOKEN"`
	Filter    string `help:"Only papers that an AIP-160 filter keeps." placeholder:"TEXT"`
	Order     string `help:"Order: id, newest (by day) or trending (1,000 papers at most)." enum:"id,newest,trending" default:"id"`
	Window    string `help:"With --order trending, how far back it looks: day, week or month (default: week)." enum:",day,week,month" default:"" placeholder:"NAME"`
	Signal    string `help:"With --order trending, the signal that counts, for example upvotes (default: any)." placeholder:"NAME"`
	Day       string `help:"Only papers of this day; with --order trending, the last day of the window." placeholder:"YYYY-MM-DD"`
	IDs       bool   `name:"ids" help:"Print ids only."`
	JSON      bool   `name:"json" help:"Print the response of each page as JSON."`
}

// Help shows examples.
func (listCommand) Help() string {
	return "Examples:\n  akin list --ids\n  akin list --json -n 100\n  akin list --order newest -n 20\n  akin list --order trending --window month --day 2026-03-31 -n 20\n\n" +
		"--json prints one response a page and line. `akin days` lists the days that papers have."
}

func (c listCommand) request() *akinv1.ListPapersRequest {
	req := &akinv1.ListPapersRequest{
		PageSize: c.PageSize, PageToken: c.PageToken, Filter: c.Filter, Signal: c.Signal, Day: c.Day,
		OrderBy: map[string]string{"newest": "day desc", "trending": "trending"}[c.Order],
		Window: map[string]akinv1.TrendingWindow{
			"day": akinv1.TrendingWindow_TRENDING_WINDOW_DAY, "week": akinv1.TrendingWindow_TRENDING_WINDOW_WEEK,
			"month": akinv1.TrendingWindow_TRENDING_WINDOW_MONTH,
		}[c.Window],
		ReadMask: shown(c.JSON),
	}
	if c.IDs {
		req.ReadMask = &fieldmaskpb.FieldMask{Paths: []string{"id"}}
	} else if !c.JSON {
		req.ReadMask.Paths = append(req.ReadMask.Paths, "day")
	}
	return req
}

// Run lists papers.
func (c listCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	req := c.request()
	day := ""
	for {
		resp, err := cl.Papers.ListPapers(e.ctx, req)
		if err != nil {
			return err
		}
		if err := e.show(c.JSON, resp, func() { day = c.print(e, resp, day) }); err != nil {
			return err
		}
		// A page may end before it has what was asked for.
		if req.PageSize != 0 {
			if req.PageSize -= int32(len(resp.GetPapers())); req.PageSize <= 0 {
				return nil
			}
		}
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
			return nil
		}
	}
}

// print prints a page, those by day under the headings of their days; day is the
// heading that was printed last.
func (c listCommand) print(e *environment, resp *akinv1.ListPapersResponse, day string) string {
	for i, p := range resp.GetPapers() {
		if c.IDs {
			fmt.Fprintln(e.out, oneLine(p.GetId()))
			continue
		}
		if now := dayText(p.GetDay()); c.Order == "newest" && now != day {
			day = now
			e.out.style(bold)
			fmt.Fprintln(e.out, day)
			e.out.style(plain)
		}
		line := byline(p)
		if c.Order == "trending" {
			line += trendText(p, resp.GetTrends()[i])
		}
		fmt.Fprintf(e.out, "%s\n    %s\n", oneLine(p.GetTitle()), line)
	}
	return day
}

func dayText(d *date.Date) string { return wire.FromDate(d).String() }

// trendText is why a paper trends, and of which day it is.
func trendText(p *akinv1.Paper, t *akinv1.Trend) string {
	text := " · " + dayText(p.GetDay())
	if t.GetSignal() == "" {
		return text
	}
	gain := strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", t.GetGain()), "0"), ".")
	if gain == "0" {
		gain = "less than 0.01"
	}
	return text + fmt.Sprintf(" · +%s %s", gain, oneLine(t.GetSignal()))
}

type daysCommand struct {
	target
	PageSize int32  `help:"Days to list (0: 100, at most 1000)." short:"n" placeholder:"N"`
	From     string `help:"The newest day to list (default: the newest of all)." placeholder:"YYYY-MM-DD"`
	Filter   string `help:"Only papers that an AIP-160 filter keeps." placeholder:"TEXT"`
	JSON     bool   `name:"json" help:"Print the response as JSON."`
}

// Help shows an example.
func (daysCommand) Help() string {
	return "Example:\n  akin days -n 7\n\nA paper's day is its latest listing date, else its publish date, else the day of its import."
}

// Run lists the days that papers have.
func (c daysCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	resp, err := cl.Papers.ListDays(e.ctx, &akinv1.ListDaysRequest{PageSize: c.PageSize, FromDay: c.From, Filter: c.Filter})
	if err != nil {
		return err
	}
	return e.show(c.JSON, resp, func() {
		for _, d := range resp.GetDays() {
			fmt.Fprintf(e.out, "%8d  %s\n", d.GetCount(), dayText(d.GetDay()))
		}
	})
}
