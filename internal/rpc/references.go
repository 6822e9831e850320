package rpc

import (
	"context"

	"google.golang.org/protobuf/proto"

	"akin/internal/cite"
	"akin/internal/librarian"
	"akin/internal/library"
	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

// ImportLibrary implements LibraryService.
func (s *libraryService) ImportLibrary(ctx context.Context, req *akinv1.ImportLibraryRequest) (*akinv1.ImportLibraryResponse, error) {
	b, owner, err := s.about(ctx, req.GetLibrary())
	if err != nil {
		return nil, err
	}
	if err := checkEnum("format", req.GetFormat()); err != nil {
		return nil, err
	}
	if err := checkEnum("mark", req.GetMark()); err != nil {
		return nil, err
	}
	mark := library.Liked
	if req.Mark != nil {
		mark = fromMark[req.GetMark()]
	}
	done, err := b.Import(ctx, owner, librarian.Import{
		Place:   library.Place{Name: req.GetLibrary(), Create: req.GetCreateLibrary()},
		Content: req.GetContent(), Format: formatNames[req.GetFormat()], Mark: mark, Tags: req.GetTags(), DryRun: req.GetDryRun(),
	})
	if err != nil {
		return nil, err
	}
	return toImported(ctx, &done), nil
}

var formatNames = map[akinv1.ReferenceFormat]string{ //nolint:gochecknoglobals // a constant table
	akinv1.ReferenceFormat_REFERENCE_FORMAT_UNSPECIFIED: "",
	akinv1.ReferenceFormat_REFERENCE_FORMAT_BIBTEX:      "bibtex",
	akinv1.ReferenceFormat_REFERENCE_FORMAT_RIS:         "ris",
	akinv1.ReferenceFormat_REFERENCE_FORMAT_CSL_JSON:    "csl-json",
	akinv1.ReferenceFormat_REFERENCE_FORMAT_IDS:         librarian.FormatIDs,
}

// toImported says what became of an import, first of those references that were not
// imported, as far as there is room.
func toImported(ctx context.Context, done *librarian.Imported) *akinv1.ImportLibraryResponse {
	resp := &akinv1.ImportLibraryResponse{
		MatchedCount: int32(len(done.Matched)), UnmatchedCount: int32(len(done.Unmatched)), AddedCount: int32(done.Added),
		Format: done.Format,
	}
	left := newRoom(ctx)
	fits := func(m proto.Message) bool { return left.takes(false, m) }
	for i := range done.Unmatched {
		u := &done.Unmatched[i]
		reason := akinv1.UnmatchedReason_UNMATCHED_REASON_NOT_IN_COLLECTION
		if u.Unreadable {
			reason = akinv1.UnmatchedReason_UNMATCHED_REASON_UNREADABLE
		}
		one := &akinv1.UnmatchedReference{Line: int32(u.Line), Title: u.Title, Doi: u.DOI, ArxivId: u.Arxiv, Reason: reason, Explanation: u.Why}
		if !fits(one) {
			break
		}
		resp.Unmatched = append(resp.Unmatched, one)
	}
	for i := range done.Matched {
		m := &done.Matched[i]
		one := &akinv1.MatchedReference{Line: int32(m.Line), Title: m.Title, PaperId: m.PaperID, By: matchKinds[m.By], Added: m.Added}
		if !fits(one) {
			break
		}
		resp.Matched = append(resp.Matched, one)
	}
	return resp
}

var matchKinds = map[librarian.By]akinv1.MatchKind{ //nolint:gochecknoglobals // a constant table
	librarian.ByID:      akinv1.MatchKind_MATCH_KIND_ID,
	librarian.ByDOI:     akinv1.MatchKind_MATCH_KIND_DOI,
	librarian.ByArxivID: akinv1.MatchKind_MATCH_KIND_ARXIV_ID,
	librarian.ByTitle:   akinv1.MatchKind_MATCH_KIND_TITLE,
}

// ExportLibrary implements LibraryService.
func (s *libraryService) ExportLibrary(ctx context.Context, req *akinv1.ExportLibraryRequest) (*akinv1.ExportLibraryResponse, error) {
	b, owner, err := s.about(ctx, req.GetLibrary())
	if err != nil {
		return nil, err
	}
	if err := checkEnum("format", req.GetFormat()); err != nil {
		return nil, err
	}
	marks, err := marksOf("marks", req.GetMarks())
	if err != nil {
		return nil, err
	}
	file, err := b.Export(ctx, owner, librarian.Export{
		Name: req.GetLibrary(), Choice: librarian.Choice{Marks: marks, Tag: req.GetTag()}, Format: citeFormats[req.GetFormat()],
		IDs:           req.GetFormat() == akinv1.ReferenceFormat_REFERENCE_FORMAT_IDS,
		OmitAbstracts: req.GetOmitAbstracts(), MaxBytes: responseLimit(ctx) - besides,
	})
	if err != nil {
		return nil, err
	}
	return &akinv1.ExportLibraryResponse{
		Content: file.Content, ContentType: file.ContentType, Count: int32(file.Count), MissingIds: file.Missing, MissingCount: int32(file.MissingCount),
	}, nil
}

var citeFormats = map[akinv1.ReferenceFormat]cite.Format{ //nolint:gochecknoglobals // a constant table
	akinv1.ReferenceFormat_REFERENCE_FORMAT_UNSPECIFIED: cite.BibTeX,
	akinv1.ReferenceFormat_REFERENCE_FORMAT_BIBTEX:      cite.BibTeX,
	akinv1.ReferenceFormat_REFERENCE_FORMAT_RIS:         cite.RIS,
	akinv1.ReferenceFormat_REFERENCE_FORMAT_CSL_JSON:    cite.CSLJSON,
}

// GetMissed implements LibraryService.
func (s *libraryService) GetMissed(ctx context.Context, req *akinv1.GetMissedRequest) (*akinv1.GetMissedResponse, error) {
	b, owner, err := s.about(ctx, req.GetLibrary())
	if err != nil {
		return nil, err
	}
	options, form, err := optionsOf(ctx, req)
	if err != nil {
		return nil, err
	}
	if err := checkEnum("strategy", req.GetStrategy()); err != nil {
		return nil, err
	}
	taste := new(akinv1.RecommendRequest) // what the drivers of results are named by
	form.taste = taste
	missed, err := b.Missed(ctx, owner, librarian.Missed{
		Name: req.GetLibrary(), NewerThanDays: int(req.GetNewerThanDays()), Strategy: recommendStrategies[req.GetStrategy()],
		HalfLifeDays: req.GetHalfLifeDays(), ResultOptions: options,
		Known: func(likes, dislikes []string) {
			taste.Positive, taste.Negative = toExamples(likes), toExamples(dislikes)
		},
	})
	resp, err := respond(new(akinv1.GetMissedResponse), form, missed.Answer, err)
	if err != nil {
		return nil, err
	}
	resp.MissingCount = int32(missed.Missing)
	return resp, nil
}

func toExamples(ids []string) []*akinv1.Example {
	out := make([]*akinv1.Example, len(ids))
	for i, id := range ids {
		out[i] = &akinv1.Example{Example: &akinv1.Example_PaperId{PaperId: id}}
	}
	return out
}

// SuggestRatings implements LibraryService.
func (s *libraryService) SuggestRatings(ctx context.Context, req *akinv1.SuggestRatingsRequest) (*akinv1.SuggestRatingsResponse, error) {
	b, owner, err := s.about(ctx, req.GetLibrary())
	if err != nil {
		return nil, err
	}
	mask, err := readMask("read_mask", req.GetReadMask())
	if err != nil {
		return nil, err
	}
	asked, err := b.Questions(ctx, owner, req.GetLibrary(), int(req.GetCount()))
	if err != nil {
		return nil, err
	}
	resp := &akinv1.SuggestRatingsResponse{Unknown: asked.Unknown, RatedCount: int32(asked.Rated), Sequence: asked.Sequence}
	left := newRoom(ctx)
	for i := range asked.Papers {
		q := &asked.Papers[i]
		one := &akinv1.RatingSuggestion{Paper: masked(wire.ToRecord(&q.Record), mask), Gain: q.Gain}
		if !left.takes(i == 0, one) {
			break
		}
		resp.Suggestions = append(resp.Suggestions, one)
	}
	return resp, nil
}
