package rpc

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	longrunningpb "cloud.google.com/go/longrunning/autogen/longrunningpb"

	"akin/internal/engine"
	"akin/internal/librarian"
	"akin/internal/paper"
	akinv1 "akin/proto/akin/v1"
)

// kind is what a call is admitted and bounded as.
type kind string

// The kinds of calls.
const (
	// open calls are always answered: they say how the server is.
	open kind = "open"
	// read calls look papers up.
	read kind = "read"
	// query calls search, compare or embed.
	query kind = "query"
	// write calls change a few papers.
	write kind = "write"
	// bulk calls change many.
	bulk kind = "bulk"
	// stream calls go on for as long as both sides want. Those that only send
	// give their place back while they do; those that receive are admitted group
	// by group, by the engine.
	stream kind = "stream"
)

// DefaultTimeouts are how long a call of each kind may take, its wait included;
// of a stream, how long the other side may neither send nor take anything.
func DefaultTimeouts() map[string]time.Duration {
	return map[string]time.Duration{
		string(read): 30 * time.Second, string(query): time.Minute, string(write): time.Minute,
		string(bulk): 10 * time.Minute, string(stream): 15 * time.Minute,
	}
}

// CompleteTimeouts adds the defaults to what is set, and reports what is wrong
// with that. 0 is no limit.
func CompleteTimeouts(set map[string]time.Duration) (map[string]time.Duration, error) {
	all := DefaultTimeouts()
	var errs []error
	for name, d := range set {
		if _, ok := all[name]; !ok {
			errs = append(errs, fmt.Errorf("timeout of %q: there are timeouts of %s", name, strings.Join(slices.Sorted(maps.Keys(all)), ", ")))
			continue
		}
		if d < 0 {
			errs = append(errs, fmt.Errorf("timeout of %q is %v; it must not be negative (0 is none)", name, d))
		}
		all[name] = d
	}
	return all, errors.Join(errs...)
}

// method says how calls of a method are admitted.
type method struct {
	kind kind
	// shape gives what tells requests of the method apart that take different
	// times, and how many units a request asks for; nil where all are alike.
	shape func(req any) (class string, units float64)
}

// mapMethods are those about maps.
func mapMethods() map[string]method {
	return map[string]method{
		akinv1.MapService_GetMap_FullMethodName: {kind: read},
		akinv1.MapService_GetMapPapers_FullMethodName: {kind: read, shape: shapeOf(func(r *akinv1.GetMapPapersRequest) (string, float64) {
			return "", hundreds(len(r.GetNumbers()))
		})},
		akinv1.MapService_FindOnMap_FullMethodName: {kind: read, shape: shapeOf(func(r *akinv1.FindOnMapRequest) (string, float64) {
			return filtered(r.GetFilter()), 1
		})},
	}
}

// paperMethods are those of PaperService.
func paperMethods() map[string]method {
	return map[string]method{
		akinv1.PaperService_GetPaper_FullMethodName: {kind: read},
		akinv1.PaperService_BatchGetPapers_FullMethodName: {kind: read, shape: shapeOf(func(r *akinv1.BatchGetPapersRequest) (string, float64) {
			return "", hundreds(len(r.GetIds()))
		})},
		akinv1.PaperService_ListPapers_FullMethodName: {kind: read, shape: shapeOf(listShape)},
		akinv1.PaperService_ListDays_FullMethodName: {kind: read, shape: shapeOf(func(r *akinv1.ListDaysRequest) (string, float64) {
			return filtered(r.GetFilter()), 1
		})},
		akinv1.PaperService_CountValues_FullMethodName: {kind: read, shape: shapeOf(func(r *akinv1.CountValuesRequest) (string, float64) {
			return filtered(r.GetFilter()), 1
		})},

		akinv1.PaperService_UpsertPaper_FullMethodName: {kind: write},
		akinv1.PaperService_DeletePaper_FullMethodName: {kind: write},
		akinv1.PaperService_BatchDeletePapers_FullMethodName: {kind: write, shape: shapeOf(func(r *akinv1.BatchDeletePapersRequest) (string, float64) {
			return "", hundreds(len(r.GetIds()))
		})},
		akinv1.PaperService_BatchUpsertPapers_FullMethodName: {kind: bulk, shape: shapeOf(func(r *akinv1.BatchUpsertPapersRequest) (string, float64) {
			return "", float64(len(r.GetPapers()))
		})},
		akinv1.PaperService_ImportPapers_FullMethodName: {kind: stream},
		akinv1.PaperService_ExportPapers_FullMethodName: {kind: stream},
	}
}

// feedMethods are those of FeedService. WatchFeed waits most of its time, and is bounded
// by how many there may be.
func feedMethods() map[string]method {
	return map[string]method{
		akinv1.FeedService_GetFeed_FullMethodName:    {kind: read},
		akinv1.FeedService_ListFeeds_FullMethodName:  {kind: read},
		akinv1.FeedService_CreateFeed_FullMethodName: {kind: query},
		akinv1.FeedService_UpdateFeed_FullMethodName: {kind: query},
		akinv1.FeedService_DeleteFeed_FullMethodName: {kind: write},
		akinv1.FeedService_PreviewFeed_FullMethodName: {kind: query, shape: shapeOf(func(r *akinv1.PreviewFeedRequest) (string, float64) {
			if r.GetEvidence() {
				return " evidence", 1
			}
			return "", 1
		})},
		akinv1.FeedService_ListFeedItems_FullMethodName: {kind: read, shape: shapeOf(func(r *akinv1.ListFeedItemsRequest) (string, float64) {
			if r.GetEvidence() {
				return " evidence", 1
			}
			return "", hundreds(min(int(r.GetPageSize()), maxFeedPage))
		})},
		akinv1.FeedService_WatchFeed_FullMethodName: {kind: open},
	}
}

// methods has every method of every service: a method that is not here would
// be admitted as a query, and fails a test.
func methods() map[string]method {
	all := map[string]method{
		akinv1.InfoService_GetServerInfo_FullMethodName:                  {kind: open},
		akinv1.EmbeddingService_GetModel_FullMethodName:                  {kind: open},
		"/grpc.health.v1.Health/Check":                                   {kind: open},
		"/grpc.health.v1.Health/List":                                    {kind: open},
		"/grpc.health.v1.Health/Watch":                                   {kind: open},
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      {kind: open},
		"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": {kind: open},

		// What takes long runs behind these, two at a time, and each answers at once.
		akinv1.AdminService_CreateSnapshot_FullMethodName:       {kind: read},
		akinv1.AdminService_ListSnapshots_FullMethodName:        {kind: read},
		akinv1.AdminService_Verify_FullMethodName:               {kind: read},
		longrunningpb.Operations_GetOperation_FullMethodName:    {kind: open},
		longrunningpb.Operations_ListOperations_FullMethodName:  {kind: open},
		longrunningpb.Operations_WaitOperation_FullMethodName:   {kind: open},
		longrunningpb.Operations_CancelOperation_FullMethodName: {kind: open},
		longrunningpb.Operations_DeleteOperation_FullMethodName: {kind: open},

		akinv1.SearchService_Search_FullMethodName:    {kind: query, shape: shapeOf(searchShape)},
		akinv1.SearchService_Similar_FullMethodName:   {kind: query, shape: shapeOf(similarShape)},
		akinv1.SearchService_Recommend_FullMethodName: {kind: query, shape: shapeOf(recommendShape)},
		akinv1.SearchService_GetNovelty_FullMethodName: {kind: query, shape: shapeOf(func(r *akinv1.GetNoveltyRequest) (string, float64) {
			return "", float64(len(r.GetPaperIds()))
		})},
		akinv1.SearchService_FindDuplicates_FullMethodName: {kind: stream},

		akinv1.EmbeddingService_Embed_FullMethodName:       {kind: query, shape: shapeOf(embedShape)},
		akinv1.EmbeddingService_Tokenize_FullMethodName:    {kind: query, shape: shapeOf(tokenizeShape)},
		akinv1.EmbeddingService_EmbedStream_FullMethodName: {kind: stream},
	}
	maps.Copy(all, paperMethods())
	maps.Copy(all, feedMethods())
	maps.Copy(all, libraryMethods())
	maps.Copy(all, bindingMethods())
	maps.Copy(all, syndicationMethods())
	maps.Copy(all, sourceMethods())
	maps.Copy(all, mapMethods())
	maps.Copy(all, digestMethods())
	return all
}

// digestMethods has the methods of DigestService.
func digestMethods() map[string]method {
	return map[string]method{
		akinv1.DigestService_CreateDigest_FullMethodName:        {kind: write},
		akinv1.DigestService_GetDigest_FullMethodName:           {kind: read},
		akinv1.DigestService_ListDigests_FullMethodName:         {kind: read},
		akinv1.DigestService_UpdateDigest_FullMethodName:        {kind: write},
		akinv1.DigestService_DeleteDigest_FullMethodName:        {kind: write},
		akinv1.DigestService_PreviewDigest_FullMethodName:       {kind: query},
		akinv1.DigestService_SendDigest_FullMethodName:          {kind: query},
		akinv1.DigestService_GetDigestStatus_FullMethodName:     {kind: read},
		akinv1.DigestService_ReportBounce_FullMethodName:        {kind: write},
		akinv1.DigestService_Subscribe_FullMethodName:           {kind: write},
		akinv1.DigestService_ConfirmSubscription_FullMethodName: {kind: write},
		akinv1.DigestService_Unsubscribe_FullMethodName:         {kind: write},
		akinv1.DigestService_Act_FullMethodName:                 {kind: write},
	}
}

// libraryMethods has the methods of LibraryService.
func libraryMethods() map[string]method {
	return map[string]method{
		akinv1.LibraryService_CreateLibrary_FullMethodName:   {kind: write},
		akinv1.LibraryService_GetLibrary_FullMethodName:      {kind: read},
		akinv1.LibraryService_ListLibraries_FullMethodName:   {kind: read},
		akinv1.LibraryService_UpdateLibrary_FullMethodName:   {kind: write},
		akinv1.LibraryService_DeleteLibrary_FullMethodName:   {kind: write},
		akinv1.LibraryService_UndeleteLibrary_FullMethodName: {kind: write},
		akinv1.LibraryService_SetEntries_FullMethodName:      {kind: write, shape: shapeOf(setShape)},
		akinv1.LibraryService_RemoveEntries_FullMethodName:   {kind: write, shape: shapeOf(removeShape)},
		akinv1.LibraryService_ListEntries_FullMethodName:     {kind: read, shape: shapeOf(entriesShape)},
		akinv1.LibraryService_GetEntries_FullMethodName:      {kind: read, shape: shapeOf(lookupShape)},
		akinv1.LibraryService_ImportLibrary_FullMethodName:   {kind: bulk, shape: shapeOf(referencesShape)},
		akinv1.LibraryService_ExportLibrary_FullMethodName:   {kind: read},
		akinv1.LibraryService_MergeLibraries_FullMethodName:  {kind: write, shape: shapeOf(mergeShape)},
		akinv1.LibraryService_AdoptLibraries_FullMethodName:  {kind: write},
		akinv1.LibraryService_GetMissed_FullMethodName:       {kind: query, shape: shapeOf(missedShape)},
		akinv1.LibraryService_SuggestRatings_FullMethodName:  {kind: query, shape: shapeOf(ratingsShape)},
	}
}

// syndicationMethods has the methods of SyndicationService.
func syndicationMethods() map[string]method {
	return map[string]method{
		akinv1.SyndicationService_GetFeedAddress_FullMethodName:     {kind: read},
		akinv1.SyndicationService_ReplaceFeedAddress_FullMethodName: {kind: write},
		akinv1.SyndicationService_ReadAddressedFeed_FullMethodName:  {kind: read},
		akinv1.SyndicationService_ReadAddressedList_FullMethodName:  {kind: read},
	}
}

// bindingMethods has the methods of BindingService. What takes long runs behind them, one
// at a time of each kind.
func bindingMethods() map[string]method {
	return map[string]method{
		akinv1.BindingService_BindLibrary_FullMethodName:   {kind: write},
		akinv1.BindingService_UnbindLibrary_FullMethodName: {kind: write},
		akinv1.BindingService_GetBinding_FullMethodName:    {kind: read},
		akinv1.BindingService_ListBindings_FullMethodName:  {kind: read},
		akinv1.BindingService_SyncLibrary_FullMethodName:   {kind: open},
		akinv1.BindingService_ListUnmatchedItems_FullMethodName: {kind: read, shape: shapeOf(func(r *akinv1.ListUnmatchedItemsRequest) (string, float64) {
			return "", hundreds(min(int(r.GetPageSize()), librarian.MaxListSize))
		})},
	}
}

func setShape(r *akinv1.SetEntriesRequest) (string, float64) {
	return "", hundreds(len(r.GetEntries()))
}

func removeShape(r *akinv1.RemoveEntriesRequest) (string, float64) {
	return "", hundreds(len(r.GetPaperIds()))
}

func lookupShape(r *akinv1.GetEntriesRequest) (string, float64) {
	return "", hundreds(len(r.GetPaperIds()))
}

func mergeShape(r *akinv1.MergeLibrariesRequest) (string, float64) {
	return "", float64(1 + len(r.GetSources()))
}

// referencesShape counts each beginning KiB of a file.
func referencesShape(r *akinv1.ImportLibraryRequest) (string, float64) {
	return "", float64(1 + len(r.GetContent())/1024)
}

// shapeOf takes any request; one of another type, which cannot be, has no shape.
func shapeOf[Request any](f func(*Request) (string, float64)) func(any) (string, float64) {
	return func(req any) (string, float64) {
		r, ok := req.(*Request)
		if !ok {
			return "", 1
		}
		return f(r)
	}
}

// hundreds counts each beginning hundred.
func hundreds(n int) float64 { return float64(1 + n/100) }

func filtered(filter string) string {
	if filter != "" {
		return " filtered"
	}
	return ""
}

func listShape(r *akinv1.ListPapersRequest) (string, float64) {
	class := filtered(r.GetFilter())
	if order, err := readOrder(r.GetOrderBy()); err == nil {
		class += []string{engine.ByID: "", engine.ByDay: " day", engine.ByTrend: " trending"}[order]
	}
	return class, hundreds(min(int(r.GetPageSize()), engine.MaxPageSize))
}

// resultShape is what the options of a query add to its cost.
func resultShape(r resultOptions, rerank int32) (class string, units float64) {
	units = 1
	if n := int(r.GetPageSize()); n > 100 {
		class, units = " many", hundreds(min(n, engine.MaxPageSize))
	}
	if r.GetPageToken() != "" {
		class += " page"
	}
	if r.GetExact() {
		class += " exact"
	}
	if r.GetEvidence() {
		n := int(r.GetPageSize())
		if n <= 0 {
			n = engine.DefaultPageSize
		}
		class, units = class+" evidence", float64(min(n, engine.MaxEvidence))
	}
	if rerank > 0 {
		class, units = class+" rerank", units+float64(rerank)
	}
	return class, units
}

func searchShape(r *akinv1.SearchRequest) (string, float64) {
	class, units := resultShape(r, r.GetRerank())
	return " " + modeName(r.GetMode()) + class, units
}

func similarShape(r *akinv1.SimilarRequest) (string, float64) {
	class, units := resultShape(r, r.GetRerank())
	if r.GetText() != nil {
		class += " text"
	}
	return " " + modeName(r.GetMode()) + class, units
}

// modeName keeps numbers that are no mode from becoming classes.
func modeName(m akinv1.Mode) string { return akinv1.Mode_name[int32(m)] }

func recommendShape(r *akinv1.RecommendRequest) (string, float64) {
	class, units := resultShape(r, 0)
	class = " " + akinv1.RecommendStrategy_name[int32(r.GetStrategy())] + class
	texts := 0
	for _, list := range [][]*akinv1.Example{r.GetPositive(), r.GetNegative()} {
		for _, x := range list {
			if x.GetText() != nil {
				texts++
			}
		}
	}
	if texts > 0 {
		return class + " texts", units * float64(texts)
	}
	return class, units * hundreds(len(r.GetPositive())+len(r.GetNegative()))
}

// entriesShape tells lists that read every paper of a library from those that do not.
func entriesShape(r *akinv1.ListEntriesRequest) (string, float64) {
	if r.GetText() != "" || strings.HasPrefix(r.GetOrderBy(), "title") {
		return " papers", 1
	}
	return "", hundreds(min(int(r.GetPageSize()), librarian.MaxListSize))
}

func missedShape(r *akinv1.GetMissedRequest) (string, float64) {
	class, units := resultShape(r, 0)
	return " " + akinv1.RecommendStrategy_name[int32(r.GetStrategy())] + class, units
}

// ratingsShape: each paper that is chosen costs one pass over all that is unknown.
func ratingsShape(r *akinv1.SuggestRatingsRequest) (string, float64) {
	return "", float64(10 + max(0, min(int(r.GetCount()), engine.MaxQuestions)))
}

func embedShape(r *akinv1.EmbedRequest) (string, float64) {
	bytes := 0
	for _, in := range r.GetInputs() {
		// A text is cut: what is beyond costs little.
		bytes += 64 + min(4096, len(in.GetText())+len(in.GetPaper().GetTitle())+len(in.GetPaper().GetAbstract()))
	}
	return "", float64(bytes) / 1024
}

func tokenizeShape(r *akinv1.TokenizeRequest) (string, float64) {
	bytes := 0
	for _, text := range r.GetTexts() {
		bytes += 64 + len(text)
	}
	return "", float64(bytes) / 1024
}

// overdue is the error of a call that took longer than the server allows.
func overdue(name string, limit time.Duration, k kind) error {
	message := fmt.Sprintf("the call took longer than this server allows: %v for a %s; ask for less at once, or start the server with --timeout %s=%v", limit, k, k, 2*limit)
	if k == stream {
		message = fmt.Sprintf("the other side of the stream sent nothing and took nothing for %v, the limit of this server; open it again and go on, or start the server with --timeout %s=%v", limit, k, 2*limit)
	}
	return &paper.Error{
		Kind: paper.Overdue, Reason: paper.ReasonServerDeadline, Message: message,
		Metadata: map[string]string{"limit": limit.String(), "kind": string(k), "method": name},
	}
}
