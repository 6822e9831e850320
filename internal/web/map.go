package web

import (
	"encoding/binary"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"akin/internal/text"
	akinv1 "akin/proto/akin/v1"
)

const (
	// clusterPage is how many papers of a cluster a page lists.
	clusterPage = 50
	// mapPapers is how many papers the script asks for at once, at most.
	mapPapers = 200
	// mapResults is how many results of a search are marked on the map.
	mapResults = 1_000
	// mapRetry is after how many seconds a map that is being made is asked for again.
	mapRetry = 1
)

// mapPage is the body of the page of the map.
type mapPage struct {
	State *mapState // nil when there is a map
	// Papers are on the map, Of the collection's if they are not all.
	Papers, Of int
	Clusters   []mapCluster
	// Find is the query of the result that is marked, Result what it is called.
	Find, Result, ResultURL string
}

// mapState says how far a map is that is being made.
type mapState struct {
	Step    string `json:"step"`
	Percent int    `json:"percent"`
}

// mapCluster is a group of papers of the map in the list that says the same.
type mapCluster struct {
	Name, URL string
	Papers    int
	Some      []link
}

// clusterBody is the body of the page of one cluster.
type clusterBody struct {
	Name       string
	Papers     int
	Some       []mapLine
	Next, Back string
}

// mapLine is a paper in a list of the map.
type mapLine struct {
	Number uint32 `json:"number"`
	ID     string `json:"id"`
	URL    string `json:"url"`
	Title  string `json:"title"`
	By     string `json:"by"`
	Where  string `json:"where"`
}

// mapped shows the map, and the same as a list.
func (s *Site) mapped(r *http.Request) (*answer, error) {
	if name := r.URL.Query().Get("cluster"); name != "" {
		return s.cluster(r, name)
	}
	q := readQuery(r.URL.Query())
	m, err := s.client.Map.GetMap(r.Context(), &akinv1.GetMapRequest{Summary: true})
	if err != nil {
		return nil, err
	}
	body := &mapPage{Papers: int(m.GetPaperCount())}
	if all := int(m.GetCollectionPaperCount()); all > body.Papers && m.GetState() == akinv1.MapState_MAP_STATE_READY {
		body.Of = all
	}
	if q.asked() {
		body.Find, body.Result, body.ResultURL = q.values().Encode(), resultName(q), q.URL()
	}
	a := &answer{page: "map", frame: frame{Title: "Map", Canonical: "/map", Nav: "map", Box: q, NoIndex: body.Find != "", Body: body}}
	if m.GetState() == akinv1.MapState_MAP_STATE_BUILDING {
		body.State = stateOfMap(m)
		a.retry = mapRetry
		return a, nil
	}
	body.Clusters, err = s.clustersOf(r, m)
	return a, err
}

func resultName(q query) string {
	switch {
	case q.Text != "":
		return "results for “" + visible(clip(q.Text, 80)) + "”"
	case len(q.Like) == 1:
		return "papers like " + visible(clip(q.Like[0], 80))
	case len(q.Like) > 1:
		return "papers like " + count(len(q.Like)) + " others"
	}
	return "papers that meet the conditions"
}

// mapStep says what is done for a map.
func mapStep(name string) string {
	steps := map[string]string{
		"waiting": "waiting for another map", "grouping": "reading the papers and grouping them",
		"neighbours": "finding each paper's nearest", "placing": "giving each paper its place",
	}
	if step := steps[name]; step != "" {
		return step
	}
	return "beginning"
}

func stateOfMap(m *akinv1.GetMapResponse) *mapState {
	step := mapStep(m.GetStep())
	return &mapState{Step: strings.ToUpper(step[:1]) + step[1:], Percent: int(100 * m.GetDone())}
}

// clustersOf lists the clusters with some papers of each.
func (s *Site) clustersOf(r *http.Request, m *akinv1.GetMapResponse) ([]mapCluster, error) {
	var numbers []uint32
	for _, c := range m.GetClusterValues() {
		numbers = append(numbers, c.GetSample()...)
	}
	lines, err := s.linesOf(r, m.GetTag(), numbers)
	if err != nil {
		return nil, err
	}
	titles := make(map[uint32]mapLine, len(lines))
	for _, l := range lines {
		titles[l.Number] = l
	}
	var out []mapCluster
	for i, c := range m.GetClusterValues() {
		if c.GetPaperCount() == 0 {
			continue
		}
		one := mapCluster{Name: clusterName(c, i), URL: "/map?cluster=" + strconv.Itoa(i), Papers: int(c.GetPaperCount())}
		for _, n := range c.GetSample() {
			if l, ok := titles[n]; ok {
				one.Some = append(one.Some, link{l.Title, l.URL})
			}
		}
		out = append(out, one)
	}
	return out, nil
}

func clusterName(c *akinv1.MapCluster, i int) string {
	if name := visible(c.GetName()); name != "" {
		return name
	}
	return "Group " + strconv.Itoa(i+1)
}

// cluster lists the papers of one cluster, a page at a time.
func (s *Site) cluster(r *http.Request, name string) (*answer, error) {
	m, err := s.client.Map.GetMap(r.Context(), &akinv1.GetMapRequest{})
	if err != nil {
		return nil, err
	}
	i, err := strconv.Atoi(name)
	if err != nil || i < 0 || i >= len(m.GetClusterValues()) {
		return nil, &fault{
			Status: http.StatusNotFound, Heading: "There is no such group", Message: "The map is another by now, or not made yet.",
			Again: "/map", AgainLabel: "To the map",
		}
	}
	var numbers []uint32
	for n, c := range m.GetClusters() {
		if int(c) == i {
			numbers = append(numbers, uint32(n))
		}
	}
	from, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil || from < 0 || from >= len(numbers) {
		from = 0
	}
	until := min(from+clusterPage, len(numbers))
	body := &clusterBody{Name: clusterName(m.GetClusterValues()[i], i), Papers: len(numbers)}
	if body.Some, err = s.linesOf(r, m.GetTag(), numbers[from:until]); err != nil {
		return nil, err
	}
	if until < len(numbers) {
		body.Next = "/map?" + url.Values{"cluster": {name}, "page": {strconv.Itoa(until)}}.Encode()
	}
	if from > 0 {
		body.Back = "/map?cluster=" + name
	}
	return &answer{page: "cluster", frame: frame{Title: body.Name, Canonical: "/map?cluster=" + name, Nav: "map", NoIndex: true, Body: body}}, nil
}

// linesOf reads papers of the map by their numbers.
func (s *Site) linesOf(r *http.Request, tag string, numbers []uint32) ([]mapLine, error) {
	out := []mapLine{}
	if len(numbers) == 0 {
		return out, nil
	}
	resp, err := s.client.Map.GetMapPapers(r.Context(), &akinv1.GetMapPapersRequest{Tag: tag, Numbers: numbers})
	if err != nil {
		return nil, err
	}
	for _, p := range resp.GetPapers() {
		out = append(out, lineOf(p))
	}
	return out, nil
}

func lineOf(p *akinv1.MapPaper) mapLine {
	title := p.GetTitle()
	if strings.Contains(title, `\`) {
		title = text.Clean(title)
	}
	if strings.TrimSpace(title) == "" {
		title = p.GetId()
	}
	by := strings.Join(p.GetAuthors(), ", ")
	if n := p.GetMoreAuthors(); n > 0 {
		by += " and " + count(int(n)) + " more"
	}
	where := strings.Join(strings.Fields(p.GetVenue()+" "+p.GetPublishDate()), " ")
	return mapLine{
		Number: p.GetNumber(), ID: p.GetId(), URL: paperURL(p.GetId()), Title: visible(clip(title, shortTitle)),
		By: visible(clip(by, shortTitle)), Where: visible(clip(where, shortTitle)),
	}
}

// serveMap answers what the script of the map asks for.
func (s *Site) serveMap(w http.ResponseWriter, r *http.Request) bool {
	var answer func(http.ResponseWriter, *http.Request) error
	switch r.URL.Path {
	case "/map/points":
		answer = s.mapPoints
	case "/map/papers":
		answer = s.mapPapers
	case "/map/find":
		answer = s.mapFind
	default:
		return false
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "The map is only for reading.", http.StatusMethodNotAllowed)
		return true
	}
	r, _ = s.signed(r)
	if err := answer(w, r); err != nil {
		code, _ := headingOf(status.Code(err))
		http.Error(w, status.Convert(err).Message(), code)
	}
	return true
}

// mapHead is what stands before the bytes of the map.
type mapHead struct {
	Tag        string          `json:"tag"`
	Papers     int             `json:"papers"`
	Points     int             `json:"points"` // bytes
	FirstYear  int             `json:"firstYear"`
	Categories []string        `json:"categories"`
	Venues     []string        `json:"venues"`
	Clusters   []clusterOfHead `json:"clusters"`
}

type clusterOfHead struct {
	Name   string `json:"name"`
	X      uint32 `json:"x"`
	Y      uint32 `json:"y"`
	Papers uint32 `json:"papers"`
}

// mapPoints sends the map: the length of a head, 4 bytes, little endian; the head,
// JSON; the points and the codes of clusters, categories, venues and years, as the API
// has them. While it is made, it is 202 and how far it is.
func (s *Site) mapPoints(w http.ResponseWriter, r *http.Request) error {
	m, err := s.client.Map.GetMap(r.Context(), &akinv1.GetMapRequest{})
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "private, no-cache")
	w.Header().Add("Vary", "Cookie, Authorization")
	if m.GetState() == akinv1.MapState_MAP_STATE_BUILDING {
		return sendJSON(w, http.StatusAccepted, stateOfMap(m))
	}
	if sendTag(w, r, m.GetTag()) {
		return nil
	}
	head := mapHead{
		Tag: m.GetTag(), Papers: int(m.GetPaperCount()), Points: len(m.GetPoints()), FirstYear: int(m.GetFirstYear()),
		Categories: valueNames(m.GetCategoryValues()), Venues: valueNames(m.GetVenueValues()), Clusters: []clusterOfHead{},
	}
	for i, c := range m.GetClusterValues() {
		head.Clusters = append(head.Clusters, clusterOfHead{clusterName(c, i), c.GetX(), c.GetY(), c.GetPaperCount()})
	}
	b, err := json.Marshal(head)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	for _, part := range [][]byte{
		binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b,
		m.GetPoints(), m.GetClusters(), m.GetCategories(), m.GetVenues(), m.GetYears(),
	} {
		if _, err := w.Write(part); err != nil {
			return nil //nolint:nilerr // the client is gone
		}
	}
	return nil
}

func valueNames(values []*akinv1.MapValue) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = visible(clip(v.GetValue(), maxValue))
	}
	return out
}

// mapPapers sends papers by their numbers.
func (s *Site) mapPapers(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	var numbers []uint32
	for part := range strings.SplitSeq(v.Get("n"), ",") {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil || len(numbers) == mapPapers {
			return status.Errorf(codes.InvalidArgument, "n must be 1 to %d numbers with commas between them", mapPapers)
		}
		numbers = append(numbers, uint32(n))
	}
	lines, err := s.linesOf(r, v.Get("tag"), numbers)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "private, no-store")
	return sendJSON(w, http.StatusOK, lines)
}

// mapFind sends the numbers of the papers of a result: the best of a search, or all
// that meet a filter.
func (s *Site) mapFind(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r.URL.Query())
	req := &akinv1.FindOnMapRequest{Tag: r.URL.Query().Get("tag"), Filter: q.filter("")}
	if q.Text != "" || q.Like != nil {
		ids, err := s.idsOf(r, q)
		if err != nil {
			return err
		}
		req.Filter, req.Ids = "", ids
	}
	resp, err := s.client.Map.FindOnMap(r.Context(), req)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "private, no-store")
	numbers := resp.GetNumbers()
	if numbers == nil {
		numbers = []uint32{}
	}
	return sendJSON(w, http.StatusOK, struct {
		Numbers []uint32 `json:"numbers"`
		Missing uint32   `json:"missing"`
	}{numbers, resp.GetMissingCount()})
}

// idsOf finds the papers of a result, the best first.
func (s *Site) idsOf(r *http.Request, q query) (ids []string, err error) {
	var results []*akinv1.Result
	switch long := len(strings.Fields(q.Text)) >= abstractWords; {
	case q.Like != nil || long:
		req := &akinv1.SimilarRequest{PageSize: mapResults, Filter: q.filter(""), Mode: q.mode(), MinScore: q.Min, ReadMask: mask("id")}
		if req.PaperIds = q.Like; q.Like == nil {
			req.Text = &akinv1.Text{Abstract: q.Text}
		}
		resp, e := s.client.Search.Similar(r.Context(), req)
		results, err = resp.GetResults(), e
	default:
		resp, e := s.client.Search.Search(r.Context(), &akinv1.SearchRequest{
			Query: q.Text, Syntax: q.syntax(), Verbatim: q.Verbatim, PageSize: mapResults, Filter: q.filter(""), Mode: q.mode(), MinScore: q.Min, ReadMask: mask("id"),
		})
		results, err = resp.GetResults(), e
	}
	for _, found := range results {
		ids = append(ids, found.GetPaper().GetId())
	}
	return ids, err
}

func sendJSON(w http.ResponseWriter, code int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	w.Write(b) //nolint:errcheck // the client is gone
	return nil
}
