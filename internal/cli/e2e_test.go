package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"akin/internal/cli"
	"akin/internal/crashtest"
	"akin/internal/embed"
	"akin/internal/embed/embedtest"
	akinv1 "akin/proto/akin/v1"
)

// asProgram makes the test binary behave as akin, so that tests can start and
// kill the real program, with the race detector in it.
const asProgram = "AKIN_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv("AKIN_MATRIX_UNITS") == "" {
		// The same precision on every machine; tests of bf16 say so.
		os.Setenv("AKIN_MATRIX_UNITS", "off")
	}
	if os.Getenv(asProgram) != "" {
		os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	code := m.Run()
	shared.stop()
	if err := models.close(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// sharedModels are the models that commands within this process have used: opening
// one takes longer than most commands. The programs that tests start open their own.
type sharedModels struct {
	mu   sync.Mutex // guards what follows
	open map[string]*embed.Embedder
}

var models sharedModels

// get is an app.ModelOpener. What a test has brought along, and may change, is
// not shared.
func (s *sharedModels) get(config embed.Config) (*embed.Embedder, func() error, error) {
	if !strings.HasPrefix(config.ModelDir, os.Getenv("AKIN_HOME")) {
		e, err := embed.Open(config)
		if err != nil {
			return nil, nil, err
		}
		return e, e.Close, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fmt.Sprint(config.Runtime, config.Matrix, config.ModelDir, config.Precision, config.Threads, config.QueueTokens)
	if s.open[key] == nil {
		e, err := embed.Open(config)
		if err != nil {
			return nil, nil, err
		}
		if s.open == nil {
			s.open = make(map[string]*embed.Embedder)
		}
		s.open[key] = e
	}
	return s.open[key], func() error { return nil }, nil
}

func (s *sharedModels) close() error {
	var errs []error
	for _, e := range s.open {
		errs = append(errs, e.Close())
	}
	return errors.Join(errs...)
}

// sample is what tests share of the sample papers: a data directory that was
// embedded once, and a server over a copy of it, which no test changes.
type sample struct {
	once, serving sync.Once
	dir           string
	server        *server
}

var shared sample

func (s *sample) stop() {
	if s.server != nil {
		s.server.cmd.Process.Kill()
		s.server.cmd.Wait()
	}
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
}

// sampleData gives a test a data directory of its own with the sample papers.
func sampleData(t testing.TB) string {
	t.Helper()
	shared.once.Do(func() {
		dir, err := os.MkdirTemp("", "akin-sample-")
		if err != nil {
			t.Fatal(err)
		}
		shared.dir = dir
		out := mustRun(t, "import", "--data", filepath.Join(dir, "data"), samplePath(t))
		if !strings.Contains(out, "acknowledged 132 sequence 132\n") || !strings.Contains(out, "132 papers: 132 new, 0 changed, 0 unchanged") {
			t.Errorf("the import printed %q", out)
		}
	})
	data := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(data, os.DirFS(filepath.Join(shared.dir, "data"))); err != nil {
		t.Fatal(err)
	}
	return data
}

// sampleServer gives a server over the sample papers, which the test must not
// change.
func sampleServer(t testing.TB) *server {
	t.Helper()
	data := sampleData(t)
	shared.serving.Do(func() {
		kept := filepath.Join(shared.dir, "served")
		if err := os.Rename(data, kept); err != nil {
			t.Fatal(err)
		}
		shared.server = start(t, kept)
	})
	if shared.server == nil {
		t.Fatal("the shared server did not start")
	}
	return shared.server
}

// program gives akin as a process of its own.
func program(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "AKIN_HOME="+embedtest.Home(t))
	return cmd
}

// run runs a command line in this process and gives exit code and outputs.
func run(t testing.TB, stdin string, args ...string) (code int, out, errOut string) {
	t.Helper()
	os.Setenv("AKIN_HOME", embedtest.Home(t))
	var o, e bytes.Buffer
	code = cli.RunWith(t.Context(), models.get, args, strings.NewReader(stdin), &o, &e)
	return code, o.String(), e.String()
}

func mustRun(t testing.TB, args ...string) string {
	t.Helper()
	code, out, errOut := run(t, "", args...)
	if code != 0 {
		t.Fatalf("akin %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errOut)
	}
	return out
}

func unmarshal[M proto.Message](t testing.TB, out string, m M) M {
	t.Helper()
	if err := protojson.Unmarshal([]byte(out), m); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	return m
}

// server is a running akin serve.
type server struct {
	cmd        *exec.Cmd // nil within this process
	grpc, http string
	errOut     *bytes.Buffer

	end   func()
	ended chan struct{}
	code  int // once it has ended
}

// serve starts a server as a process of its own, which may be killed.
func serve(t testing.TB, data string) *server {
	t.Helper()
	s := start(t, data)
	t.Cleanup(func() {
		s.cmd.Process.Kill()
		s.cmd.Wait()
	})
	return s
}

// host starts a server within this process, over sockets all the same.
func host(t testing.TB, data string) *server {
	t.Helper()
	os.Setenv("AKIN_HOME", embedtest.Home(t))
	ctx, end := context.WithCancel(context.Background())
	s := &server{errOut: new(bytes.Buffer), end: end, ended: make(chan struct{})}
	out, in := io.Pipe()
	go func() {
		defer close(s.ended)
		s.code = cli.RunWith(ctx, models.get, []string{"serve", "--data", data, "--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"},
			strings.NewReader(""), in, s.errOut)
		in.Close()
	}()
	t.Cleanup(func() {
		end()
		<-s.ended
	})
	s.addresses(out)
	if s.http == "" {
		end()
		<-s.ended
		t.Fatalf("the server did not print its addresses\n%s", s.errOut)
	}
	go io.Copy(io.Discard, out)
	return s
}

// addresses reads where a server listens.
func (s *server) addresses(out io.Reader) {
	lines := bufio.NewScanner(out)
	for s.http == "" && lines.Scan() {
		name, address, _ := strings.Cut(lines.Text(), " ")
		switch name {
		case "gRPC":
			s.grpc = strings.TrimSpace(address)
		case "HTTP":
			s.http = strings.TrimSpace(address)
		}
	}
}

// start starts a server that the caller stops.
func start(t testing.TB, data string) *server {
	t.Helper()
	s := &server{errOut: new(bytes.Buffer)}
	s.cmd = program(t, "serve", "--data", data, "--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0")
	s.cmd.Stderr = s.errOut
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.addresses(out)
	if s.grpc == "" || s.http == "" {
		s.cmd.Process.Kill()
		s.cmd.Wait()
		t.Fatalf("the server did not print its addresses\n%s", s.errOut)
	}
	return s
}

// stop asks the server to stop and expects it to.
func (s *server) stop(t testing.TB) {
	t.Helper()
	if s.cmd == nil {
		s.end()
		if <-s.ended; s.code != 0 && s.code != 130 {
			t.Fatalf("the server ended with exit code %d\n%s", s.code, s.errOut)
		}
		return
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Fatalf("the server ended with %v\n%s", err, s.errOut)
	}
}

func samplePath(t testing.TB) string {
	return filepath.Join(embedtest.Root(t), "testdata", "sample")
}

func TestServeAnswersOverSockets(t *testing.T) {
	s := serve(t, sampleData(t))
	out := mustRun(t, "import", "--server", s.grpc, samplePath(t))
	if !strings.Contains(out, "132 papers: 0 new, 0 changed, 132 unchanged") || !strings.Contains(out, "sequence 132\n") {
		t.Errorf("second import printed %q", out)
	}
	info := unmarshal(t, mustRun(t, "info", "--server", s.grpc, "--json"), new(akinv1.GetServerInfoResponse))
	if info.GetPaperCount() != 132 || info.GetIndex() != "graph" {
		t.Errorf("info: %v", info)
	}
	t.Run("every paper finds itself first", func(t *testing.T) {
		c := dial(t, s)
		similar := func(id string, self bool) *akinv1.SimilarResponse {
			resp, err := c.Search.Similar(t.Context(), &akinv1.SimilarRequest{PaperIds: []string{id}, PageSize: 2, IncludeSelf: self})
			if err != nil {
				t.Fatal(err)
			}
			return resp
		}
		for id := range strings.Lines(mustRun(t, "list", "--server", s.grpc, "--ids")) {
			id = strings.TrimSpace(id)
			got := similar(id, true)
			if got.GetResults()[0].GetPaper().GetId() != id || got.GetResults()[0].GetScore() < 0.9999 {
				t.Errorf("%s finds %v first", id, got.GetResults()[0].GetPaper().GetId())
			}
			if similar(id, false).GetResults()[0].GetPaper().GetId() == id {
				t.Errorf("%s is among its own results", id)
			}
		}
	})
	t.Run("examples are left out and dislikes push", func(t *testing.T) {
		plain := recommendRanks(t, s, "--like", "arXiv:1706.03762")
		pushed := recommendRanks(t, s, "--like", "arXiv:1706.03762", "--unlike", "arXiv:1810.04805")
		if plain["arXiv:1706.03762"] != 0 || pushed["arXiv:1810.04805"] != 0 {
			t.Error("an example is among the results")
		}
		if plain["arXiv:1907.11692"] >= pushed["arXiv:1907.11692"] { // RoBERTa is like BERT
			t.Errorf("RoBERTa ranks %d, and %d when BERT is disliked", plain["arXiv:1907.11692"], pushed["arXiv:1907.11692"])
		}
	})
	t.Run("pages cut one list", func(t *testing.T) { testPages(t, s) })
	t.Run("bad input", func(t *testing.T) { testBadInput(t, s) })
	t.Run("HTTP", func(t *testing.T) { testHTTP(t, s) })
	t.Run("deleted papers are gone", func(t *testing.T) {
		mustRun(t, "delete", "--server", s.grpc, "arXiv:1706.03762")
		if code, _, errOut := run(t, "", "get", "--server", s.grpc, "arXiv:1706.03762"); code != 4 || !strings.Contains(errOut, "arXiv:1706.03762") {
			t.Errorf("get after delete: exit code %d, %q", code, errOut)
		}
		if strings.Contains(mustRun(t, "search", "--server", s.grpc, "-n", "132", "attention transformer"), "Attention is All you Need") {
			t.Error("a deleted paper is found")
		}
	})
	s.stop(t)
}

func recommendRanks(t testing.TB, s *server, args ...string) map[string]int32 {
	t.Helper()
	out := mustRun(t, append([]string{"recommend", "--server", s.grpc, "--json", "-n", "200"}, args...)...)
	ranks := make(map[string]int32)
	for _, r := range unmarshal(t, out, new(akinv1.RecommendResponse)).GetResults() {
		ranks[r.GetPaper().GetId()] = r.GetRank()
	}
	return ranks
}

func testPages(t *testing.T, s *server) {
	whole := unmarshal(t, mustRun(t, "search", "--server", s.grpc, "--json", "-n", "40", "graph neural networks"), new(akinv1.SearchResponse))
	var paged []*akinv1.Result
	token := ""
	for {
		page := unmarshal(t, mustRun(t, "search", "--server", s.grpc, "--json", "-n", "7", "--page-token", token, "graph neural networks"), new(akinv1.SearchResponse))
		paged = append(paged, page.GetResults()...)
		token = page.GetNextPageToken()
		if len(paged) >= 40 || token == "" {
			break
		}
	}
	for i, want := range whole.GetResults() {
		if paged[i].GetPaper().GetId() != want.GetPaper().GetId() || paged[i].GetRank() != want.GetRank() {
			t.Errorf("result %d: %s in pages, %s at once", i, paged[i].GetPaper().GetId(), want.GetPaper().GetId())
		}
	}
	if code, _, errOut := run(t, "", "search", "--server", s.grpc, "--page-token", token, "another query"); code != 2 || !strings.Contains(errOut, "--page-token") {
		t.Errorf("a token of another query: exit code %d, %q", code, errOut)
	}
	var listed int
	for line := range strings.Lines(mustRun(t, "list", "--server", s.grpc, "--json")) {
		listed += len(unmarshal(t, line, new(akinv1.ListPapersResponse)).GetPapers())
	}
	if listed != 132 {
		t.Errorf("list gave %d papers in all", listed)
	}
}

// A copy of the corpus, imported with kill -9 at several moments: after each,
// every acknowledged paper is there and the store is whole.
func TestKill(t *testing.T) {
	rounds := crashtest.Rounds(t, 2)
	data := filepath.Join(t.TempDir(), "data")
	input := filepath.Join(t.TempDir(), "papers.jsonl")
	ids := writeCorpus(t, input, 96)
	for round := range rounds {
		if round%3 == 0 { // three kills take all of the corpus
			data = filepath.Join(t.TempDir(), fmt.Sprint("data", round))
		}
		after := 1 + round%3
		acknowledged := importAndKill(t, data, input, after)
		list := mustRun(t, "list", "--data", data, "--ids")
		have := make(map[string]bool)
		for id := range strings.Lines(list) {
			have[strings.TrimSpace(id)] = true
		}
		for i, id := range ids[:acknowledged] {
			if !have[id] {
				t.Errorf("killed after %d acknowledgements: paper %d of %d acknowledged, %s, is lost", after, i, acknowledged, id)
			}
		}
		if len(have) > len(ids) {
			t.Errorf("%d papers from a file of %d", len(have), len(ids))
		}
	}
	out := mustRun(t, "import", "--data", data, input)
	if !strings.Contains(out, "96 papers:") {
		t.Errorf("the import that was not killed printed %q", out)
	}
	if info := unmarshal(t, mustRun(t, "info", "--data", data, "--json"), new(akinv1.GetServerInfoResponse)); info.GetPaperCount() != 96 {
		t.Errorf("%d papers in the end, want 96", info.GetPaperCount())
	}
}

// importAndKill imports until a number of acknowledgements was printed, kills
// the program with SIGKILL, and gives how many papers were acknowledged.
func importAndKill(t *testing.T, data, input string, acknowledgements int) (acknowledged int) {
	t.Helper()
	cmd := program(t, "import", "--data", data, input)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; n < acknowledgements && lines.Scan(); {
		var sequence int
		if _, err := fmt.Sscanf(lines.Text(), "acknowledged %d sequence %d", &acknowledged, &sequence); err == nil {
			n++
		}
	}
	cmd.Process.Kill()
	for lines.Scan() { // printed before the signal arrived
		var more, sequence int
		if _, err := fmt.Sscanf(lines.Text(), "acknowledged %d sequence %d", &more, &sequence); err == nil {
			acknowledged = more
		}
	}
	cmd.Wait()
	return acknowledged
}

func writeCorpus(t testing.TB, path string, n int) (ids []string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range n {
		id := fmt.Sprintf("test:%03d", i)
		ids = append(ids, id)
		fmt.Fprintf(f, "{\"id\":%q,\"title\":\"Paper number %d\",\"abstract\":\"A short abstract about topic %d.\"}\n", id, i, i*7919%97)
	}
	return ids
}

// SIGTERM during an import: what was acknowledged is there, and the server
// ends without an error.
func TestGracefulStop(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := serve(t, data)
	input := filepath.Join(t.TempDir(), "papers.jsonl")
	writeCorpus(t, input, 400)
	cmd := program(t, "import", "--server", s.grpc, input)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	acknowledged, sequence := 0, 0
	for lines.Scan() {
		if _, err := fmt.Sscanf(lines.Text(), "acknowledged %d sequence %d", &acknowledged, &sequence); err == nil {
			break
		}
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.stop(t)
	}()
	for lines.Scan() {
		fmt.Sscanf(lines.Text(), "acknowledged %d sequence %d", &acknowledged, &sequence)
	}
	cmd.Wait()
	<-stopped
	info := unmarshal(t, mustRun(t, "info", "--data", data, "--json"), new(akinv1.GetServerInfoResponse))
	if int(info.GetPaperCount()) < acknowledged {
		t.Errorf("%d papers of %d acknowledged", info.GetPaperCount(), acknowledged)
	}
}

// A command on a directory that a server holds asks that server, if it is there
// and has this very store; otherwise the directory is locked.
func TestDataDirectoryIsShared(t *testing.T) {
	data := sampleData(t)
	s := serve(t, data)
	for _, name := range []string{"akin.sock", "server.json"} {
		if info, err := os.Stat(filepath.Join(data, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if out := mustRun(t, "list", "--data", data, "--ids"); strings.Count(out, "\n") != 132 {
		t.Errorf("beside a server: %d papers", strings.Count(out, "\n"))
	}
	if out := mustRun(t, "delete", "--data", data, "arXiv:1706.03762"); !strings.Contains(out, "deleted") {
		t.Errorf("%q", out)
	}
	if code, _, _ := run(t, "", "get", "--server", s.grpc, "arXiv:1706.03762"); code != 4 {
		t.Errorf("the server did not delete it: exit code %d", code)
	}
	// A file that names another store: whoever answers is not asked.
	serving := filepath.Join(data, "server.json")
	raw, err := os.ReadFile(serving)
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(serving, []byte(`{"format":"akin.server.v1","identity":"00000000000000000000000000000000"}`), 0o600)
	code, _, errOut := run(t, "", "info", "--data", data)
	if code != 1 || !strings.Contains(errOut, "--server") || !strings.Contains(errOut, data) {
		t.Errorf("another store: exit code %d, %q", code, errOut)
	}
	os.WriteFile(serving, raw, 0o600)
	s.stop(t)
	if out := mustRun(t, "list", "--data", data, "--ids"); strings.Count(out, "\n") != 131 {
		t.Errorf("after the server: %d papers", strings.Count(out, "\n"))
	}
	if left, _ := filepath.Glob(filepath.Join(data, "*.sock")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestTokenize(t *testing.T) {
	code, out, errOut := run(t, "\"Poincaré\"\n\"\"\n\"[SEP] \\u0000x\"\n", "tokenize", "--json", "--max-tokens", "256")
	want := "{\"ids\":[101,13433,2378,16302,102]}\n{\"ids\":[101,102]}\n{\"ids\":[101,1031,19802,1033,1060,102]}\n"
	if code != 0 || out != want {
		t.Errorf("exit code %d, %q, want %q\n%s", code, out, want, errOut)
	}
	long, err := json.Marshal(strings.Repeat("word ", (16<<20)/5))
	if err != nil {
		t.Fatal(err)
	}
	code, out, errOut = run(t, string(long)+"\n", "tokenize", "--json", "--max-tokens", "4")
	if code != 0 || out != "{\"ids\":[101,2773,2773,102]}\n" {
		t.Errorf("16 MiB: exit code %d, %q %s", code, out, errOut)
	}
	if code, _, errOut = run(t, "not json\n", "tokenize", "--json"); code != 1 || !strings.Contains(errOut, "line 1") {
		t.Errorf("a line that is not JSON: exit code %d, %q", code, errOut)
	}
}

func TestEmbedJob(t *testing.T) {
	dir := t.TempDir()
	input, out := filepath.Join(dir, "in.jsonl"), filepath.Join(dir, "out")
	rows := `{"id":"a","title":"One","abstract":"The first."}
{"id":"b","title":"Two"}
{"id":"a","title":"One","abstract":"The first."}
`
	if err := os.WriteFile(input, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "embed", input, "--out", out)
	npy, err := os.ReadFile(filepath.Join(out, "embeddings.npy"))
	if err != nil {
		t.Fatal(err)
	}
	if len(npy) != 128+3*384*4 || !bytes.Contains(npy[:128], []byte("'shape': (3, 384)")) || npy[6] != 1 || npy[7] != 0 {
		t.Errorf("npy of %d bytes: %q", len(npy), npy[:128])
	}
	if !bytes.Equal(npy[128:128+384*4], npy[128+2*384*4:]) {
		t.Error("the same paper twice has two vectors")
	}
	if ids, _ := os.ReadFile(filepath.Join(out, "ids.txt")); string(ids) != "a\nb\na\n" {
		t.Errorf("ids %q", ids)
	}
	before, err := os.Stat(filepath.Join(out, "embeddings.npy"))
	if err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := run(t, "", "embed", input, "--out", out); code != 0 || !strings.Contains(errOut, "0 embedded") || !strings.Contains(errOut, "unchanged") {
		t.Errorf("run again: exit code %d, %q", code, errOut)
	}
	after, err := os.Stat(filepath.Join(out, "embeddings.npy"))
	if err != nil || !os.SameFile(before, after) {
		t.Error("run again on unchanged input, it wrote the vectors anew")
	}
	if err := os.WriteFile(input, []byte(rows+"{broken\n{\"id\":\"c\"}\n{\"id\":\"d\",\"title\":\"Four\"}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := run(t, "", "embed", input, "--out", out); code != 3 || !strings.Contains(errOut, "2 rows quarantined") {
		t.Errorf("broken rows: exit code %d, %q", code, errOut)
	}
	quarantine, err := os.ReadFile(filepath.Join(out, "quarantine.jsonl"))
	if err != nil || !bytes.Contains(quarantine, []byte(`"line":4`)) || !bytes.Contains(quarantine, []byte(`"line":5`)) {
		t.Errorf("quarantine: %v %q", err, quarantine)
	}
}

func TestImportQuarantines(t *testing.T) {
	dir := t.TempDir()
	root := embedtest.Root(t)
	quarantine := filepath.Join(dir, "q.jsonl")
	code, out, errOut := run(t, "", "import", "--data", filepath.Join(dir, "data"), "--quarantine", quarantine,
		filepath.Join(root, "testdata", "ingest", "listing-cut-abstract.txt"))
	if code != 3 || !strings.Contains(out, "1 row quarantined") {
		t.Errorf("a listing cut in an abstract: exit code %d, %q %q", code, out, errOut)
	}
	raw, err := os.ReadFile(quarantine)
	if err != nil || !bytes.Contains(raw, []byte("the file ends in the middle")) {
		t.Errorf("quarantine: %v %q", err, raw)
	}
	// A file that is not papers does not keep the others from being read.
	folder := filepath.Join(dir, "folder")
	os.Mkdir(folder, 0o700)
	os.WriteFile(filepath.Join(folder, "a.md"), []byte("# Notes\n\nNothing to import here.\n"), 0o600)
	os.WriteFile(filepath.Join(folder, "b.jsonl"), []byte(`{"id":"b","title":"A paper"}`), 0o600)
	code, out, _ = run(t, "", "import", "--data", filepath.Join(dir, "data"), "--quarantine", quarantine, folder)
	if raw, _ := os.ReadFile(quarantine); code != 3 || !strings.Contains(out, "1 paper: 1 new") || !bytes.Contains(raw, []byte("a.md")) {
		t.Errorf("a foreign file in a folder: exit code %d, %q, %s", code, out, raw)
	}
	// What is not a quarantine file is not written over.
	precious := filepath.Join(folder, "b.jsonl")
	if code, _, errOut := run(t, "", "import", "--data", filepath.Join(dir, "data"), "--quarantine", precious, folder); code != 1 || !strings.Contains(errOut, "not a quarantine file") {
		t.Errorf("a quarantine over an input: exit code %d, %q", code, errOut)
	}
	if code, _, errOut := run(t, "", "import", "--data", filepath.Join(dir, "data"), filepath.Join(dir, "none")); code != 1 || !strings.Contains(errOut, "none") {
		t.Errorf("a missing file: exit code %d, %q", code, errOut)
	}
	if code, _, _ := run(t, "", "import", "--nonsense"); code != 2 {
		t.Errorf("a wrong flag: exit code %d", code)
	}
	if code, _, errOut := run(t, "", "search", "--data", filepath.Join(dir, "nowhere"), "x"); code != 1 || errOut == "" {
		t.Errorf("a missing data directory: exit code %d, %q", code, errOut)
	}
}

// A paper that its source marks as deleted is deleted, unless it comes back.
func TestImportDeletes(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var all, gone strings.Builder
	for i := range 1500 { // many groups
		fmt.Fprintf(&gone, "{\"corpusid\":%d}\n", 100+i)
	}
	for i := range 3 {
		fmt.Fprintf(&all, "{\"corpusid\":%d,\"title\":\"Paper %d\"}\n", 100+700*i, i)
	}
	papers, deletions := file("papers", all.String()), file("deletions", gone.String())
	back := file("zz-back", "{\"corpusid\":1500,\"title\":\"Paper 2\"}\n")
	if out := mustRun(t, "import", "--data", data, papers); !strings.Contains(out, "3 papers: 3 new") {
		t.Fatalf("import printed %q", out)
	}
	if out := mustRun(t, "import", "--data", data, deletions, back); !strings.Contains(out, "1 paper: 1 new, 0 changed, 0 unchanged; 3 deleted") {
		t.Errorf("import of deletions printed %q", out)
	}
	if out := mustRun(t, "list", "--data", data, "--ids"); out != "s2:1500\n" {
		t.Errorf("left are %q", out)
	}
	out := filepath.Join(dir, "vectors")
	if code, _, errOut := run(t, "", "embed", "--out", out, papers, deletions); code != 0 || !strings.Contains(errOut, "3 embedded") || !strings.Contains(errOut, "1500 deleted at the source") {
		t.Errorf("embed: exit code %d, %q", code, errOut)
	}
	if code, _, errOut := run(t, "", "embed", "--out", out, papers, deletions); code != 0 || !strings.Contains(errOut, "unchanged") {
		t.Errorf("embed again: exit code %d, %q", code, errOut)
	}
}

// The baseline index serves as the default does.
func TestCoderIndex(t *testing.T) {
	data := sampleData(t)
	more := filepath.Join(t.TempDir(), "more.jsonl")
	if err := os.WriteFile(more, []byte(`{"id":"more","title":"Beads on a string"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "import", "--data", data, "--index", "coder", more)
	if out := mustRun(t, "search", "--data", data, "--index", "coder", "graph neural networks"); !strings.Contains(out, "arXiv:") {
		t.Errorf("search printed %q", out)
	}
	mustRun(t, "delete", "--data", data, "--index", "coder", "arXiv:1706.03762")
	if out := mustRun(t, "search", "--data", data, "--index", "coder", "attention is all you need"); strings.Contains(out, "1706.03762") {
		t.Errorf("what was deleted is found: %q", out)
	}
}
