package rpc

import (
	"context"
	"strings"

	"akin/internal/engine"
	"akin/internal/paper"
	"akin/internal/rank"
	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

// ListPapers implements PaperService.
func (s *paperService) ListPapers(ctx context.Context, req *akinv1.ListPapersRequest) (*akinv1.ListPapersResponse, error) {
	mask, err := readMask("read_mask", req.GetReadMask())
	if err != nil {
		return nil, err
	}
	query, err := readList(req)
	if err != nil {
		return nil, err
	}
	of := listShapes(req, query.Order)
	if query.After, err = readPageToken(req.GetPageToken(), of); err != nil {
		return nil, err
	}
	resp, left := new(akinv1.ListPapersResponse), newRoom(ctx)
	query.Fits = func(r *paper.Record, t rank.Trend) bool {
		p := masked(wire.ToRecord(r), mask)
		var trend *akinv1.Trend
		if query.Order == engine.ByTrend {
			trend = &akinv1.Trend{Signal: t.Signal, Gain: t.Gain, Score: t.Score}
		}
		if first := len(resp.GetPapers()) == 0; !left.takes(first, p) || trend != nil && !left.takes(first, trend) {
			return false
		}
		if resp.Papers = append(resp.Papers, p); trend != nil {
			resp.Trends = append(resp.Trends, trend)
		}
		return true
	}
	page, err := s.server.engine.List(ctx, query)
	if err != nil {
		return nil, err
	}
	resp.TotalSize = page.Total
	if page.Next != "" {
		resp.NextPageToken = pageToken(page.Next, of)
	}
	return resp, nil
}

// readList turns a request into the engine's, but for its token.
func readList(req *akinv1.ListPapersRequest) (engine.List, error) {
	q := engine.List{Collection: req.GetCollection(), Filter: req.GetFilter(), Signal: req.GetSignal(), Size: int(req.GetPageSize())}
	var err error
	if q.Order, err = readOrder(req.GetOrderBy()); err != nil {
		return q, err
	}
	if err := checkEnum("window", req.GetWindow()); err != nil {
		return q, err
	}
	q.Window = trendWindows[req.GetWindow()]
	q.Day, err = readDay("day", req.GetDay())
	return q, err
}

// readOrder reads an order as AIP-132 has it, and takes spellings that mean the same.
func readOrder(text string) (engine.Order, error) {
	switch strings.Join(strings.Fields(text), " ") {
	case "", "id", "id asc":
		return engine.ByID, nil
	case "day desc", "day desc, id", "day desc,id":
		return engine.ByDay, nil
	case "trending", "trending desc":
		return engine.ByTrend, nil
	}
	return 0, paper.InvalidField("order_by", "is %.80q; give \"id\", \"day desc\" or \"trending\"", text)
}

// readDay reads a day of listings; "" is none.
func readDay(field, text string) (paper.Date, error) {
	d, err := paper.ParseDate(text)
	if err != nil || d.String() != text || text != "" && d.Year == 0 {
		return paper.Date{}, paper.InvalidField(field, "is %.40q; give a day as YYYY-MM-DD, or YYYY-MM or YYYY for papers whose day is not known closer", text)
	}
	return d, nil
}

// listShapes is what a token of the list belongs to. That of a list by id is as it was
// when there were no others.
func listShapes(req *akinv1.ListPapersRequest, order engine.Order) string {
	of := "list\x00" + req.GetCollection()
	if req.GetFilter() != "" {
		of += "\x00" + req.GetFilter()
	}
	if order != engine.ByID || req.GetDay() != "" {
		names := []string{"", "day", "trending"}
		of += "\x00\x00" + strings.Join([]string{names[order], req.GetDay(), req.GetWindow().String(), req.GetSignal()}, "\x00")
	}
	return of
}

var trendWindows = map[akinv1.TrendingWindow]int{ //nolint:gochecknoglobals // a constant table
	akinv1.TrendingWindow_TRENDING_WINDOW_UNSPECIFIED: 0,
	akinv1.TrendingWindow_TRENDING_WINDOW_DAY:         engine.TrendDay,
	akinv1.TrendingWindow_TRENDING_WINDOW_WEEK:        engine.TrendWeek,
	akinv1.TrendingWindow_TRENDING_WINDOW_MONTH:       engine.TrendMonth,
}

// ListDays implements PaperService.
func (s *paperService) ListDays(ctx context.Context, req *akinv1.ListDaysRequest) (*akinv1.ListDaysResponse, error) {
	from, err := readDay("from_day", req.GetFromDay())
	if err != nil {
		return nil, err
	}
	of := strings.Join([]string{"days", req.GetCollection(), req.GetFilter(), req.GetFromDay()}, "\x00")
	place, err := readPageToken(req.GetPageToken(), of)
	if err != nil {
		return nil, err
	}
	before, err := readDay("page_token", place)
	if err != nil {
		return nil, err
	}
	page, err := s.server.engine.ListDays(ctx, engine.ListDays{
		Collection: req.GetCollection(), Filter: req.GetFilter(), From: from, Before: before, Size: int(req.GetPageSize()),
	})
	if err != nil {
		return nil, err
	}
	resp := &akinv1.ListDaysResponse{Newer: wire.ToDate(page.Newer), PaperCount: page.Papers}
	for _, d := range page.Days {
		resp.Days = append(resp.Days, &akinv1.DayCount{Day: wire.ToDate(d.Day), Count: d.Papers})
	}
	if page.More {
		resp.NextPageToken = pageToken(page.Days[len(page.Days)-1].Day.String(), of)
	}
	return resp, nil
}
