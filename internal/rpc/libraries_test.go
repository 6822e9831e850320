package rpc_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"akin/internal/rpc"
	akinv1 "akin/proto/akin/v1"
)

// shelved is a server with some papers.
type shelved struct {
	*testing.T
	*served
	akinv1.LibraryServiceClient
}

func shelve(t *testing.T) *shelved {
	s := serve(t, rpc.GatewayOptions{})
	day := func(y int) *date.Date { return &date.Date{Year: int32(y), Month: 1, Day: 1} }
	s.upsert(
		t,
		&akinv1.Paper{Id: "arXiv:2001.00001", Title: "Graph networks for molecules", Abstract: "graph networks molecules", ArxivId: "2001.00001v2", Doi: "10.1000/graph", PublishDate: day(2020), Authors: []*akinv1.Author{{Name: "Ada Lovelace"}}},
		&akinv1.Paper{Id: "b", Title: "Graph networks: a survey!", Abstract: "graph networks survey", Doi: "10.1000/survey", PublishDate: day(2021)},
		&akinv1.Paper{Id: "c", Title: "Molecules and graph kernels", Abstract: "graph kernels molecules", PublishDate: day(2022)},
		&akinv1.Paper{Id: "d", Title: "Bread with yeast", Abstract: "bread yeast flour", PublishDate: day(2023)},
		&akinv1.Paper{Id: "e", Title: "Graph networks again", Abstract: "graph networks again and again", PublishDate: day(time.Now().Year())},
	)
	return &shelved{T: t, served: s, LibraryServiceClient: s.Libraries}
}

// set writes entries, which must not fail.
func (s *shelved) set(library string, entries ...*akinv1.Entry) *akinv1.SetEntriesResponse {
	s.Helper()
	resp, err := s.SetEntries(s.Context(), &akinv1.SetEntriesRequest{Library: library, Entries: entries, CreateLibrary: true})
	if err != nil {
		s.Fatal(err)
	}
	return resp
}

func likes(id string) *akinv1.Entry {
	return &akinv1.Entry{PaperId: id, Mark: akinv1.Mark_MARK_LIKED}
}

// list gives the ids of a list.
func (s *shelved) list(req *akinv1.ListEntriesRequest) (ids []string) {
	s.Helper()
	for {
		resp, err := s.ListEntries(s.Context(), req)
		if err != nil {
			s.Fatal(err)
		}
		for _, e := range resp.GetEntries() {
			ids = append(ids, e.GetPaperId())
		}
		if req.PageToken = resp.GetNextPageToken(); req.GetPageToken() == "" {
			return ids
		}
	}
}

func TestLibraries(t *testing.T) {
	s := shelve(t)
	made, err := s.CreateLibrary(t.Context(), &akinv1.CreateLibraryRequest{Library: &akinv1.Library{Name: "main", DisplayName: "Mine"}})
	if err != nil || made.GetCollection() != "papers" || made.GetCreateTime() == nil || made.GetDisplayName() != "Mine" {
		t.Fatalf("%v, %v", made, err)
	}
	for want, req := range map[codes.Code]*akinv1.Library{
		codes.FailedPrecondition: {Name: "main"}, codes.InvalidArgument: {Name: "No name"}, codes.NotFound: {Name: "x", Collection: "never"},
	} {
		if _, err := s.CreateLibrary(t.Context(), &akinv1.CreateLibraryRequest{Library: req}); status.Code(err) != want {
			t.Errorf("%v: %v, want %v", req, err, want)
		}
	}
	code, _, body := s.call(t, "PATCH", "/v1/libraries/main", `{"description":"for work"}`)
	if code != 200 || !strings.Contains(body, `"Mine"`) || !strings.Contains(body, "for work") {
		t.Errorf("PATCH: %d %s", code, body)
	}
	if l, err := s.UpdateLibrary(t.Context(), &akinv1.UpdateLibraryRequest{
		Library: &akinv1.Library{Name: "main"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"displayName"}},
	}); err != nil || l.GetDisplayName() != "" || l.GetDescription() != "for work" {
		t.Errorf("%v, %v", l, err)
	}
	if _, err := s.UpdateLibrary(t.Context(), &akinv1.UpdateLibraryRequest{
		Library: &akinv1.Library{Name: "main"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"collection"}},
	}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("the collection changes: %v", err)
	}
	for i := range 3 {
		s.set(fmt.Sprint("l", i), likes("b"))
	}
	var names []string
	req := &akinv1.ListLibrariesRequest{PageSize: 2}
	for {
		page, err := s.ListLibraries(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range page.GetLibraries() {
			names = append(names, l.GetName())
		}
		if req.PageToken = page.GetNextPageToken(); req.GetPageToken() == "" {
			break
		}
	}
	if !slices.Equal(names, []string{"l0", "l1", "l2", "main"}) {
		t.Errorf("names %v", names)
	}
	found, err := s.GetEntries(t.Context(), &akinv1.GetEntriesRequest{Library: "-", PaperIds: []string{"c", "b"}})
	if err != nil || len(found.GetEntries()) != 3 || found.GetEntries()[2].GetLibrary() != "l2" {
		t.Errorf("%v, %v", found, err)
	}
	if code, _, body := s.call(t, "GET", "/v1/libraries/-/entries:batchGet?paperIds=b", ""); code != 200 || strings.Count(body, "MARK_LIKED") != 3 {
		t.Errorf("GET: %d %s", code, body)
	}
	if l, err := s.DeleteLibrary(t.Context(), &akinv1.DeleteLibraryRequest{Name: "l0"}); err != nil || l.GetExpireTime() == nil {
		t.Errorf("%v, %v", l, err)
	}
	if code, _, body := s.call(t, "POST", "/v1/libraries/l0:undelete", `{}`); code != 200 || !strings.Contains(body, `"likedCount":1`) {
		t.Errorf("undelete: %d %s", code, body)
	}
	if l, err := s.MergeLibraries(t.Context(), &akinv1.MergeLibrariesRequest{Library: "main", Sources: []string{"l0", "l1"}, DeleteSources: true}); err != nil || l.GetLikedCount() != 1 {
		t.Errorf("%v, %v", l, err)
	}
	if got, err := s.AdoptLibraries(t.Context(), &akinv1.AdoptLibrariesRequest{Owner: "somebody"}); err != nil || len(got.GetLibraries()) != 4 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := s.GetLibrary(t.Context(), &akinv1.GetLibraryRequest{Name: "main"}); status.Code(err) != codes.NotFound {
		t.Errorf("adopted, and still there: %v", err)
	}
	if _, err := s.AdoptLibraries(t.Context(), new(akinv1.AdoptLibrariesRequest)); status.Code(err) != codes.InvalidArgument {
		t.Errorf("adopted by nobody: %v", err)
	}
}

func TestEntries(t *testing.T) {
	s := shelve(t)
	// A name of a paper becomes its id; what is not said stays.
	first := s.set("main", &akinv1.Entry{PaperId: "arXiv:2001.00001v9", Mark: akinv1.Mark_MARK_LIKED, Note: "good", Tags: []string{"chem"}})
	if e := first.GetEntries()[0]; e.GetPaperId() != "arXiv:2001.00001" || e.GetMarkTime() == nil || first.GetPrevious()[0].GetNote() != "" {
		t.Errorf("%v", first)
	}
	second := s.set("main", &akinv1.Entry{PaperId: "https://doi.org/10.1000/graph", Mark: akinv1.Mark_MARK_DISLIKED, Read: true})
	if e := second.GetEntries()[0]; e.GetNote() != "good" || e.GetMark() != akinv1.Mark_MARK_DISLIKED || e.GetReadTime() == nil || second.GetPrevious()[0].GetMark() != akinv1.Mark_MARK_LIKED {
		t.Errorf("%v", second)
	}
	undone, err := s.SetEntries(t.Context(), &akinv1.SetEntriesRequest{Library: "main", Entries: second.GetPrevious(), UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"*"}}})
	if err != nil {
		t.Fatal(err)
	}
	undone.GetEntries()[0].UpdateTime = first.GetEntries()[0].GetUpdateTime()
	if !proto.Equal(undone.GetEntries()[0], first.GetEntries()[0]) {
		t.Errorf("undone %v, was %v", undone.GetEntries()[0], first.GetEntries()[0])
	}
	for want, req := range map[codes.Code]*akinv1.SetEntriesRequest{
		codes.NotFound:        {Library: "main", Entries: []*akinv1.Entry{likes("never")}},
		codes.InvalidArgument: {Library: "main", Entries: []*akinv1.Entry{likes("b")}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"paper_id"}}},
	} {
		if _, err := s.SetEntries(t.Context(), req); status.Code(err) != want {
			t.Errorf("%v: %v", req, err)
		}
	}
	if _, err := s.SetEntries(t.Context(), &akinv1.SetEntriesRequest{Library: "other", Entries: []*akinv1.Entry{likes("b")}}); status.Code(err) != codes.NotFound {
		t.Errorf("no such library: %v", err)
	}
	if _, err := s.SetEntries(t.Context(), &akinv1.SetEntriesRequest{Library: "main", Entries: []*akinv1.Entry{likes("never")}, AllowMissing: true}); err != nil {
		t.Error(err)
	}
	// A paper that is erased stays as an id, which can still be marked.
	s.set("main", likes("d"))
	if _, err := s.Papers.DeletePaper(t.Context(), &akinv1.DeletePaperRequest{Id: "d"}); err != nil {
		t.Fatal(err)
	}
	s.set("main", &akinv1.Entry{PaperId: "d", Note: "gone"})
	removed, err := s.RemoveEntries(t.Context(), &akinv1.RemoveEntriesRequest{Library: "main", PaperIds: []string{"d", "10.1000/graph", "nothing"}})
	if err != nil || len(removed.GetEntries()) != 2 || !slices.Equal(removed.GetMissingIds(), []string{"nothing"}) || removed.GetEntries()[0].GetNote() != "gone" {
		t.Errorf("%v, %v", removed, err)
	}
}

func TestEntriesAreListed(t *testing.T) {
	s := shelve(t)
	at := func(day int) *timestamppb.Timestamp {
		return timestamppb.New(time.Date(2024, 1, day, 0, 0, 0, 0, time.UTC))
	}
	s.set(
		"main",
		&akinv1.Entry{PaperId: "b", Mark: akinv1.Mark_MARK_LIKED, MarkTime: at(3), Tags: []string{"x", "y"}, CreateTime: at(3)},
		&akinv1.Entry{PaperId: "c", Mark: akinv1.Mark_MARK_DISLIKED, MarkTime: at(1), Note: "Zürich Ideas", CreateTime: at(1)},
		&akinv1.Entry{PaperId: "arXiv:2001.00001", Mark: akinv1.Mark_MARK_LIKED, MarkTime: at(2), ReadTime: at(9), Tags: []string{"x"}, CreateTime: at(2)},
		&akinv1.Entry{PaperId: "e", Read: true, ReadTime: at(5), CreateTime: at(2)},
	)
	yes, no := true, false
	a := "arXiv:2001.00001"
	for _, tc := range []struct {
		req  *akinv1.ListEntriesRequest
		want []string
	}{
		{&akinv1.ListEntriesRequest{}, []string{"b", a, "e", "c"}},
		{&akinv1.ListEntriesRequest{OrderBy: "create_time"}, []string{"c", a, "e", "b"}},
		{&akinv1.ListEntriesRequest{OrderBy: "mark_time desc"}, []string{"b", a, "c", "e"}},
		{&akinv1.ListEntriesRequest{OrderBy: "read_time"}, []string{"e", a, "b", "c"}},
		{&akinv1.ListEntriesRequest{OrderBy: "title"}, []string{"b", "e", a, "c"}},
		{&akinv1.ListEntriesRequest{OrderBy: "title desc"}, []string{"c", a, "e", "b"}},
		{&akinv1.ListEntriesRequest{Marks: []akinv1.Mark{akinv1.Mark_MARK_LIKED}}, []string{"b", a}},
		{&akinv1.ListEntriesRequest{Marks: []akinv1.Mark{0, 2}}, []string{"e", "c"}},
		{&akinv1.ListEntriesRequest{Tag: "x"}, []string{"b", a}},
		{&akinv1.ListEntriesRequest{Tag: "never"}, nil},
		{&akinv1.ListEntriesRequest{Read: &yes}, []string{a, "e"}},
		{&akinv1.ListEntriesRequest{Read: &no}, []string{"b", "c"}},
		{&akinv1.ListEntriesRequest{Text: "GRAPH mol"}, []string{a, "c"}},
		{&akinv1.ListEntriesRequest{Text: "lovelace"}, []string{a}},
		{&akinv1.ListEntriesRequest{Text: "zürich"}, []string{"c"}},
		{&akinv1.ListEntriesRequest{Text: "raph"}, nil},
		{&akinv1.ListEntriesRequest{Text: "!?"}, nil},
	} {
		for size := range int32(4) {
			req := proto.Clone(tc.req).(*akinv1.ListEntriesRequest)
			req.Library, req.PageSize = "main", size
			if got := s.list(req); !slices.Equal(got, tc.want) {
				t.Errorf("%v: %v, want %v", req, got, tc.want)
			}
		}
	}
	page, err := s.ListEntries(t.Context(), &akinv1.ListEntriesRequest{
		Library: "main", PageSize: 1, IncludePapers: true, ReadMask: &fieldmaskpb.FieldMask{Paths: []string{"title"}}, OrderBy: "title",
	})
	if err != nil || page.GetTotalSize() != 4 || page.GetEntries()[0].GetPaper().GetTitle() != "Graph networks: a survey!" || page.GetEntries()[0].GetPaper().GetId() != "" ||
		len(page.GetTags()) != 2 || page.GetTags()[0].GetCount() != 2 {
		t.Errorf("%v, %v", page, err)
	}
	for _, req := range []*akinv1.ListEntriesRequest{
		{PageSize: -1},
		{OrderBy: "id"},
		{OrderBy: "title up"},
		{Marks: []akinv1.Mark{9}},
		{PageToken: "x"},
		{PageToken: page.GetNextPageToken()},
		{Text: strings.Repeat("x", 1001)},
		{Tag: strings.Repeat("x", 100)},
	} {
		req.Library = "main"
		if _, err := s.ListEntries(t.Context(), req); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", req, err)
		}
	}
}

const oddBibTeX = `@comment{nothing}
@article{one, title = {{GRAPH Networks for Molecules}}, annote = {from my library}}
@misc{two, title = "Other", doi = {https://doi.org/10.1000/SURVEY}}
@misc{three, title = {Nothing like it}, year = 1999}
@misc{four, doi = {10.1000/survey}}
@misc{five, eprint = {2001.00001v1}, archiveprefix = {arXiv}, title = {X}}
@misc{six, title = {Molecules and Graph Kernels.}}
@article{broken, title = {never ends
`

func TestImportLibrary(t *testing.T) {
	s := shelve(t)
	s.set("main", &akinv1.Entry{PaperId: "b", Mark: akinv1.Mark_MARK_DISLIKED})
	dry, err := s.ImportLibrary(t.Context(), &akinv1.ImportLibraryRequest{Library: "main", Content: []byte(oddBibTeX), DryRun: true, Tags: []string{"imported"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.list(&akinv1.ListEntriesRequest{Library: "main"}); len(got) != 1 {
		t.Errorf("a dry run added %v", got)
	}
	done, err := s.ImportLibrary(t.Context(), &akinv1.ImportLibraryRequest{Library: "main", Content: []byte(oddBibTeX), Tags: []string{"imported"}})
	if err != nil || !proto.Equal(dry, done) {
		t.Fatalf("done %v, %v; dry %v", done, err, dry)
	}
	var matched []string
	for _, m := range done.GetMatched() {
		matched = append(matched, fmt.Sprintf("%d %s %v %v", m.GetLine(), m.GetPaperId(), m.GetBy(), m.GetAdded()))
	}
	if want := []string{
		"2 arXiv:2001.00001 MATCH_KIND_TITLE true", "3 b MATCH_KIND_DOI false", "5 b MATCH_KIND_DOI false",
		"6 arXiv:2001.00001 MATCH_KIND_ARXIV_ID true", "7 c MATCH_KIND_TITLE true",
	}; !slices.Equal(matched, want) {
		t.Errorf("matched %q, want %q", matched, want)
	}
	if done.GetFormat() != "bibtex" || done.GetAddedCount() != 2 || done.GetMatchedCount() != 5 || done.GetUnmatchedCount() != int32(len(done.GetUnmatched())) || len(done.GetUnmatched()) < 2 {
		t.Errorf("%v", done)
	}
	if u := done.GetUnmatched()[0]; u.GetLine() != 4 || u.GetTitle() != "Nothing like it" || u.GetReason() != akinv1.UnmatchedReason_UNMATCHED_REASON_NOT_IN_COLLECTION {
		t.Errorf("unmatched %v", u)
	}
	found, err := s.GetEntries(t.Context(), &akinv1.GetEntriesRequest{Library: "main", PaperIds: []string{"b", "arXiv:2001.00001"}})
	if err != nil {
		t.Fatal(err)
	}
	if b := found.GetEntries()[0]; b.GetMark() != akinv1.Mark_MARK_DISLIKED || !slices.Equal(b.GetTags(), []string{"imported"}) {
		t.Errorf("an import changed a mark: %v", b)
	}
	if a := found.GetEntries()[1]; a.GetMark() != akinv1.Mark_MARK_LIKED || a.GetNote() != "from my library" {
		t.Errorf("imported: %v", a)
	}
}

func TestImportForms(t *testing.T) {
	s := shelve(t)
	for form, content := range map[string]string{
		"ids":      "# mine\n2001.00001\n\nhttps://doi.org/10.1000/survey\nc\nnever\n",
		"ris":      "TY  - JOUR\nTI  - Graph Networks: A Survey\nER  - \nTY  - GEN\nDO  - 10.1000/graph\nTI  - x\nER  - \nTY  - GEN\nTI  - molecules & graph kernels\nER  - \nTY  - GEN\nTI  - Molecules and graph kernels\nER  - \n",
		"csl-json": `[{"id":"x","type":"article","issued":{"raw":"2020"},"title":"Y","DOI":"10.1000/graph"},{"id":"y","type":"article-journal","title":"graph networks, a survey"},{"id":1,"type":"book","title":"Molecules and Graph Kernels"},{"type":"book","title":"None"}]`,
	} {
		none := akinv1.Mark_MARK_UNSPECIFIED
		done, err := s.ImportLibrary(t.Context(), &akinv1.ImportLibraryRequest{Library: "new-" + form, Content: []byte(content), CreateLibrary: true, Mark: &none})
		if err != nil || done.GetFormat() != form || done.GetAddedCount() != 3 || done.GetUnmatchedCount() != 1 {
			t.Errorf("%s: %v, %v", form, done, err)
		}
		if l, err := s.GetLibrary(t.Context(), &akinv1.GetLibraryRequest{Name: "new-" + form}); err != nil || l.GetEntryCount() != 3 || l.GetLikedCount() != 0 {
			t.Errorf("%s: %v, %v", form, l, err)
		}
	}
	s.set("main", likes("c"))
	for name, content := range map[string][]byte{
		"nothing": nil, "gzip": []byte(packed(oddBibTeX)), "zip": []byte("PK\x03\x04..."), "noise": {0, 1, 2, 3, 0xff}, "a page": []byte("<!doctype html><html><p>x y</p>"),
		"large": bytes.Repeat([]byte("x"), 4<<20+1), "many": bytes.Repeat([]byte("2001.00001\n"), 20_001),
	} {
		if _, err := s.ImportLibrary(t.Context(), &akinv1.ImportLibraryRequest{Library: "main", Content: content}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.ImportLibrary(t.Context(), &akinv1.ImportLibraryRequest{Library: "none", Content: []byte("c")}); status.Code(err) != codes.NotFound {
		t.Errorf("no such library: %v", err)
	}
}

func TestExportLibrary(t *testing.T) {
	s := shelve(t)
	s.set("main", likes("b"), &akinv1.Entry{PaperId: "arXiv:2001.00001", Note: "mine", Tags: []string{"t"}})
	if _, err := s.SetEntries(t.Context(), &akinv1.SetEntriesRequest{Library: "main", Entries: []*akinv1.Entry{likes("never")}, AllowMissing: true}); err != nil {
		t.Fatal(err)
	}
	for format := range akinv1.ReferenceFormat_name {
		f := akinv1.ReferenceFormat(format)
		got, err := s.ExportLibrary(t.Context(), &akinv1.ExportLibraryRequest{Library: "main", Format: f})
		if err != nil {
			t.Fatal(err)
		}
		if f == akinv1.ReferenceFormat_REFERENCE_FORMAT_IDS {
			if string(got.GetContent()) != "arXiv:2001.00001\nb\nnever\n" || got.GetCount() != 3 {
				t.Errorf("ids: %v", got)
			}
			continue
		}
		if got.GetCount() != 2 || !slices.Equal(got.GetMissingIds(), []string{"never"}) || !bytes.Contains(got.GetContent(), []byte("mine")) || got.GetContentType() == "" {
			t.Errorf("%v: %v", f, got)
		}
		again, err := s.ImportLibrary(t.Context(), &akinv1.ImportLibraryRequest{Library: "copy-" + fmt.Sprint(format), Content: got.GetContent(), CreateLibrary: true})
		if err != nil || again.GetAddedCount() != 2 || again.GetUnmatchedCount() != 0 {
			t.Errorf("%v again: %v, %v in\n%s", f, again, err, got.GetContent())
		}
	}
	few, err := s.ExportLibrary(t.Context(), &akinv1.ExportLibraryRequest{Library: "main", Tag: "t", OmitAbstracts: true})
	if err != nil || few.GetCount() != 1 || bytes.Contains(few.GetContent(), []byte("abstract")) {
		t.Errorf("%v, %v", few, err)
	}
	if code, _, body := s.call(t, "GET", "/v1/libraries/main:export?format=REFERENCE_FORMAT_IDS&marks=MARK_LIKED", ""); code != 200 || !json.Valid([]byte(body)) {
		t.Errorf("GET: %d %s", code, body)
	}
}

func TestMissed(t *testing.T) {
	s := shelve(t)
	s.set("main", likes("arXiv:2001.00001"), &akinv1.Entry{PaperId: "c", Read: true}, &akinv1.Entry{PaperId: "d", Mark: akinv1.Mark_MARK_DISLIKED})
	if _, err := s.SetEntries(t.Context(), &akinv1.SetEntriesRequest{Library: "main", Entries: []*akinv1.Entry{likes("never")}, AllowMissing: true}); err != nil {
		t.Fatal(err)
	}
	ids := func(req *akinv1.GetMissedRequest) (ids []string) {
		t.Helper()
		req.Library = "main"
		resp, err := s.GetMissed(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range resp.GetResults() {
			ids = append(ids, r.GetPaper().GetId())
			if len(r.GetDrivenBy()) == 0 || r.GetDrivenBy()[0].GetPaperId() != "arXiv:2001.00001" || !r.GetDrivenBy()[0].GetLiked() {
				t.Errorf("%s is driven by %v", r.GetPaper().GetId(), r.GetDrivenBy())
			}
		}
		if resp.GetMissingCount() != 1 {
			t.Errorf("%d are missing", resp.GetMissingCount())
		}
		return ids
	}
	if got := ids(new(akinv1.GetMissedRequest)); len(got) != 2 || slices.Contains(got, "c") || slices.Contains(got, "d") {
		t.Errorf("missed %v: what was read, disliked or liked is not", got)
	}
	if got := ids(&akinv1.GetMissedRequest{NewerThanDays: 400}); !slices.Equal(got, []string{"e"}) {
		t.Errorf("lately missed %v", got)
	}
	if got := ids(&akinv1.GetMissedRequest{NewerThanDays: 4000, Filter: `date < "2022-01-01"`, Strategy: akinv1.RecommendStrategy_RECOMMEND_STRATEGY_TOP_MEAN}); !slices.Equal(got, []string{"b"}) {
		t.Errorf("filtered %v", got)
	}
	first, err := s.GetMissed(t.Context(), &akinv1.GetMissedRequest{Library: "main", PageSize: 1})
	if err != nil || first.GetNextPageToken() == "" {
		t.Fatalf("%v, %v", first, err)
	}
	second, err := s.GetMissed(t.Context(), &akinv1.GetMissedRequest{Library: "main", PageSize: 1, PageToken: first.GetNextPageToken()})
	if err != nil || len(second.GetResults()) != 1 || second.GetResults()[0].GetPaper().GetId() == first.GetResults()[0].GetPaper().GetId() {
		t.Errorf("%v, %v", second, err)
	}
	if code, _, body := s.call(t, "GET", "/v1/libraries/main:missed?newerThanDays=400", ""); code != 200 || !strings.Contains(body, `"e"`) {
		t.Errorf("GET: %d %s", code, body)
	}
	s.set("empty", &akinv1.Entry{PaperId: "c", Read: true})
	if _, err := s.GetMissed(t.Context(), &akinv1.GetMissedRequest{Library: "empty"}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("without likes: %v", err)
	}
	if _, err := s.GetMissed(t.Context(), &akinv1.GetMissedRequest{Library: "main", NewerThanDays: -1}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("negative days: %v", err)
	}
}

// Papers to rate are none that the library has; a library that is not there is as an
// empty one, and those of another owner are not seen.
func TestSuggestRatings(t *testing.T) {
	s := shelve(t)
	ids := func(req *akinv1.SuggestRatingsRequest) (ids []string, resp *akinv1.SuggestRatingsResponse) {
		t.Helper()
		resp, err := s.SuggestRatings(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range resp.GetSuggestions() {
			ids = append(ids, one.GetPaper().GetId())
			if one.GetGain() <= 0 || one.GetGain() > 1 {
				t.Errorf("%s gains %v", one.GetPaper().GetId(), one.GetGain())
			}
		}
		return ids, resp
	}
	all, resp := ids(&akinv1.SuggestRatingsRequest{Library: "main", Count: 100})
	if len(all) < 4 || resp.GetUnknown() != 1 || resp.GetRatedCount() != 0 {
		t.Fatalf("%q %v", all, resp)
	}
	if again, _ := ids(&akinv1.SuggestRatingsRequest{Library: "none", Count: 100}); !slices.Equal(again, all) {
		t.Errorf("%q, and then %q", all, again)
	}
	if two, _ := ids(&akinv1.SuggestRatingsRequest{Library: "main", Count: 2}); !slices.Equal(two, all[:2]) {
		t.Errorf("two are %q of %q", two, all)
	}
	s.set("main", likes(all[0]), &akinv1.Entry{PaperId: all[1], Mark: akinv1.Mark_MARK_DISLIKED}, &akinv1.Entry{PaperId: all[2], Read: true})
	if _, err := s.SetEntries(t.Context(), &akinv1.SetEntriesRequest{Library: "main", Entries: []*akinv1.Entry{likes("never")}, AllowMissing: true}); err != nil {
		t.Fatal(err)
	}
	left, resp := ids(&akinv1.SuggestRatingsRequest{Library: "main", Count: 100})
	for _, id := range all[:3] {
		if slices.Contains(left, id) {
			t.Errorf("%s is in the library, and is asked about", id)
		}
	}
	if resp.GetUnknown() >= 1 || resp.GetUnknown() <= 0 || resp.GetRatedCount() != 3 {
		t.Errorf("%v is unknown after %d", resp.GetUnknown(), resp.GetRatedCount())
	}
}
