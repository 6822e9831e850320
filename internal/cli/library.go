package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"akin/internal/client"
	"akin/internal/pending"
	akinv1 "akin/proto/akin/v1"
)

// usualLibrary is the library of commands that name none.
const usualLibrary = "reading"

type libraryCommand struct {
	List     libraryListCommand     `cmd:"" help:"List your libraries."`
	Show     libraryShowCommand     `cmd:"" help:"List the papers of a library."`
	Create   libraryCreateCommand   `cmd:"" help:"Make an empty library."`
	Update   libraryUpdateCommand   `cmd:"" help:"Change what a library is called."`
	Delete   libraryDeleteCommand   `cmd:"" help:"Delete a library; for 30 days it can come back."`
	Undelete libraryUndeleteCommand `cmd:"" help:"Bring a deleted library back."`
	Add      libraryAddCommand      `cmd:"" help:"Put papers into a library, with note, tags, or as read."`
	Like     libraryLikeCommand     `cmd:"" help:"Like papers."`
	Dislike  libraryDislikeCommand  `cmd:"" help:"Dislike papers."`
	Remove   libraryRemoveCommand   `cmd:"" help:"Take papers out of a library."`
	Import   libraryImportCommand   `cmd:"" help:"Add the papers of BibTeX, RIS, CSL-JSON or a list of ids."`
	Export   libraryExportCommand   `cmd:"" help:"Write a library as BibTeX, RIS, CSL-JSON or a list of ids."`
	Merge    libraryMergeCommand    `cmd:"" help:"Add libraries to another."`
	Missed   libraryMissedCommand   `cmd:"" help:"Say what a library lacks of what is near it."`
	Suggest  librarySuggestCommand  `cmd:"" help:"Choose papers to rate, from which most is learnt."`
	Adopt    libraryAdoptCommand    `cmd:"" help:"Give the libraries made without a key to the owner of a key."`
	Bind     libraryBindCommand     `cmd:"" help:"Have a library follow Zotero, or a file of references on the server."`
	Unbind   libraryUnbindCommand   `cmd:"" help:"End that; the library stays as it is."`
	Binding  libraryBindingCommand  `cmd:"" help:"Say what libraries follow, and how that is."`
	Sync     librarySyncCommand     `cmd:"" help:"Bring a library up to date with what it follows."`
}

// Help says what a library is.
func (libraryCommand) Help() string {
	return `A library is a named set of papers that you like, dislike or have read, with notes and
tags. With --data, and on a server without keys, libraries are those of whoever runs the
server; with a key, those of its owner. Commands that name no library use "` + usualLibrary + `",
which the first like makes.

Examples:
  akin library like arXiv:1706.03762 arXiv:1810.04805
  akin library import references.bib
  akin library missed --days 30
  akin library export --format ris --out reading.ris`
}

type libraryListCommand struct {
	target
	Deleted bool `help:"List as well what was deleted and can come back."`
	JSON    bool `name:"json" help:"Print the libraries as JSON."`
}

// Run lists libraries.
func (c libraryListCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	all := new(akinv1.ListLibrariesResponse)
	req := &akinv1.ListLibrariesRequest{PageSize: 1000, ShowDeleted: c.Deleted}
	for {
		page, err := cl.Libraries.ListLibraries(e.ctx, req)
		if err != nil {
			return err
		}
		all.Libraries = append(all.Libraries, page.GetLibraries()...)
		if req.PageToken = page.GetNextPageToken(); req.GetPageToken() == "" {
			break
		}
	}
	return e.show(c.JSON, all, func() {
		for _, l := range all.GetLibraries() {
			e.library(l)
		}
		if len(all.GetLibraries()) == 0 {
			fmt.Fprintln(e.errOut, "No libraries: `akin library like ID` makes the first.")
		}
	})
}

// library prints a library on a line.
func (e *environment) library(l *akinv1.Library) {
	papers := plural(int(l.GetEntryCount()), "paper")
	line := fmt.Sprintf("%s  %s: %d liked, %d disliked, %d read", oneLine(l.GetName()), papers, l.GetLikedCount(), l.GetDislikedCount(), l.GetReadCount())
	if l.GetDisplayName() != "" {
		line += "  " + oneLine(l.GetDisplayName())
	}
	if l.GetDeleteTime() != nil {
		line += "  deleted, gone on " + l.GetExpireTime().AsTime().Format("2006-01-02")
	}
	fmt.Fprintln(e.out, line)
}

type libraryShowCommand struct {
	Name string `arg:"" optional:"" help:"Name of the library." default:"reading"`
	target
	PageSize int32  `help:"Papers to list; 0 lists all." short:"n" placeholder:"N"`
	Mark     string `help:"Only liked, disliked or unmarked papers." enum:",liked,disliked,unmarked" default:"" placeholder:"MARK"`
	Tag      string `help:"Only papers with this tag." placeholder:"TAG"`
	Read     *bool  `help:"Only papers that were read; --no-read: that were not." negatable:""`
	Text     string `help:"Only papers that have these words in title, authors, note or tags." placeholder:"WORDS"`
	OrderBy  string `help:"create_time, update_time, mark_time, read_time or title, maybe with \" desc\" (default: the newest first)." placeholder:"FIELD"`
	IDs      bool   `name:"ids" help:"Print ids only."`
	JSON     bool   `name:"json" help:"Print the response of each page as JSON."`
}

// Help shows examples.
func (libraryShowCommand) Help() string {
	return "Examples:\n  akin library show\n  akin library show thesis --mark liked --order-by title\n  akin library show --no-read --text transformers"
}

// marks are those that a flag names.
func marks(name string) []akinv1.Mark {
	switch name {
	case "liked":
		return []akinv1.Mark{akinv1.Mark_MARK_LIKED}
	case "disliked":
		return []akinv1.Mark{akinv1.Mark_MARK_DISLIKED}
	case "unmarked":
		return []akinv1.Mark{akinv1.Mark_MARK_UNSPECIFIED}
	}
	return nil
}

// Run lists the papers of a library.
func (c libraryShowCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	req := &akinv1.ListEntriesRequest{
		Library: c.Name, PageSize: c.PageSize, Marks: marks(c.Mark), Tag: c.Tag, Read: c.Read, Text: c.Text, OrderBy: c.OrderBy,
		IncludePapers: !c.IDs, ReadMask: shown(c.JSON),
	}
	for {
		resp, err := cl.Libraries.ListEntries(e.ctx, req)
		if err != nil {
			return err
		}
		if err := e.show(c.JSON, resp, func() { e.entries(resp.GetEntries(), c.IDs) }); err != nil {
			return err
		}
		if req.GetPageSize() != 0 { // a page may end before it has what was asked for
			if req.PageSize -= int32(len(resp.GetEntries())); req.GetPageSize() <= 0 {
				return nil
			}
		}
		if req.PageToken = resp.GetNextPageToken(); req.GetPageToken() == "" {
			return nil
		}
	}
}

// entries prints the papers of a library.
func (e *environment) entries(entries []*akinv1.Entry, idsOnly bool) {
	signs := map[akinv1.Mark]string{akinv1.Mark_MARK_LIKED: "+", akinv1.Mark_MARK_DISLIKED: "-"}
	for _, x := range entries {
		if idsOnly {
			fmt.Fprintln(e.out, oneLine(x.GetPaperId()))
			continue
		}
		title, by := "(not in the collection)", oneLine(x.GetPaperId())
		if p := x.GetPaper(); p != nil {
			title, by = p.GetTitle(), byline(p)
		}
		e.wrapped(fmt.Sprintf("%1s  ", signs[x.GetMark()]), title)
		if x.GetRead() {
			by += " · read " + x.GetReadTime().AsTime().Format("2006-01-02")
		}
		e.wrapped("   ", by)
		if len(x.GetTags()) > 0 {
			e.wrapped("   ", "tags: "+oneLine(strings.Join(x.GetTags(), ", ")))
		}
		if x.GetNote() != "" {
			e.wrapped("   ", "note: "+oneLine(x.GetNote()))
		}
	}
}

// libraryText says what a library is called.
type libraryText struct {
	DisplayName string `help:"What to show instead of the name." placeholder:"TEXT"`
	Description string `help:"What it is for." placeholder:"TEXT"`
}

type libraryCreateCommand struct {
	Name string `arg:"" help:"Name: a-z, 0-9, - and _."`
	target
	libraryText
	Collection string `help:"Collection of its papers (default: papers)." placeholder:"NAME"`
	JSON       bool   `name:"json" help:"Print the library as JSON."`
}

// Run makes a library.
func (c libraryCreateCommand) Run(e *environment) error {
	return e.changeLibrary(c.target, c.JSON, func(cl *client.Client) (*akinv1.Library, error) {
		return cl.Libraries.CreateLibrary(e.ctx, &akinv1.CreateLibraryRequest{Library: &akinv1.Library{
			Name: c.Name, DisplayName: c.DisplayName, Description: c.Description, Collection: c.Collection,
		}})
	})
}

// changeLibrary calls what answers with a library, and prints that.
func (e *environment) changeLibrary(t target, asJSON bool, call func(*client.Client) (*akinv1.Library, error)) error {
	cl, err := e.connect(t, false)
	if err != nil {
		return err
	}
	l, err := call(cl)
	if err != nil {
		return err
	}
	return e.show(asJSON, l, func() { e.library(l) })
}

type libraryUpdateCommand struct {
	Name string `arg:"" help:"Name of the library."`
	target
	DisplayName *string `help:"What to show instead of the name." placeholder:"TEXT"`
	Description *string `help:"What it is for." placeholder:"TEXT"`
	JSON        bool    `name:"json" help:"Print the library as JSON."`
}

// Run changes what a library is called.
func (c libraryUpdateCommand) Run(e *environment) error {
	l, mask := &akinv1.Library{Name: c.Name}, new(fieldmaskpb.FieldMask)
	if c.DisplayName != nil {
		l.DisplayName, mask.Paths = *c.DisplayName, append(mask.Paths, "display_name")
	}
	if c.Description != nil {
		l.Description, mask.Paths = *c.Description, append(mask.Paths, "description")
	}
	return e.changeLibrary(c.target, c.JSON, func(cl *client.Client) (*akinv1.Library, error) {
		return cl.Libraries.UpdateLibrary(e.ctx, &akinv1.UpdateLibraryRequest{Library: l, UpdateMask: mask})
	})
}

type libraryDeleteCommand struct {
	Name string `arg:"" help:"Name of the library."`
	target
	Erase bool `help:"Erase it at once; it cannot come back."`
	JSON  bool `name:"json" help:"Print the library as JSON."`
}

// Run deletes a library.
func (c libraryDeleteCommand) Run(e *environment) error {
	return e.changeLibrary(c.target, c.JSON, func(cl *client.Client) (*akinv1.Library, error) {
		return cl.Libraries.DeleteLibrary(e.ctx, &akinv1.DeleteLibraryRequest{Name: c.Name, Erase: c.Erase})
	})
}

type libraryUndeleteCommand struct {
	Name string `arg:"" help:"Name of the library."`
	target
	JSON bool `name:"json" help:"Print the library as JSON."`
}

// Run brings a library back.
func (c libraryUndeleteCommand) Run(e *environment) error {
	return e.changeLibrary(c.target, c.JSON, func(cl *client.Client) (*akinv1.Library, error) {
		return cl.Libraries.UndeleteLibrary(e.ctx, &akinv1.UndeleteLibraryRequest{Name: c.Name})
	})
}

// entryFlags name papers, and the library that they go to.
type entryFlags struct {
	ID []string `arg:"" help:"Ids of papers, arXiv ids or DOIs."`
	target
	Library      string `help:"Name of the library; it is made if it is not there." short:"l" default:"reading" placeholder:"NAME"`
	AllowMissing bool   `help:"Accept ids of papers that are not in the collection."`
	JSON         bool   `name:"json" help:"Print the response as JSON."`
}

// entriesAtOnce is how many entries a call takes.
const entriesAtOnce = 1000

// set writes one entry for each paper.
func (f *entryFlags) set(e *environment, make func() *akinv1.Entry, done string) error {
	cl, err := e.connect(f.target, false)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(f.ID, entriesAtOnce) {
		req := &akinv1.SetEntriesRequest{Library: f.Library, CreateLibrary: true, AllowMissing: f.AllowMissing}
		for _, id := range some {
			x := make()
			x.PaperId = id
			req.Entries = append(req.Entries, x)
		}
		resp, err := cl.Libraries.SetEntries(e.ctx, req)
		if err != nil {
			return err
		}
		if err := e.show(f.JSON, resp, func() {
			for _, x := range resp.GetEntries() {
				fmt.Fprintln(e.out, done, oneLine(x.GetPaperId()))
			}
		}); err != nil {
			return err
		}
	}
	return nil
}

type libraryAddCommand struct {
	entryFlags
	Note   string   `help:"What to remember of them." placeholder:"TEXT"`
	Tag    []string `help:"Tags that replace those there; repeat the flag for several." placeholder:"TAG" sep:"none"`
	Read   bool     `help:"Say that they were read."`
	Weight float64  `help:"How much they count in recommendations (0: as much as others)." placeholder:"X"`
}

// Help shows examples.
func (libraryAddCommand) Help() string {
	return "What no flag says stays as it is.\n\nExample:\n  akin library add arXiv:1706.03762 --tag attention --note \"section 3\" --read"
}

// Run puts papers into a library.
func (c libraryAddCommand) Run(e *environment) error {
	return c.set(e, func() *akinv1.Entry {
		return &akinv1.Entry{Note: c.Note, Tags: c.Tag, Read: c.Read, Weight: c.Weight}
	}, "added")
}

type libraryLikeCommand struct{ entryFlags }

// Help shows an example.
func (libraryLikeCommand) Help() string {
	return "Example:\n  akin library like arXiv:1706.03762 10.1109/5.771073"
}

// Run likes papers.
func (c libraryLikeCommand) Run(e *environment) error {
	return c.set(e, func() *akinv1.Entry { return &akinv1.Entry{Mark: akinv1.Mark_MARK_LIKED} }, "liked")
}

type libraryDislikeCommand struct{ entryFlags }

// Run dislikes papers.
func (c libraryDislikeCommand) Run(e *environment) error {
	return c.set(e, func() *akinv1.Entry { return &akinv1.Entry{Mark: akinv1.Mark_MARK_DISLIKED} }, "disliked")
}

type libraryRemoveCommand struct {
	ID []string `arg:"" help:"Ids of papers, arXiv ids or DOIs."`
	target
	Library string `help:"Name of the library." short:"l" default:"reading" placeholder:"NAME"`
	JSON    bool   `name:"json" help:"Print the response as JSON, with what the entries were."`
}

// Help says how it ends.
func (libraryRemoveCommand) Help() string {
	return "Example:\n  akin library remove arXiv:1706.03762\n\nThe exit code is 4 if one of them was not in the library."
}

// Run takes papers out of a library.
func (c libraryRemoveCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	var missing []string
	for some := range slices.Chunk(c.ID, entriesAtOnce) {
		resp, err := cl.Libraries.RemoveEntries(e.ctx, &akinv1.RemoveEntriesRequest{Library: c.Library, PaperIds: some})
		if err != nil {
			return err
		}
		missing = append(missing, resp.GetMissingIds()...)
		if err := e.show(c.JSON, resp, func() {
			for _, x := range resp.GetEntries() {
				fmt.Fprintln(e.out, "removed", oneLine(x.GetPaperId()))
			}
		}); err != nil {
			return err
		}
	}
	if len(missing) > 0 {
		return status.Errorf(codes.NotFound, "not in the library: %s", oneLine(strings.Join(missing, ", ")))
	}
	return nil
}

type libraryImportCommand struct {
	File []string `arg:"" help:"Files of references; - is standard input."`
	target
	Library string   `help:"Name of the library; it is made if it is not there." short:"l" default:"reading" placeholder:"NAME"`
	Format  string   `help:"bibtex, ris, csl-json or ids (default: what they look like)." enum:",bibtex,ris,csl-json,ids" default:"" placeholder:"NAME"`
	Mark    string   `help:"Mark of papers that have none yet: liked, disliked or unmarked." enum:"liked,disliked,unmarked" default:"liked"`
	Tag     []string `help:"Tags to add; repeat the flag for several." placeholder:"TAG" sep:"none"`
	DryRun  bool     `help:"Only say what would be imported."`
	JSON    bool     `name:"json" help:"Print the response of each file as JSON."`
}

// Help says how papers are found.
func (libraryImportCommand) Help() string {
	return `Finds the papers of references in the collection, by DOI, arXiv id, or else by title,
and lists those that it has not got: akin import adds papers to the collection. A
file may have 4 MiB and 20,000 references.

Examples:
  akin library import references.bib
  akin library import --library thesis --tag zotero My\ Library.json --dry-run
  cut -f1 ids.tsv | akin library import -`
}

// Run imports references.
func (c libraryImportCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	mark := akinv1.Mark_MARK_UNSPECIFIED
	if list := marks(c.Mark); len(list) > 0 {
		mark = list[0]
	}
	for _, path := range c.File {
		content, err := e.readFile(path)
		if err != nil {
			return err
		}
		resp, err := cl.Libraries.ImportLibrary(e.ctx, &akinv1.ImportLibraryRequest{
			Library: c.Library, Content: content, Format: referenceFormat(c.Format), Mark: &mark, Tags: c.Tag, DryRun: c.DryRun, CreateLibrary: true,
		})
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := e.show(c.JSON, resp, func() { e.imported(resp, c.DryRun) }); err != nil {
			return err
		}
	}
	return nil
}

// mostReferences is more than the server takes, in bytes: it says what it does.
const mostReferences = 8 << 20

// readFile reads a file of references; "-" is standard input.
func (e *environment) readFile(path string) ([]byte, error) {
	in := e.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("read references: %w", err)
		}
		defer f.Close()
		in = f
	}
	content, err := io.ReadAll(io.LimitReader(in, mostReferences))
	if err != nil {
		return nil, fmt.Errorf("read references: %w", err)
	}
	return content, nil
}

func referenceFormat(name string) akinv1.ReferenceFormat {
	return map[string]akinv1.ReferenceFormat{
		"bibtex": akinv1.ReferenceFormat_REFERENCE_FORMAT_BIBTEX, "ris": akinv1.ReferenceFormat_REFERENCE_FORMAT_RIS,
		"csl-json": akinv1.ReferenceFormat_REFERENCE_FORMAT_CSL_JSON, "ids": akinv1.ReferenceFormat_REFERENCE_FORMAT_IDS,
	}[name]
}

// imported says what became of an import: what was not found first, for that is what
// there is to do.
func (e *environment) imported(resp *akinv1.ImportLibraryResponse, dry bool) {
	for _, u := range resp.GetUnmatched() {
		e.wrapped(fmt.Sprintf("line %d: ", u.GetLine()), u.GetTitle()+": "+u.GetExplanation())
	}
	verb := "added"
	if dry {
		verb = "would be added"
	}
	fmt.Fprintf(e.out, "%s read as %s: %d found, %d %s, %d not found\n",
		plural(int(resp.GetMatchedCount()+resp.GetUnmatchedCount()), "reference"), oneLine(resp.GetFormat()), resp.GetMatchedCount(), resp.GetAddedCount(), verb, resp.GetUnmatchedCount())
}

type libraryExportCommand struct {
	Name string `arg:"" optional:"" help:"Name of the library." default:"reading"`
	target
	Format        string `help:"bibtex, ris, csl-json or ids." enum:"bibtex,ris,csl-json,ids" default:"bibtex"`
	Out           string `help:"File to write (default: standard output)." short:"o" type:"path" placeholder:"FILE"`
	Mark          string `help:"Only liked, disliked or unmarked papers." enum:",liked,disliked,unmarked" default:"" placeholder:"MARK"`
	Tag           string `help:"Only papers with this tag." placeholder:"TAG"`
	OmitAbstracts bool   `help:"Leave abstracts out."`
}

// Help shows an example.
func (libraryExportCommand) Help() string {
	return "Example:\n  akin library export thesis --mark liked --out thesis.bib"
}

// Run writes a library as references.
func (c libraryExportCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	resp, err := cl.Libraries.ExportLibrary(e.ctx, &akinv1.ExportLibraryRequest{
		Library: c.Name, Format: referenceFormat(c.Format), Marks: marks(c.Mark), Tag: c.Tag, OmitAbstracts: c.OmitAbstracts,
	})
	if err != nil {
		return err
	}
	if n := int(resp.GetMissingCount()); n > 0 && c.Format != "ids" {
		fmt.Fprintf(e.errOut, "%s of the library not in the collection, and not in the file, such as %s\n", plural(n, "paper"), oneLine(resp.GetMissingIds()[0]))
	}
	if c.Out == "" {
		out := e.data
		if e.outIsTerminal {
			out = e.out
		}
		_, err = io.Copy(out, bytes.NewReader(resp.GetContent()))
		return err
	}
	return pending.WriteFile(c.Out, resp.GetContent(), 0o644)
}

type libraryMergeCommand struct {
	Name   string   `arg:"" help:"Library that gets the papers."`
	Source []string `arg:"" help:"Libraries to add to it."`
	target
	DeleteSources bool `help:"Delete those after that; for 30 days they can come back."`
	JSON          bool `name:"json" help:"Print the library as JSON."`
}

// Help says what becomes of a paper that several have.
func (libraryMergeCommand) Help() string {
	return "Of a paper that several have, the mark that was set last counts, and all notes and tags\nare kept.\n\nExample:\n  akin library merge reading thesis imported --delete-sources"
}

// Run merges libraries.
func (c libraryMergeCommand) Run(e *environment) error {
	return e.changeLibrary(c.target, c.JSON, func(cl *client.Client) (*akinv1.Library, error) {
		return cl.Libraries.MergeLibraries(e.ctx, &akinv1.MergeLibrariesRequest{Library: c.Name, Sources: c.Source, DeleteSources: c.DeleteSources})
	})
}

type libraryMissedCommand struct {
	Name         string  `arg:"" optional:"" help:"Name of the library." default:"reading"`
	Days         int32   `help:"Only papers dated within so many days before today." placeholder:"N"`
	HalfLifeDays float64 `help:"Halve the weight of a mark for every so many days that it is older than the newest (0: off)." placeholder:"DAYS"`
	Strategy     string  `help:"How likes and dislikes become a ranking: hybrid, svm, top-mean, best-score or mean-vector." enum:"hybrid,svm,top-mean,best-score,mean-vector" default:"hybrid"`
	resultFlags
}

// Help shows examples.
func (libraryMissedCommand) Help() string {
	return `Recommends by the likes and dislikes of a library what the collection has and the
library lacks, in any version, and says which like brought each paper.

Examples:
  akin library missed
  akin library missed thesis --days 365 --evidence`
}

// Run says what a library lacks.
func (c libraryMissedCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	resp, err := cl.Libraries.GetMissed(e.ctx, &akinv1.GetMissedRequest{
		Library: c.Name, NewerThanDays: c.Days, Strategy: strategy(c.Strategy), HalfLifeDays: c.HalfLifeDays,
		PageSize: c.PageSize, PageToken: c.PageToken, MinScore: c.MinScore, Exact: c.Exact, IncludeVectors: c.IncludeVectors, Filter: c.Filter,
		AsOf: c.AsOf, Diversity: c.Diversity, Explain: c.Explain, Evidence: c.Evidence, CollapseVersions: &c.CollapseVersions, Recency: c.Recency,
		RecencyHalfLifeDays: c.RecencyHalfLifeDays, GroupBy: c.groupBy(), GroupSize: c.GroupSize, ReadMask: shown(c.JSON),
	})
	if err != nil {
		return err
	}
	return e.show(c.JSON, resp, func() { e.answer(resp, "score") })
}

type librarySuggestCommand struct {
	Name string `arg:"" optional:"" help:"Name of the library." default:"reading"`
	target
	Count int32 `help:"Papers to choose; at most 100." short:"n" default:"10" placeholder:"N"`
	JSON  bool  `name:"json" help:"Print the response as JSON."`
}

// Help says what the papers are for.
func (librarySuggestCommand) Help() string {
	return `For those who begin: like or dislike some of these, and recommendations have something to
go by. They are of the subjects of the collection that least is known about, given what the
library has; ask again for others.

Examples:
  akin library suggest
  akin library like arXiv:1706.03762 && akin library suggest -n 5`
}

// Run chooses papers to rate.
func (c librarySuggestCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	resp, err := cl.Libraries.SuggestRatings(e.ctx, &akinv1.SuggestRatingsRequest{Library: c.Name, Count: c.Count, ReadMask: shown(c.JSON)})
	if err != nil {
		return err
	}
	return e.show(c.JSON, resp, func() {
		for i, s := range resp.GetSuggestions() {
			p := s.GetPaper()
			e.wrapped(fmt.Sprintf("%2d  ", i+1), p.GetTitle())
			e.wrapped("    ", byline(p))
		}
		if len(resp.GetSuggestions()) == 0 {
			fmt.Fprintln(e.errOut, "There is nothing to rate: `akin import FILE` puts papers in.")
		}
	})
}

type libraryAdoptCommand struct {
	Owner string `arg:"" optional:"" help:"Owner that gets the libraries (default: that of the key)."`
	target
	JSON bool `name:"json" help:"Print the response as JSON."`
}

// Help says whose libraries are meant.
func (libraryAdoptCommand) Help() string {
	return `Libraries that were made without a key are those of whoever runs the server. When keys
come, this gives them to the owner of one. It takes --data, or a key with the scope admin.

Example:
  akin library adopt ann --data papers`
}

// Run gives libraries to another owner.
func (c libraryAdoptCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	resp, err := cl.Libraries.AdoptLibraries(e.ctx, &akinv1.AdoptLibrariesRequest{Owner: c.Owner})
	if err != nil {
		return err
	}
	return e.show(c.JSON, resp, func() {
		for _, a := range resp.GetLibraries() {
			if a.GetPreviousName() != a.GetLibrary().GetName() {
				fmt.Fprintf(e.out, "%s is now ", oneLine(a.GetPreviousName()))
			}
			e.library(a.GetLibrary())
		}
		if len(resp.GetLibraries()) == 0 {
			fmt.Fprintln(e.errOut, "There were none.")
		}
	})
}
