package cli

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"akin/internal/app"
	"akin/internal/client"
	akinv1 "akin/proto/akin/v1"
)

// followFlags say what libraries may follow.
type followFlags struct {
	ZoteroURL     string            `name:"zotero-url" help:"Server that speaks Zotero's Web API." default:"https://api.zotero.org" env:"AKIN_ZOTERO_URL" placeholder:"URL"`
	ZoteroKeyFile map[string]string `name:"zotero-key-file" help:"Files with a key for Zotero each, by the owner whose libraries are followed with it; local is the owner of what is done without a key of akin's." env:"AKIN_ZOTERO_KEY_FILE" placeholder:"OWNER=FILE"`
	LibraryFiles  map[string]string `name:"library-files" help:"Directories, by owner, whose files of references libraries of that owner may follow." env:"AKIN_LIBRARY_FILES" placeholder:"OWNER=DIR"`
}

func (f *followFlags) follow(config *app.Config) {
	config.Following = app.Following{ZoteroURL: f.ZoteroURL, ZoteroKeys: f.ZoteroKeyFile, Files: f.LibraryFiles}
	for _, path := range f.ZoteroKeyFile {
		config.Secrets = append(config.Secrets, path)
	}
}

// followingOf reads what commands with --data may follow, who have no such flags.
func followingOf(env func(string) string) app.Following {
	pairs := func(text string) map[string]string {
		all := map[string]string{}
		for pair := range strings.SplitSeq(text, ";") {
			if owner, path, ok := strings.Cut(pair, "="); ok {
				all[owner] = path
			}
		}
		return all
	}
	return app.Following{
		ZoteroURL: env("AKIN_ZOTERO_URL"), ZoteroKeys: pairs(env("AKIN_ZOTERO_KEY_FILE")), Files: pairs(env("AKIN_LIBRARY_FILES")),
	}
}

type libraryBindCommand struct {
	Name string `arg:"" optional:"" help:"Name of the library; it is made if it is not there." default:"reading"`
	target
	ZoteroUser  *uint64       `help:"Follow the library of a user of Zotero, by number; 0 is the user whose key it is." placeholder:"N" xor:"source" required:""`
	ZoteroGroup *uint64       `help:"Follow the library of a group of Zotero, by number." placeholder:"N" xor:"source" required:""`
	File        string        `help:"Follow a file of references on the server." type:"path" placeholder:"FILE" xor:"source" required:""`
	Format      string        `help:"Form of the file: bibtex, ris, csl-json or ids (default: what it looks like)." enum:",bibtex,ris,csl-json,ids" default:"" placeholder:"NAME"`
	Include     []string      `help:"Collection of Zotero, by key or name, to follow with all below it; repeat the flag for several (default: all)." placeholder:"NAME" sep:"none"`
	Exclude     []string      `help:"Collection of Zotero to leave out, with all below it." placeholder:"NAME" sep:"none"`
	Mark        string        `help:"Mark of papers that have none yet: liked, disliked or unmarked." enum:"liked,disliked,unmarked" default:"liked"`
	Tag         []string      `help:"Tags to add; repeat the flag for several." placeholder:"TAG" sep:"none"`
	Every       time.Duration `help:"How often to look (default: an hour for Zotero, a minute for a file)." placeholder:"TIME"`
	JSON        bool          `name:"json" help:"Print the binding as JSON."`
}

// Help says what following is.
func (libraryBindCommand) Help() string {
	return `What is on the other side comes into the library, as far as the collection has its
papers; what leaves there leaves the library. What you changed in the library (marks,
notes, tags, read) stays, and what you removed does not come back. Nothing is written
to the other side. A library that is bound already may be bound again, to follow the
same thing otherwise.

The server's settings say what may be followed: --zotero-key-file, --library-files. With
--data, AKIN_ZOTERO_KEY_FILE and AKIN_LIBRARY_FILES do.

Examples:
  akin library bind --zotero-user 0
  akin library bind thesis --zotero-group 12345 --include "Chapter 2" --exclude old
  akin library bind papers --file /home/ann/papers.bib --tag bib`
}

// Run binds a library, and says what came of the first round.
func (c libraryBindCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	mark := akinv1.Mark_MARK_UNSPECIFIED
	if list := marks(c.Mark); len(list) > 0 {
		mark = list[0]
	}
	b := &akinv1.Binding{Mark: &mark, Tags: c.Tag}
	if c.Every != 0 {
		b.Interval = durationpb.New(c.Every)
	}
	z := &akinv1.ZoteroLibrary{Include: c.Include, Exclude: c.Exclude}
	switch {
	case c.File != "":
		b.Source = &akinv1.Binding_File{File: &akinv1.ReferenceFile{Path: c.File, Format: referenceFormat(c.Format)}}
	case c.ZoteroGroup != nil:
		z.Account = &akinv1.ZoteroLibrary_GroupId{GroupId: *c.ZoteroGroup}
		b.Source = &akinv1.Binding_Zotero{Zotero: z}
	default:
		if c.ZoteroUser != nil && *c.ZoteroUser != 0 {
			z.Account = &akinv1.ZoteroLibrary_UserId{UserId: *c.ZoteroUser}
		}
		b.Source = &akinv1.Binding_Zotero{Zotero: z}
	}
	if _, err := cl.Bindings.BindLibrary(e.ctx, &akinv1.BindLibraryRequest{Library: c.Name, Binding: b, CreateLibrary: true}); err != nil {
		return err
	}
	return e.sync(cl, c.Name, false, c.JSON)
}

// sync brings a library up to date, and says how it is then.
func (e *environment) sync(cl *client.Client, name string, full, asJSON bool) error {
	b, err := cl.Bindings.SyncLibrary(e.ctx, &akinv1.SyncLibraryRequest{Library: name, Full: full})
	for err == nil && b.GetState() == akinv1.BindingState_BINDING_STATE_RUNNING {
		select {
		case <-time.After(time.Second):
		case <-e.ctx.Done():
			return e.ctx.Err()
		}
		b, err = cl.Bindings.GetBinding(e.ctx, &akinv1.GetBindingRequest{Library: name})
	}
	if err != nil {
		return err
	}
	if err := e.show(asJSON, b, func() { e.binding(b) }); err != nil {
		return err
	}
	if b.GetFailureCount() > 0 {
		return status.Errorf(codes.FailedPrecondition, "%s is not up to date: %s", oneLine(name), oneLine(b.GetFailure()))
	}
	return nil
}

// binding prints a binding.
func (e *environment) binding(b *akinv1.Binding) {
	what := "the library of Zotero whose key it is"
	switch z := b.GetZotero(); {
	case b.GetFile() != nil:
		what = "the file " + oneLine(b.GetFile().GetPath())
	case z.GetGroupId() != 0:
		what = fmt.Sprintf("group %d of Zotero", z.GetGroupId())
	case z.GetUserId() != 0:
		what = fmt.Sprintf("user %d of Zotero", z.GetUserId())
	}
	if in := b.GetZotero().GetInclude(); len(in) > 0 {
		what += ", of it " + oneLine(strings.Join(in, ", "))
	}
	if out := b.GetZotero().GetExclude(); len(out) > 0 {
		what += ", without " + oneLine(strings.Join(out, ", "))
	}
	fmt.Fprintf(e.out, "%s follows %s\n", oneLine(b.GetLibrary()), what)
	e.wrapped("  ", oneLine(b.GetStatus()))
}

type libraryUnbindCommand struct {
	Name string `arg:"" optional:"" help:"Name of the library." default:"reading"`
	target
	RemoveEntries bool `help:"Take back what came from the other side; what you changed stays."`
	JSON          bool `name:"json" help:"Print what the binding was as JSON."`
}

// Run ends a binding.
func (c libraryUnbindCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	b, err := cl.Bindings.UnbindLibrary(e.ctx, &akinv1.UnbindLibraryRequest{Library: c.Name, RemoveEntries: c.RemoveEntries})
	if err != nil {
		return err
	}
	return e.show(c.JSON, b, func() { fmt.Fprintf(e.out, "%s follows nothing any more\n", oneLine(b.GetLibrary())) })
}

type libraryBindingCommand struct {
	Name string `arg:"" optional:"" help:"Name of the library (default: all that follow something)."`
	target
	Unmatched bool `help:"List what the collection has no paper of, and why."`
	JSON      bool `name:"json" help:"Print the response as JSON."`
}

// Help shows examples.
func (libraryBindingCommand) Help() string {
	return "Examples:\n  akin library binding\n  akin library binding thesis --unmatched"
}

// Run says what libraries follow.
func (c libraryBindingCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	switch {
	case c.Unmatched && c.Name == "":
		c.Name = usualLibrary
		return c.unmatched(e, cl)
	case c.Unmatched:
		return c.unmatched(e, cl)
	case c.Name == "":
		all, err := cl.Bindings.ListBindings(e.ctx, &akinv1.ListBindingsRequest{})
		if err != nil {
			return err
		}
		return e.show(c.JSON, all, func() {
			for _, b := range all.GetBindings() {
				e.binding(b)
			}
			if len(all.GetBindings()) == 0 {
				fmt.Fprintln(e.errOut, "No library follows anything: `akin library bind` begins that.")
			}
		})
	}
	b, err := cl.Bindings.GetBinding(e.ctx, &akinv1.GetBindingRequest{Library: c.Name})
	if err != nil {
		return err
	}
	return e.show(c.JSON, b, func() { e.binding(b) })
}

// unmatched lists what was not found.
func (c *libraryBindingCommand) unmatched(e *environment, cl *client.Client) error {
	req := &akinv1.ListUnmatchedItemsRequest{Library: c.Name, PageSize: 1000}
	for {
		page, err := cl.Bindings.ListUnmatchedItems(e.ctx, req)
		if err != nil {
			return err
		}
		if err := e.show(c.JSON, page, func() {
			for _, i := range page.GetItems() {
				title := i.GetTitle()
				if title == "" {
					title = "(no title)"
				}
				e.wrapped(oneLine(i.GetKey())+"  ", title)
				for _, more := range []string{i.GetDoi(), i.GetArxivId(), i.GetExplanation()} {
					if more != "" {
						e.wrapped("   ", oneLine(more))
					}
				}
			}
		}); err != nil {
			return err
		}
		if req.PageToken = page.GetNextPageToken(); req.GetPageToken() == "" {
			return nil
		}
	}
}

type librarySyncCommand struct {
	Name string `arg:"" optional:"" help:"Name of the library." default:"reading"`
	target
	Full bool `help:"Read everything, and not only what changed."`
	JSON bool `name:"json" help:"Print the binding as JSON."`
}

// Run brings a library up to date.
func (c librarySyncCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	return e.sync(cl, c.Name, c.Full, c.JSON)
}
