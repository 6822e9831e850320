package rpc_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"akin/internal/rpc"
	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

// diary are papers of some days, with votes that grew since.
func diary(t *testing.T) *served {
	t.Helper()
	s := serve(t, rpc.GatewayOptions{})
	for i, day := range []int32{4, 9, 4, 2} {
		s.upsert(t, &akinv1.Paper{
			Id: fmt.Sprintf("p/%d", i), Title: fmt.Sprint("Glaciers ", i), PublishDate: &date.Date{Year: 2021, Month: 3, Day: day},
			Signals: map[string]float64{"votes": float64(10 * (i + 1)), "stars": 5},
		})
	}
	return s
}

func (s *served) list(t *testing.T, req *akinv1.ListPapersRequest) *akinv1.ListPapersResponse {
	t.Helper()
	resp, err := s.Papers.ListPapers(t.Context(), req)
	if err != nil {
		t.Fatalf("%v: %v", req, err)
	}
	return resp
}

func TestListOrders(t *testing.T) {
	s := diary(t)
	for _, test := range []struct {
		req  *akinv1.ListPapersRequest
		want string
	}{
		{&akinv1.ListPapersRequest{OrderBy: "id"}, "p/0 p/1 p/2 p/3"},
		{&akinv1.ListPapersRequest{OrderBy: " day  desc"}, "p/1 p/0 p/2 p/3"},
		{&akinv1.ListPapersRequest{OrderBy: "day desc", Day: "2021-03-04"}, "p/0 p/2"},
		{&akinv1.ListPapersRequest{Day: "2021-03-04"}, "p/0 p/2"},
		{&akinv1.ListPapersRequest{Day: "2021-03"}, ""},
		{&akinv1.ListPapersRequest{OrderBy: "trending", Signal: "votes"}, "p/3 p/2 p/1 p/0"},
		{&akinv1.ListPapersRequest{OrderBy: "trending", Window: akinv1.TrendingWindow_TRENDING_WINDOW_MONTH, Day: "2021-03-04", Signal: "votes"}, "p/3 p/2 p/0"},
		{&akinv1.ListPapersRequest{OrderBy: "trending", Filter: "signals.votes < 40", Signal: "votes"}, "p/2 p/1 p/0"},
	} {
		for _, size := range []int32{0, 1, 2} {
			var all []string
			req := &akinv1.ListPapersRequest{OrderBy: test.req.GetOrderBy(), Day: test.req.GetDay(), Window: test.req.GetWindow(), Signal: test.req.GetSignal(), Filter: test.req.GetFilter(), PageSize: size}
			for page := 0; page == 0 || req.GetPageToken() != ""; page++ {
				resp := s.list(t, req)
				for i, p := range resp.GetPapers() {
					all = append(all, p.GetId())
					if req.GetOrderBy() == "trending" && resp.GetTrends()[i].GetSignal() != "votes" {
						t.Errorf("%s trends by %v", p.GetId(), resp.GetTrends()[i])
					}
				}
				if req.PageToken = resp.GetNextPageToken(); resp.GetTotalSize() != 4 || page > 4 {
					t.Fatalf("page %d of %v: %v", page, req, resp)
				}
			}
			if got := strings.Join(all, " "); got != test.want {
				t.Errorf("%v: got %s, want %s", req, got, test.want)
			}
		}
	}
	p := s.list(t, &akinv1.ListPapersRequest{PageSize: 1, ReadMask: &fieldmaskpb.FieldMask{Paths: []string{"day"}}}).GetPapers()[0]
	if d := wire.FromDate(p.GetDay()).String(); d != "2021-03-04" || p.GetId() != "" {
		t.Errorf("the first paper is %v", p)
	}
}

// A token is only good for its list, and one by day goes on behind its last paper.
func TestListTokens(t *testing.T) {
	s := diary(t)
	byDay := s.list(t, &akinv1.ListPapersRequest{OrderBy: "day desc", PageSize: 2}).GetNextPageToken()
	trending := s.list(t, &akinv1.ListPapersRequest{OrderBy: "trending", Signal: "votes", PageSize: 2}).GetNextPageToken()
	for _, req := range []*akinv1.ListPapersRequest{
		{PageToken: byDay},
		{OrderBy: "trending", PageToken: byDay},
		{OrderBy: "day desc", Day: "2021-03-04", PageToken: byDay},
		{OrderBy: "day desc", PageToken: trending},
		{OrderBy: "trending", PageToken: trending},
		{PageToken: trending},
	} {
		if _, err := s.Papers.ListPapers(t.Context(), req); err == nil || !strings.Contains(err.Error(), "page token") {
			t.Errorf("%v: %v", req, err)
		}
	}
	s.upsert(t, &akinv1.Paper{Id: "p/1a", Title: "new", PublishDate: &date.Date{Year: 2022}}, &akinv1.Paper{Id: "p/1b", Title: "older", PublishDate: &date.Date{Year: 2021, Month: 3, Day: 4}})
	if _, err := s.Papers.DeletePaper(t.Context(), &akinv1.DeletePaperRequest{Id: "p/0"}); err != nil {
		t.Fatal(err)
	}
	for want, req := range map[string]*akinv1.ListPapersRequest{
		"p/1b p/2 p/3": {OrderBy: "day desc", PageToken: byDay}, "p/1": {OrderBy: "trending", Signal: "votes", PageToken: trending},
	} {
		if got := strings.Join(paperIDs(s.list(t, req).GetPapers()), " "); got != want {
			t.Errorf("the second page is %s, want %s", got, want)
		}
	}
}

func TestListDays(t *testing.T) {
	s := diary(t)
	days := func(req *akinv1.ListDaysRequest) (string, *akinv1.ListDaysResponse) {
		t.Helper()
		resp, err := s.Papers.ListDays(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, d := range resp.GetDays() {
			out = append(out, fmt.Sprintf("%v:%d", wire.FromDate(d.GetDay()), d.GetCount()))
		}
		return strings.Join(out, " "), resp
	}
	if got, resp := days(&akinv1.ListDaysRequest{}); got != "2021-03-09:1 2021-03-04:2 2021-03-02:1" || resp.GetNewer() != nil || resp.GetNextPageToken() != "" {
		t.Errorf("%s, %v", got, resp)
	}
	got, resp := days(&akinv1.ListDaysRequest{FromDay: "2021-03-08", PageSize: 1})
	if got != "2021-03-04:2" || resp.GetNewer().GetDay() != 9 || resp.GetNextPageToken() == "" {
		t.Errorf("%s, %v", got, resp)
	}
	if got, resp := days(&akinv1.ListDaysRequest{FromDay: "2021-03-08", PageToken: resp.GetNextPageToken()}); got != "2021-03-02:1" || resp.GetNewer().GetDay() != 4 {
		t.Errorf("%s, %v", got, resp)
	}
	if _, resp := days(&akinv1.ListDaysRequest{FromDay: "2021-03-08", PageSize: 1, Filter: "signals.votes > 10"}); resp.GetPaperCount() != 3 {
		t.Errorf("the filter keeps %d papers", resp.GetPaperCount())
	}
	if code, _, body := s.call(t, "GET", "/v1/papers:listDays?from_day=2021-03-04&filter=signals.votes>10", ""); code != 200 || strings.Count(body, `"count"`) != 2 {
		t.Errorf("over HTTP: %d %s", code, body)
	}
	if code, _, body := s.call(t, "GET", "/v1/papers?order_by=trending&window=TRENDING_WINDOW_WEEK&page_size=1", ""); code != 200 || !strings.Contains(body, `"trends"`) || !strings.Contains(body, `"day"`) {
		t.Errorf("over HTTP: %d %s", code, body)
	}
}
