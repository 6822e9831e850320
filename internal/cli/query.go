package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	akinv1 "akin/proto/akin/v1"
)

// resultFlags are what the three queries share.
type resultFlags struct {
	target
	PageSize         int32    `help:"Results to show (0: 10, at most 1000)." short:"n" placeholder:"N"`
	PageToken        string   `help:"Show the next page: nextPageToken of the page before, from the same running server." placeholder:"TOKEN"`
	Filter           string   `help:"Only papers that an AIP-160 filter keeps, such as 'category = \"cs.CL\" AND year >= 2024'." placeholder:"TEXT"`
	AsOf             string   `help:"Only papers that had appeared by this day." placeholder:"YYYY-MM-DD"`
	Diversity        float64  `help:"Make the first results differ from each other: 0 (off) to 1." placeholder:"X"`
	Explain          bool     `help:"Show the words of the query that each result has."`
	MinScore         *float64 `help:"Leave out results below this cosine." placeholder:"X"`
	Exact            bool     `help:"Compare with every paper instead of walking the graph."`
	IncludeVectors   bool     `help:"Return vectors too (with --json)."`
	CollapseVersions bool     `help:"Show versions of one work, and papers with nearly the same text, as one result (default)." default:"true" negatable:""`
	shapeFlags
	sentenceFlags
	JSON bool `name:"json" help:"Print the response as JSON."`
}

// modeFlags say what a query goes by.
type modeFlags struct {
	Mode   string `help:"What to go by: hybrid (meaning and words), semantic or lexical." enum:"hybrid,semantic,lexical" default:"hybrid"`
	Fusion string `help:"How hybrid weighs the two: relative (usual for search), z-score (for similar) or rrf." enum:",relative,z-score,rrf" default:""`
}

func (f modeFlags) mode() akinv1.Mode {
	switch f.Mode {
	case "semantic":
		return akinv1.Mode_MODE_SEMANTIC
	case "lexical":
		return akinv1.Mode_MODE_LEXICAL
	default:
		return akinv1.Mode_MODE_HYBRID
	}
}

func (f modeFlags) fusion() akinv1.Fusion {
	switch f.Fusion {
	case "rrf":
		return akinv1.Fusion_FUSION_RRF
	case "z-score":
		return akinv1.Fusion_FUSION_Z_SCORE
	case "relative":
		return akinv1.Fusion_FUSION_RELATIVE
	default:
		return akinv1.Fusion_FUSION_UNSPECIFIED
	}
}

// scoreName says what results are ordered by.
func (f modeFlags) scoreName(recency float64) string {
	switch {
	case recency > 0:
		return "score"
	case f.Mode == "semantic":
		return "cosine"
	case f.Mode == "lexical":
		return "BM25"
	default:
		return "score"
	}
}

type searchCommand struct {
	Text   []string `arg:"" help:"What to look for; - reads it from standard input."`
	Syntax string   `help:"Whether \"phrase\", -excluded and prefix* are operators: auto (in short queries, unless they leave nothing), on or off." enum:"auto,on,off" default:"auto"`
	// Verbatim undoes what is understood.
	Verbatim bool `help:"Take the words as they are typed: none is a name of an author or a venue, and none is corrected."`
	resultFlags
	modeFlags
	rerankFlag
}

// Help shows examples.
func (searchCommand) Help() string {
	return `Examples:
  akin search dense retrieval without labelled data
  akin search --data papers --json -n 3 "graph neural networks"`
}

// Run searches.
func (c searchCommand) Run(e *environment) error {
	query := strings.ReplaceAll(strings.Join(c.Text, " "), excluded, "")
	if query == "-" {
		b, err := io.ReadAll(e.in)
		if err != nil {
			return fmt.Errorf("read the query: %w", err)
		}
		query = string(b)
	}
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	resp, err := cl.Search.Search(e.ctx, &akinv1.SearchRequest{
		Query: query, Syntax: syntax(c.Syntax), Verbatim: c.Verbatim, Mode: c.mode(), Fusion: c.fusion(), Rerank: c.Rerank,
		PageSize: c.PageSize, PageToken: c.PageToken, MinScore: c.MinScore, Exact: c.Exact, IncludeVectors: c.IncludeVectors, Filter: c.Filter,
		AsOf: c.AsOf, Diversity: c.Diversity, Explain: c.Explain, Evidence: c.Evidence, CollapseVersions: &c.CollapseVersions,
		Recency: c.Recency, RecencyHalfLifeDays: c.RecencyHalfLifeDays, GroupBy: c.groupBy(), GroupSize: c.GroupSize, ReadMask: shown(c.JSON),
	})
	if err != nil {
		return err
	}
	return e.show(c.JSON, resp, func() {
		if resp.GetQuery().GetTruncated() {
			fmt.Fprintf(e.errOut, "The query was long: only its first %d tokens were used.\n", resp.GetQuery().GetTokens())
		}
		if detail := resp.GetInterpretation().GetDetail(); detail != "" {
			fmt.Fprintln(e.errOut, strings.NewReplacer("syntax ON", "--syntax on", "With verbatim", "With --verbatim").Replace(detail))
		}
		e.answer(resp, c.scoreName(c.Recency))
	})
}

func syntax(name string) akinv1.Syntax {
	switch name {
	case "on":
		return akinv1.Syntax_SYNTAX_ON
	case "off":
		return akinv1.Syntax_SYNTAX_OFF
	default:
		return akinv1.Syntax_SYNTAX_AUTO
	}
}

type similarCommand struct {
	ID []string `arg:"" optional:"" help:"Ids of papers in the collection."`
	textFlags
	IncludeSelf bool `help:"Allow the query papers among the results."`
	resultFlags
	modeFlags
	rerankFlag
}

// Help shows examples.
func (similarCommand) Help() string {
	return `Examples:
  akin similar arXiv:1706.03762
  akin similar --title "A title" --abstract @abstract.txt`
}

// Run finds more like this.
func (c similarCommand) Run(e *environment) error {
	text, err := c.text()
	if err != nil {
		return err
	}
	req := &akinv1.SimilarRequest{
		Text:     text,
		PaperIds: c.ID, IncludeSelf: c.IncludeSelf, Mode: c.mode(), Fusion: c.fusion(), Rerank: c.Rerank,
		PageSize: c.PageSize, PageToken: c.PageToken, MinScore: c.MinScore, Exact: c.Exact, IncludeVectors: c.IncludeVectors, Filter: c.Filter,
		AsOf: c.AsOf, Diversity: c.Diversity, Explain: c.Explain, Evidence: c.Evidence, CollapseVersions: &c.CollapseVersions,
		Recency: c.Recency, RecencyHalfLifeDays: c.RecencyHalfLifeDays, GroupBy: c.groupBy(), GroupSize: c.GroupSize, ReadMask: shown(c.JSON),
	}
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	resp, err := cl.Search.Similar(e.ctx, req)
	if err != nil {
		return err
	}
	return e.show(c.JSON, resp, func() {
		if resp.GetQuery().GetTruncated() {
			fmt.Fprintf(e.errOut, "The text was long: only its first %d tokens were used.\n", resp.GetQuery().GetTokens())
		}
		e.answer(resp, c.scoreName(c.Recency))
	})
}

// textFlags are a paper that need not be in the collection.
type textFlags struct {
	Title    string `help:"Title of a paper that need not be in the collection."`
	Abstract string `help:"Its abstract; @FILE reads a file."`
}

// text gives the paper; nil without flags.
func (f textFlags) text() (*akinv1.Text, error) {
	abstract := f.Abstract
	if f.Title == "" && abstract == "" {
		return nil, nil //nolint:nilnil // no text is not an error
	}
	if path, ok := strings.CutPrefix(abstract, "@"); ok {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the abstract: %w", err)
		}
		abstract = string(b)
	}
	return &akinv1.Text{Title: f.Title, Abstract: abstract}, nil
}

type recommendCommand struct {
	Like         []string `help:"Ids of papers that are liked; repeat the flag for several." placeholder:"ID" sep:"none"`
	Unlike       []string `help:"Ids of papers that are disliked." placeholder:"ID" sep:"none"`
	LikeText     []string `help:"Texts that are liked." placeholder:"TEXT" sep:"none"`
	UnlikeText   []string `help:"Texts that are disliked." placeholder:"TEXT" sep:"none"`
	LikeFile     []string `help:"Files of papers that are liked: id, weight and day, separated by tabs, or JSON Lines." type:"existingfile" placeholder:"FILE" sep:"none"`
	UnlikeFile   []string `help:"Files of papers that are disliked." type:"existingfile" placeholder:"FILE" sep:"none"`
	HalfLifeDays float64  `help:"Halve the weight of an example for every so many days that it is older than the newest (0: off)." placeholder:"DAYS"`
	Strategy     string   `help:"How examples become a ranking: hybrid, svm, top-mean, best-score or mean-vector." enum:"hybrid,svm,top-mean,best-score,mean-vector" default:"hybrid"`
	resultFlags
}

// Help shows examples.
func (recommendCommand) Help() string {
	return `Examples:
  akin recommend --like arXiv:1706.03762 --like arXiv:1810.04805 --unlike arXiv:1512.03385
  akin recommend --like-text "contrastive learning of sentence embeddings"
  akin recommend --like-file library.tsv --half-life-days 365

A file has a line for each paper: its id, a weight and the day when it was liked
(2024-05-01), separated by tabs, or {"id": …, "weight": …, "time": …}, or
{"title": …, "abstract": …} for one that is not in the collection. Weight and
day may be left out. At most 5000 papers may be liked, and as many disliked.`
}

// Run recommends.
func (c recommendCommand) Run(e *environment) error {
	positive, err := examples(c.Like, c.LikeText, c.LikeFile)
	if err != nil {
		return err
	}
	negative, err := examples(c.Unlike, c.UnlikeText, c.UnlikeFile)
	if err != nil {
		return err
	}
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	resp, err := cl.Search.Recommend(e.ctx, &akinv1.RecommendRequest{
		Positive: positive, Negative: negative, Strategy: strategy(c.Strategy), HalfLifeDays: c.HalfLifeDays,
		PageSize: c.PageSize, PageToken: c.PageToken, MinScore: c.MinScore, Exact: c.Exact, IncludeVectors: c.IncludeVectors, Filter: c.Filter,
		AsOf: c.AsOf, Diversity: c.Diversity, Explain: c.Explain, Evidence: c.Evidence, CollapseVersions: &c.CollapseVersions,
		Recency: c.Recency, RecencyHalfLifeDays: c.RecencyHalfLifeDays, GroupBy: c.groupBy(), GroupSize: c.GroupSize, ReadMask: shown(c.JSON),
	})
	if err != nil {
		return err
	}
	return e.show(c.JSON, resp, func() {
		e.answer(resp, "score")
	})
}

func strategy(name string) akinv1.RecommendStrategy {
	switch name {
	case "mean-vector":
		return akinv1.RecommendStrategy_RECOMMEND_STRATEGY_MEAN_VECTOR
	case "best-score":
		return akinv1.RecommendStrategy_RECOMMEND_STRATEGY_BEST_SCORE
	case "svm":
		return akinv1.RecommendStrategy_RECOMMEND_STRATEGY_SVM
	case "top-mean":
		return akinv1.RecommendStrategy_RECOMMEND_STRATEGY_TOP_MEAN
	default:
		return akinv1.RecommendStrategy_RECOMMEND_STRATEGY_HYBRID
	}
}

func examples(ids, texts, files []string) (out []*akinv1.Example, err error) {
	for _, id := range ids {
		out = append(out, &akinv1.Example{Example: &akinv1.Example_PaperId{PaperId: id}})
	}
	for _, text := range texts {
		out = append(out, &akinv1.Example{Example: &akinv1.Example_Text{Text: &akinv1.Text{Abstract: text}}})
	}
	for _, path := range files {
		more, err := readExamples(path)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// show prints a response as JSON, or as human prints it.
func (e *environment) show(asJSON bool, resp proto.Message, human func()) error {
	if !asJSON {
		human()
		return nil
	}
	b, err := protojson.MarshalOptions{EmitUnpopulated: true, Multiline: e.outIsTerminal}.Marshal(resp)
	if err != nil {
		return fmt.Errorf("print response: %w", err)
	}
	_, err = fmt.Fprintln(e.data, string(b))
	return err
}

// results prints a page of results.
func (e *environment) results(results []*akinv1.Result, score, next string, empty akinv1.EmptyReason) {
	for _, r := range results {
		p := r.GetPaper()
		e.wrapped(fmt.Sprintf("%3d  ", r.GetRank()), p.GetTitle())
		e.wrapped(resultIndent, fmt.Sprintf("%s %.4f · %s", score, r.GetScore(), byline(p)))
		if m := r.GetMatchedTerms(); len(m) > 0 {
			e.wrapped(resultIndent, matched(m))
		}
		if d := r.GetDrivenBy(); len(d) > 0 && d[0].GetPaperId() != "" {
			e.wrapped(resultIndent, "because of "+d[0].GetPaperId())
		}
		if c := r.GetCollapsed(); len(c) > 0 {
			e.wrapped(resultIndent, "also: "+alsoThere(c))
		}
		e.evidence(r.GetEvidence())
	}
	if len(results) == 0 {
		fmt.Fprintln(e.errOut, "No results:", emptySentence(empty))
	}
	if next != "" && e.outIsTerminal {
		fmt.Fprintf(e.errOut, "There are more: add --page-token %s\n", next)
	}
}

// matched lists the words that a result has, the weightiest first.
func matched(terms []*akinv1.MatchedTerm) string {
	const most = 8
	var words []string
	for _, m := range terms[:min(most, len(terms))] {
		words = append(words, oneLine(m.GetTerm()))
	}
	return "has " + strings.Join(words, ", ")
}

func emptySentence(reason akinv1.EmptyReason) string {
	switch reason {
	case akinv1.EmptyReason_EMPTY_REASON_COLLECTION_EMPTY:
		return "the collection holds no papers; import some with `akin import`."
	case akinv1.EmptyReason_EMPTY_REASON_MIN_SCORE:
		return "none reaches --min-score; lower it."
	case akinv1.EmptyReason_EMPTY_REASON_ONLY_EXAMPLES:
		return "the collection holds nothing beside the papers that you named."
	case akinv1.EmptyReason_EMPTY_REASON_FILTER:
		return "the filter keeps no paper; widen it."
	case akinv1.EmptyReason_EMPTY_REASON_NO_MATCH:
		return "no paper matches the query's words, phrases and exclusions."
	case akinv1.EmptyReason_EMPTY_REASON_AS_OF:
		return "no paper had appeared by --as-of; choose a later day."
	case akinv1.EmptyReason_EMPTY_REASON_DELETED:
		return "the papers of this page were deleted meanwhile."
	case akinv1.EmptyReason_EMPTY_REASON_PAST_END:
		return "there are no more pages."
	default:
		return "nothing was found."
	}
}

// shown are the fields of papers that are printed for people; nil is all.
func shown(asJSON bool) *fieldmaskpb.FieldMask {
	if asJSON {
		return nil
	}
	return &fieldmaskpb.FieldMask{Paths: []string{"id", "title", "venue", "publish_date", "authors"}}
}

// byline is id, venue or date, and the first authors of a paper.
func byline(p *akinv1.Paper) string {
	parts := []string{oneLine(p.GetId())}
	switch {
	case p.GetVenue() != "":
		parts = append(parts, oneLine(p.GetVenue()))
	case p.GetPublishDate().GetYear() != 0:
		parts = append(parts, fmt.Sprint(p.GetPublishDate().GetYear()))
	}
	var names []string
	for _, a := range p.GetAuthors() {
		if len(names) == 3 {
			names = append(names, "…")
			break
		}
		names = append(names, oneLine(a.GetName()))
	}
	if len(names) > 0 {
		parts = append(parts, strings.Join(names, ", "))
	}
	return strings.Join(parts, " · ")
}

type getCommand struct {
	ID []string `arg:"" help:"Ids of papers."`
	target
	JSON bool `name:"json" help:"Print the papers as JSON, one a line."`
}

// Help shows an example.
func (getCommand) Help() string {
	return "Example:\n  akin get --json arXiv:1706.03762\n\nStops at the first id that is not there (exit code 4)."
}

// Run shows papers.
func (c getCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	for _, id := range c.ID {
		p, err := cl.Papers.GetPaper(e.ctx, &akinv1.GetPaperRequest{Id: id})
		if err != nil {
			return err
		}
		if err := e.show(c.JSON, p, func() {
			e.paper(p)
		}); err != nil {
			return err
		}
	}
	return nil
}

// paper prints a paper, its abstract wrapped.
func (e *environment) paper(p *akinv1.Paper) {
	e.out.style(bold)
	e.wrapped("", p.GetTitle())
	e.out.style(plain)
	e.wrapped("", byline(p))
	fmt.Fprintln(e.out)
	e.wrapped("", p.GetAbstract())
	fmt.Fprintln(e.out)
}

type countCommand struct {
	Field string `arg:"" help:"category, venue, year, author or language."`
	target
	Filter string `help:"Only papers that an AIP-160 filter keeps." placeholder:"TEXT"`
	Limit  int32  `help:"Values to show (0: 10, at most 1000)." short:"n" placeholder:"N"`
	JSON   bool   `name:"json" help:"Print the response as JSON."`
}

// Help shows an example.
func (countCommand) Help() string {
	return "Example:\n  akin count venue --filter 'year >= 2020'"
}

// Run counts papers by the values of a field.
func (c countCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	resp, err := cl.Papers.CountValues(e.ctx, &akinv1.CountValuesRequest{Field: c.Field, Filter: c.Filter, Limit: c.Limit})
	if err != nil {
		return err
	}
	return e.show(c.JSON, resp, func() {
		for _, v := range resp.GetCounts() {
			fmt.Fprintf(e.out, "%8d  %s\n", v.GetCount(), oneLine(v.GetValue()))
		}
	})
}

type deleteCommand struct {
	ID []string `arg:"" help:"Ids of papers."`
	target
	AllowMissing bool `help:"Succeed if a paper is not there."`
}

// Help shows an example.
func (deleteCommand) Help() string {
	return "Example:\n  akin delete arXiv:1706.03762\n\nGoes on after an id that is not there; the exit code is then 4."
}

// Run erases papers.
func (c deleteCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range c.ID {
		_, err := cl.Papers.DeletePaper(e.ctx, &akinv1.DeletePaperRequest{Id: id})
		switch {
		case err == nil:
			fmt.Fprintln(e.out, "deleted", oneLine(id))
		case c.AllowMissing && status.Code(err) == codes.NotFound:
			fmt.Fprintln(e.out, "not there", oneLine(id))
		default:
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

type infoCommand struct {
	target
	JSON bool `name:"json" help:"Print the response as JSON."`
}

// Help shows an example.
func (infoCommand) Help() string {
	return "Example:\n  akin info --json"
}

// Run describes the server.
func (c infoCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	resp, err := cl.Info.GetServerInfo(e.ctx, &akinv1.GetServerInfoRequest{})
	if err != nil {
		return err
	}
	return e.show(c.JSON, resp, func() { e.info(resp) })
}

func (e *environment) info(resp *akinv1.GetServerInfoResponse) {
	s, l := resp.GetSpace(), resp.GetLimits()
	fmt.Fprintf(e.out, `akin      %s
papers    %d (sequence %d)
index     %s
model     %s, %s pooling, %d dimensions, %d tokens, %s
space     %s
limits    message %d bytes, query %d bytes, abstract %d bytes, page %d, batch %d
`, resp.GetVersion(), resp.GetPaperCount(), resp.GetSequence(), resp.GetIndex(),
		s.GetModel(), s.GetPooling(), s.GetDimension(), s.GetMaxTokens(), s.GetPrecision(), s.GetFingerprint(),
		l.GetMaxMessageBytes(), l.GetMaxQueryBytes(), l.GetMaxAbstractBytes(), l.GetMaxPageSize(), l.GetMaxBatchSize())
}
