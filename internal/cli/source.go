package cli

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	akinv1 "akin/proto/akin/v1"
)

type sourceCommand struct {
	List   sourceListCommand   `cmd:"" help:"List sources, with what comes next of each."`
	Show   sourceShowCommand   `cmd:"" help:"Show a source, its last runs and what was refused."`
	Status sourceStatusCommand `cmd:"" help:"Say of each source when it last ran, what it found, what failed and what comes next."`
	Run    sourceRunCommand    `cmd:"" help:"Run a source now."`
	Add    sourceAddCommand    `cmd:"" help:"Make a source."`
	Remove sourceRemoveCommand `cmd:"" help:"Forget a source; its papers stay."`
	Pause  sourcePauseCommand  `cmd:"" help:"Have a source do nothing until it is resumed."`
	Resume sourceResumeCommand `cmd:"" help:"Have a paused source go on."`
}

// Help says what a source is.
func (sourceCommand) Help() string {
	return `A source is a repository (OAI-PMH), a feed, a page of each day or a folder that a server
fetches papers from, on a schedule. Most are in the server's configuration, under
"sources"; those made here may only name hosts that it lists in source-hosts.

Examples:
  akin source status
  akin source run arxiv-today
  akin source show arxiv-ledger
  akin source add biorxiv --kind feed --url https://connect.biorxiv.org/biorxiv_xml.php?subject=neuroscience`
}

type sourceListCommand struct {
	target
	JSON bool `name:"json" help:"Print the sources as JSON."`
}

// Run lists sources.
func (c sourceListCommand) Run(e *environment) error {
	all, err := e.sources(c.target)
	if err != nil {
		return err
	}
	return e.show(c.JSON, all, func() {
		for _, s := range all.GetSources() {
			fmt.Fprintf(e.out, "%s  %s  %s\n", oneLine(s.GetName()), kindName(s.GetKind()), oneLine(s.GetUrl()+s.GetPath()))
			e.wrapped("    ", oneLine(s.GetState().GetNext()))
		}
		e.noSources(all)
	})
}

func (e *environment) sources(t target) (*akinv1.ListSourcesResponse, error) {
	cl, err := e.connect(t, false)
	if err != nil {
		return nil, err
	}
	return cl.Sources.ListSources(e.ctx, new(akinv1.ListSourcesRequest))
}

func (e *environment) noSources(all *akinv1.ListSourcesResponse) {
	if len(all.GetSources()) == 0 {
		fmt.Fprintln(e.errOut, "No sources: name some in the server's configuration (akin config example), or make one with akin source add.")
	}
}

// kindName is a kind as the configuration has it.
func kindName(k akinv1.SourceKind) string {
	return enumWord(k, "SOURCE_KIND_")
}

type sourceStatusCommand struct {
	Name string `arg:"" optional:"" help:"Name of the source (default: all)."`
	target
	JSON bool `name:"json" help:"Print the sources as JSON."`
}

// Run says how sources are.
func (c sourceStatusCommand) Run(e *environment) error {
	all := new(akinv1.ListSourcesResponse)
	if c.Name == "" {
		var err error
		if all, err = e.sources(c.target); err != nil {
			return err
		}
	} else {
		cl, err := e.connect(c.target, false)
		if err != nil {
			return err
		}
		s, err := cl.Sources.GetSource(e.ctx, &akinv1.GetSourceRequest{Name: c.Name})
		if err != nil {
			return err
		}
		all.Sources = append(all.Sources, s)
	}
	return e.show(c.JSON, all, func() {
		for _, s := range all.GetSources() {
			e.sourceStatus(s)
		}
		e.noSources(all)
	})
}

// sourceStatus prints how a source is.
func (e *environment) sourceStatus(s *akinv1.Source) {
	st := s.GetState()
	fmt.Fprintf(e.out, "%s  %s into %s\n", oneLine(s.GetName()), kindName(s.GetKind()), oneLine(s.GetCollection()))
	e.wrapped("    last: ", oneLine(st.GetLast()))
	e.wrapped("    next: ", oneLine(st.GetNext()))
	if st.GetProblem() != "" {
		e.wrapped("    problem: ", oneLine(st.GetProblem()))
	}
	total := fmt.Sprintf("%d new, %d changed, %d known, %d taken back, %d refused",
		st.GetTotal().GetNew(), st.GetTotal().GetChanged(), st.GetTotal().GetKnown(), st.GetTotal().GetRemoved(), st.GetTotal().GetRefused())
	if st.GetDeliveryTime() != nil {
		total += "; the last new paper came on " + st.GetDeliveryTime().AsTime().Format("2006-01-02 15:04 UTC")
	}
	if st.GetThrough() != "" {
		total += "; all days are fetched through " + oneLine(st.GetThrough())
	}
	e.wrapped("    ever: ", total)
}

type sourceShowCommand struct {
	Name string `arg:"" help:"Name of the source."`
	target
	Runs int32 `help:"How many runs, and records that were refused, to show." default:"10" placeholder:"N"`
	JSON bool  `name:"json" help:"Print source, runs and refusals as JSON, an object each."`
}

// Run shows a source.
func (c sourceShowCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	s, err := cl.Sources.GetSource(e.ctx, &akinv1.GetSourceRequest{Name: c.Name})
	if err != nil {
		return err
	}
	runs, err := cl.Sources.ListSourceRuns(e.ctx, &akinv1.ListSourceRunsRequest{Name: c.Name, PageSize: c.Runs})
	if err != nil {
		return err
	}
	refused, err := cl.Sources.ListSourceRefusals(e.ctx, &akinv1.ListSourceRefusalsRequest{Name: c.Name, PageSize: c.Runs})
	if err != nil {
		return err
	}
	if err := e.show(c.JSON, s, func() { e.sourceStatus(s); e.sourceSettings(s) }); err != nil {
		return err
	}
	if err := e.show(c.JSON, runs, func() {
		for _, r := range runs.GetRuns() {
			e.sourceRun(r)
		}
	}); err != nil {
		return err
	}
	return e.show(c.JSON, refused, func() {
		for _, r := range refused.GetRefusals() {
			place := r.GetPlace()
			if r.GetLine() > 0 {
				place = fmt.Sprintf("%s:%d", place, r.GetLine())
			}
			e.wrapped("  refused ", fmt.Sprintf("%s  %s: %s", r.GetTime().AsTime().Format(time.DateTime), oneLine(place), oneLine(r.GetReason())))
		}
	})
}

// sourceSettings prints what a source was told.
func (e *environment) sourceSettings(s *akinv1.Source) {
	text := fmt.Sprintf("%s%s, every %v", oneLine(s.GetUrl()), oneLine(s.GetPath()), s.GetEvery().AsDuration())
	if len(s.GetSets()) > 0 {
		text += ", sets " + oneLine(strings.Join(s.GetSets(), ", "))
	}
	if s.GetFromConfiguration() {
		text += "; of the configuration"
	}
	e.wrapped("    ", text)
}

// sourceRun prints a run.
func (e *environment) sourceRun(r *akinv1.SourceRun) {
	began := r.GetStartTime().AsTime().Format(time.DateTime)
	e.wrapped("  ", fmt.Sprintf("run %d of %s  %s: %s", r.GetId(), began, oneLine(r.GetOutcome()), oneLine(r.GetMessage())))
	for _, note := range r.GetNotes() {
		e.wrapped("      ", oneLine(note))
	}
}

type sourceRunCommand struct {
	Name string `arg:"" help:"Name of the source."`
	target
	JSON bool `name:"json" help:"Print the run as JSON."`
}

// Run runs a source.
func (c sourceRunCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	o, err := cl.Sources.RunSource(e.ctx, &akinv1.RunSourceRequest{Name: c.Name})
	if err != nil {
		return err
	}
	p, done := e.newProgress("fetching"), new(akinv1.SourceRun)
	err = cl.Follow(e.ctx, o, done, func(at *akinv1.OperationProgress) { p.follow(at.GetStep(), at.GetDone(), at.GetTotal()) })
	p.finish()
	if err != nil {
		return err
	}
	if err := e.show(c.JSON, done, func() { e.sourceRun(done) }); err != nil {
		return err
	}
	if done.GetCounts().GetRefused() > 0 {
		return errPartial
	}
	return nil
}

type sourceAddCommand struct {
	Name string `arg:"" help:"Name: a-z, 0-9, - and _."`
	target
	Kind       string        `help:"oai, feed or listing." enum:"oai,feed,listing" required:"" placeholder:"KIND"`
	URL        string        `name:"url" help:"Address; of a listing with {date}, and maybe {page}." required:"" placeholder:"URL"`
	Collection string        `help:"Collection to fill (default: papers)." placeholder:"NAME"`
	Every      time.Duration `help:"Time from one run to the next (default: 6h of oai, 1h of feed, 3h of listing)." placeholder:"TIME"`
	Sets       []string      `help:"Sets of a repository (default: all)." placeholder:"NAME"`
	Prefix     string        `help:"Metadata format of a repository: arXiv, arXivRaw or oai_dc (default: arXiv)." placeholder:"NAME"`
	From       string        `help:"First day to fetch (default: a week before the first run)." placeholder:"YYYY-MM-DD"`
	Format     string        `help:"Format of a listing (default: it is guessed)." placeholder:"NAME"`
	JSON       bool          `name:"json" help:"Print the source as JSON."`
}

// Run makes a source.
func (c sourceAddCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	in := &akinv1.Source{
		Name: c.Name, Kind: akinv1.SourceKind(akinv1.SourceKind_value["SOURCE_KIND_"+strings.ToUpper(c.Kind)]), Url: c.URL,
		Collection: c.Collection, Sets: c.Sets, Prefix: c.Prefix, From: c.From, Format: c.Format,
	}
	if c.Every != 0 {
		in.Every = durationpb.New(c.Every)
	}
	s, err := cl.Sources.CreateSource(e.ctx, &akinv1.CreateSourceRequest{Source: in})
	if err != nil {
		return err
	}
	return e.show(c.JSON, s, func() { e.sourceStatus(s) })
}

type sourceRemoveCommand struct {
	Name string `arg:"" help:"Name of the source."`
	target
}

// Run forgets a source.
func (c sourceRemoveCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	if _, err := cl.Sources.DeleteSource(e.ctx, &akinv1.DeleteSourceRequest{Name: c.Name}); err != nil {
		return err
	}
	fmt.Fprintf(e.out, "%s is forgotten; the papers that it brought stay\n", oneLine(c.Name))
	return nil
}

type sourcePauseCommand struct {
	Name string `arg:"" help:"Name of the source."`
	target
	JSON bool `name:"json" help:"Print the source as JSON."`
}

// Run pauses a source.
func (c sourcePauseCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	s, err := cl.Sources.PauseSource(e.ctx, &akinv1.PauseSourceRequest{Name: c.Name})
	if err != nil {
		return err
	}
	return e.show(c.JSON, s, func() { e.sourceStatus(s) })
}

type sourceResumeCommand struct {
	Name string `arg:"" help:"Name of the source."`
	target
	JSON bool `name:"json" help:"Print the source as JSON."`
}

// Run has a source go on.
func (c sourceResumeCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	s, err := cl.Sources.ResumeSource(e.ctx, &akinv1.ResumeSourceRequest{Name: c.Name})
	if err != nil {
		return err
	}
	return e.show(c.JSON, s, func() { e.sourceStatus(s) })
}
