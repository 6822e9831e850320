package rpc

import (
	"maps"

	longrunningpb "cloud.google.com/go/longrunning/autogen/longrunningpb"

	"akin/internal/access"
	akinv1 "akin/proto/akin/v1"
)

// reach is which collections a method is about.
type reach int

const (
	// everywhere is all of them: not for who may only use some. It is the zero value,
	// so that nothing is open by accident.
	everywhere reach = iota
	// named is the one that the request names.
	named
	// nowhere is none.
	nowhere
)

// Groups of methods that can be open to everybody, whether or not there are keys.
const (
	// OpenHealth is grpc.health.v1, /healthz and /readyz.
	OpenHealth = "health"
	// OpenInfo says what the server is: version, model, limits, size and its API.
	OpenInfo = "info"
	// OpenMail is what links of mails lead to: their tokens say who may.
	OpenMail = "mail"
	// OpenFeeds is what the secret addresses of feeds lead to: their tokens say who may.
	OpenFeeds = "feeds"
)

// OpenGroups lists the groups that can be open.
func OpenGroups() []string { return []string{OpenHealth, OpenInfo, OpenMail, OpenFeeds} }

// need is what a caller needs for a method.
type need struct {
	scope access.Scope
	reach reach
	open  string // the group that may be open; empty is none
	quiet bool   // changes nothing, or nothing but what is the caller's own: not for the audit log
}

// needs has every method of every service: one that is not here needs everything,
// and fails a test.
func needs() map[string]need {
	info := need{scope: access.Read, reach: nowhere, open: OpenInfo}
	health := need{scope: access.Read, reach: nowhere, open: OpenHealth}
	read := need{scope: access.Read, reach: named}
	write := need{scope: access.Write, reach: named}
	text := need{scope: access.Read, reach: nowhere}
	admin, look := need{scope: access.Admin}, need{scope: access.Admin, quiet: true}
	all := map[string]need{
		akinv1.InfoService_GetServerInfo_FullMethodName:                  info,
		akinv1.EmbeddingService_GetModel_FullMethodName:                  info,
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      info,
		"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": info,
		"/grpc.health.v1.Health/Check":                                   health,
		"/grpc.health.v1.Health/List":                                    health,
		"/grpc.health.v1.Health/Watch":                                   health,

		akinv1.AdminService_CreateSnapshot_FullMethodName:       admin,
		akinv1.AdminService_ListSnapshots_FullMethodName:        admin,
		akinv1.AdminService_Verify_FullMethodName:               admin,
		longrunningpb.Operations_GetOperation_FullMethodName:    look,
		longrunningpb.Operations_ListOperations_FullMethodName:  look,
		longrunningpb.Operations_WaitOperation_FullMethodName:   look,
		longrunningpb.Operations_CancelOperation_FullMethodName: admin,
		longrunningpb.Operations_DeleteOperation_FullMethodName: admin,

		akinv1.PaperService_GetPaper_FullMethodName:       read,
		akinv1.PaperService_BatchGetPapers_FullMethodName: read,
		akinv1.PaperService_ListPapers_FullMethodName:     read,
		akinv1.PaperService_CountValues_FullMethodName:    read,
		akinv1.PaperService_ListDays_FullMethodName:       read,
		akinv1.PaperService_ExportPapers_FullMethodName:   read,

		akinv1.MapService_GetMap_FullMethodName:       read,
		akinv1.MapService_GetMapPapers_FullMethodName: read,
		akinv1.MapService_FindOnMap_FullMethodName:    read,

		// It answers with the paper as it is stored then, of which the caller may have
		// sent a field.
		akinv1.PaperService_UpsertPaper_FullMethodName:       {scope: access.Read | access.Write, reach: named},
		akinv1.PaperService_BatchUpsertPapers_FullMethodName: write,
		akinv1.PaperService_DeletePaper_FullMethodName:       write,
		akinv1.PaperService_BatchDeletePapers_FullMethodName: write,
		akinv1.PaperService_ImportPapers_FullMethodName:      write,

		akinv1.SearchService_Search_FullMethodName:         read,
		akinv1.SearchService_Similar_FullMethodName:        read,
		akinv1.SearchService_Recommend_FullMethodName:      read,
		akinv1.SearchService_GetNovelty_FullMethodName:     read,
		akinv1.SearchService_FindDuplicates_FullMethodName: read,

		akinv1.EmbeddingService_Embed_FullMethodName:       text,
		akinv1.EmbeddingService_Tokenize_FullMethodName:    text,
		akinv1.EmbeddingService_EmbedStream_FullMethodName: text,
	}
	maps.Copy(all, libraryNeeds())
	maps.Copy(all, bindingNeeds())
	maps.Copy(all, syndicationNeeds())
	maps.Copy(all, feedNeeds())
	maps.Copy(all, sourceNeeds())
	maps.Copy(all, digestNeeds())
	return all
}

// digestNeeds has the methods of DigestService. Digests are the caller's own; which
// collection one is about, the handler sees.
func digestNeeds() map[string]need {
	look := need{scope: access.Read, reach: nowhere}
	change := need{scope: access.Read | access.Write, reach: nowhere, quiet: true}
	link := need{scope: access.Read, reach: nowhere, open: OpenMail, quiet: true}
	return map[string]need{
		akinv1.DigestService_GetDigest_FullMethodName:       look,
		akinv1.DigestService_ListDigests_FullMethodName:     look,
		akinv1.DigestService_PreviewDigest_FullMethodName:   look,
		akinv1.DigestService_GetDigestStatus_FullMethodName: look,

		akinv1.DigestService_CreateDigest_FullMethodName: change,
		akinv1.DigestService_UpdateDigest_FullMethodName: change,
		akinv1.DigestService_DeleteDigest_FullMethodName: change,
		akinv1.DigestService_SendDigest_FullMethodName:   change,
		akinv1.DigestService_ReportBounce_FullMethodName: {scope: access.Admin, reach: nowhere},

		akinv1.DigestService_Subscribe_FullMethodName:           {scope: access.Read, reach: named, quiet: true},
		akinv1.DigestService_ConfirmSubscription_FullMethodName: link,
		akinv1.DigestService_Unsubscribe_FullMethodName:         link,
		akinv1.DigestService_Act_FullMethodName:                 link,
	}
}

// libraryNeeds has the methods of LibraryService. Libraries are the caller's own; which
// collection one is about, the handler sees.
func libraryNeeds() map[string]need {
	library := need{scope: access.Read, reach: nowhere}
	shelve := need{scope: access.Read | access.Write, reach: nowhere, quiet: true}
	return map[string]need{
		akinv1.LibraryService_GetLibrary_FullMethodName:    library,
		akinv1.LibraryService_ListLibraries_FullMethodName: library,
		akinv1.LibraryService_ListEntries_FullMethodName:   library,
		akinv1.LibraryService_GetEntries_FullMethodName:    library,
		akinv1.LibraryService_ExportLibrary_FullMethodName: library,
		akinv1.LibraryService_GetMissed_FullMethodName:     library,

		akinv1.LibraryService_SuggestRatings_FullMethodName: library,

		akinv1.LibraryService_CreateLibrary_FullMethodName:   shelve,
		akinv1.LibraryService_UpdateLibrary_FullMethodName:   shelve,
		akinv1.LibraryService_DeleteLibrary_FullMethodName:   shelve,
		akinv1.LibraryService_UndeleteLibrary_FullMethodName: shelve,
		akinv1.LibraryService_SetEntries_FullMethodName:      shelve,
		akinv1.LibraryService_RemoveEntries_FullMethodName:   shelve,
		akinv1.LibraryService_ImportLibrary_FullMethodName:   shelve,
		akinv1.LibraryService_MergeLibraries_FullMethodName:  shelve,
		akinv1.LibraryService_AdoptLibraries_FullMethodName:  {scope: access.Admin, reach: nowhere},
	}
}

// syndicationNeeds has the methods of SyndicationService: the addresses of the caller's own
// feeds, and what they lead to, whose tokens say who may.
func syndicationNeeds() map[string]need {
	link := need{scope: access.Read, reach: nowhere, open: OpenFeeds, quiet: true}
	return map[string]need{
		akinv1.SyndicationService_GetFeedAddress_FullMethodName:     {scope: access.Read, reach: nowhere, quiet: true},
		akinv1.SyndicationService_ReplaceFeedAddress_FullMethodName: {scope: access.Read | access.Write, reach: nowhere, quiet: true},
		akinv1.SyndicationService_ReadAddressedFeed_FullMethodName:  link,
		akinv1.SyndicationService_ReadAddressedList_FullMethodName:  link,
	}
}

// bindingNeeds has the methods of BindingService: bindings are the caller's own, as its
// libraries are.
func bindingNeeds() map[string]need {
	look := need{scope: access.Read, reach: nowhere}
	bind := need{scope: access.Read | access.Write, reach: nowhere, quiet: true}
	return map[string]need{
		akinv1.BindingService_GetBinding_FullMethodName:         look,
		akinv1.BindingService_ListBindings_FullMethodName:       look,
		akinv1.BindingService_ListUnmatchedItems_FullMethodName: look,
		akinv1.BindingService_BindLibrary_FullMethodName:        bind,
		akinv1.BindingService_UnbindLibrary_FullMethodName:      bind,
		akinv1.BindingService_SyncLibrary_FullMethodName:        bind,
	}
}

// feedNeeds has the methods of FeedService. Feeds are the caller's own; which collection
// one is about, the handler sees.
func feedNeeds() map[string]need {
	look := need{scope: access.Read, reach: nowhere}
	keep := need{scope: access.Read | access.Write, reach: nowhere, quiet: true}
	return map[string]need{
		akinv1.FeedService_GetFeed_FullMethodName:       look,
		akinv1.FeedService_ListFeeds_FullMethodName:     look,
		akinv1.FeedService_PreviewFeed_FullMethodName:   look,
		akinv1.FeedService_ListFeedItems_FullMethodName: look,
		akinv1.FeedService_WatchFeed_FullMethodName:     look,

		akinv1.FeedService_CreateFeed_FullMethodName: keep,
		akinv1.FeedService_UpdateFeed_FullMethodName: keep,
		akinv1.FeedService_DeleteFeed_FullMethodName: keep,
	}
}

// needOf says what a method needs.
func needOf(all map[string]need, name string) need {
	if n, ok := all[name]; ok {
		return n
	}
	return need{scope: access.All}
}
