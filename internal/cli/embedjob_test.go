package cli_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"akin/internal/crashtest"
	akinv1 "akin/proto/akin/v1"
)

// outputs reads the files that a run of akin embed wrote.
func outputs(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		if all[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func compare(t *testing.T, got, want map[string][]byte) {
	t.Helper()
	for name := range want {
		if !bytes.Equal(got[name], want[name]) {
			t.Errorf("%s differs from that of a run that was not interrupted", name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files, want %d", len(got), len(want))
	}
}

// Killed at random moments and run again each time, the job writes the bytes of
// a run that was not.
func TestEmbedKill(t *testing.T) {
	rounds := crashtest.Rounds(t, 4)
	dir := t.TempDir()
	input := filepath.Join(dir, "papers.jsonl")
	writeCorpus(t, input, 60)
	raw, err := os.ReadFile(input)
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(input, append(raw, "{broken\n"...), 0o600)
	args := func(out string) []string {
		return []string{"embed", input, "--out", filepath.Join(dir, out), "--write", "npy,parquet,jsonl,fvecs"}
	}
	begin := time.Now()
	if err := program(t, args("whole")...).Run(); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Fatalf("%v, want exit status 3", err)
	}
	whole := time.Since(begin)
	want := outputs(t, filepath.Join(dir, "whole"))
	r := rand.New(rand.NewPCG(crashtest.Seed(t), 1))
	attempt := 0
	for kills := 0; kills < rounds; {
		out := fmt.Sprint("killed", attempt)
		cmd := program(t, args(out)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		begin := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case <-done:
			whole = min(whole, time.Since(begin)) // the first may have run on a busier machine
			compare(t, outputs(t, filepath.Join(dir, out)), want)
			attempt++
		case <-time.After(time.Duration(r.Int64N(int64(whole)))):
			cmd.Process.Kill()
			<-done
			kills++
		}
	}
	out := fmt.Sprint("killed", attempt)
	if code, _, errOut := run(t, "", args(out)...); code != 3 {
		t.Fatalf("exit code %d: %s", code, errOut)
	}
	compare(t, outputs(t, filepath.Join(dir, out)), want)
	t.Logf("%d kills within %v over %d corpora", rounds, whole, attempt+1)
}

// SIGINT keeps what was embedded and says how to go on.
func TestEmbedInterrupt(t *testing.T) {
	dir := t.TempDir()
	input, out := filepath.Join(dir, "papers.jsonl"), filepath.Join(dir, "out")
	var rows bytes.Buffer
	for i := range 400 {
		fmt.Fprintf(&rows, `{"id":"p%d","title":"Paper %d","abstract":"%s"}`+"\n", i, i, strings.Repeat(fmt.Sprintf("word %d ", i), 80))
	}
	os.WriteFile(input, rows.Bytes(), 0o600)
	cmd := program(t, "embed", input, "--out", out)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(out, "cache")
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for tick := time.Tick(20 * time.Millisecond); ; {
		if files, _ := filepath.Glob(filepath.Join(keys, "*", "keys")); len(files) == 1 {
			if info, err := os.Stat(files[0]); err == nil && info.Size() > 0 {
				break
			}
		}
		select {
		case err := <-ended:
			t.Fatalf("it ended before it was interrupted: %v\n%s", err, &errOut)
		case <-tick:
		}
	}
	cmd.Process.Signal(os.Interrupt)
	if err := <-ended; cmd.ProcessState.ExitCode() != 130 || !strings.Contains(errOut.String(), "run the same command again") {
		t.Errorf("%v\n%s", err, &errOut)
	}
	if _, err := os.Stat(filepath.Join(out, "manifest.json")); err == nil {
		t.Error("an interrupted run wrote a manifest")
	}
}

func TestEmbedDryRun(t *testing.T) {
	dir := t.TempDir()
	input, out := filepath.Join(dir, "papers.jsonl"), filepath.Join(dir, "out")
	writeCorpus(t, input, 20)
	if got := mustRun(t, "embed", input, "--out", out, "--dry-run"); !strings.Contains(got, "20 papers;") || !strings.Contains(got, "20 texts are not in the cache: about") {
		t.Errorf("%q", got)
	}
	if got := outputs(t, out); len(got) != 0 {
		t.Errorf("a dry run wrote %d files", len(got))
	}
}

// Vectors go out and come in again without being embedded, and only into the
// space and with the papers that they belong to.
func TestVectorsOutAndIn(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	input := at("papers.jsonl")
	writeCorpus(t, input, 30)
	mustRun(t, "embed", input, "--out", at("vectors"), "--write", "npy,parquet")
	mustRun(t, "import", "--data", at("with"), "--vectors", at("vectors"), input)
	mustRun(t, "import", "--data", at("without"), input)
	for _, data := range []string{"with", "without"} {
		out := mustRun(t, "export", "--data", at(data), "--out", at(data+".out"), "--vectors", "--write", "npy,jsonl")
		if !strings.Contains(out, "30 papers exported at sequence 30") {
			t.Errorf("%q", out)
		}
	}
	compare(t, outputs(t, at("with.out")), outputs(t, at("without.out")))
	out := mustRun(t, "import", "--data", at("third"), "--vectors", at("with.out"), filepath.Join(at("with.out"), "embeddings.jsonl"))
	if !strings.Contains(out, "30 new") {
		t.Errorf("%q", out)
	}
	// The export, imported, is the same collection again.
	mustRun(t, "export", "--data", at("with"), "--out", at("papers"))
	mustRun(t, "import", "--data", at("again"), filepath.Join(at("papers"), "papers.jsonl"))
	mustRun(t, "export", "--data", at("again"), "--out", at("papers.again"))
	compare(t, outputs(t, at("papers.again")), outputs(t, at("papers")))
	if out := mustRun(t, "export", "--data", at("with"), "--out", at("some"), "--filter", `id != "p0001" AND year = 1900`); !strings.Contains(out, "0 papers exported") {
		t.Errorf("%q", out)
	}
	if code, _, errOut := run(t, "", "export", "--data", at("with"), "--out", at("some"), "--filter", `yeer = 1900`); code != 2 || !strings.Contains(errOut, "column 1") {
		t.Errorf("a filter on no field: exit code %d, %s", code, errOut)
	}
	// Other papers than those that the vectors were made of.
	more := at("more.jsonl")
	raw, _ := os.ReadFile(input)
	os.WriteFile(more, append(raw, `{"id":"new","title":"A new one"}`+"\n"...), 0o600)
	if code, _, errOut := run(t, "", "import", "--data", at("with"), "--vectors", at("vectors"), more); code != 1 || !strings.Contains(errOut, "other papers") {
		t.Errorf("other papers: exit code %d, %s", code, errOut)
	}
	// Another space.
	manifest := filepath.Join(at("vectors"), "manifest.json")
	m, _ := os.ReadFile(manifest)
	fingerprint := unmarshal(t, mustRun(t, "info", "--data", at("with"), "--json"), new(akinv1.GetServerInfoResponse)).GetSpace().GetFingerprint()
	os.WriteFile(manifest, bytes.ReplaceAll(m, []byte(fingerprint), []byte("ffff"+fingerprint[4:])), 0o600)
	code, _, errOut := run(t, "", "import", "--data", at("other"), "--vectors", at("vectors"), input)
	if code != 1 || !strings.Contains(errOut, "ffff") || !strings.Contains(errOut, fingerprint[:12]) {
		t.Errorf("another space: exit code %d, %s", code, errOut)
	}
	// A damaged file.
	os.WriteFile(manifest, m, 0o600)
	os.WriteFile(filepath.Join(at("vectors"), "ids.txt"), []byte("x\n"), 0o600)
	if code, _, errOut := run(t, "", "import", "--data", at("other"), "--vectors", at("vectors"), input); code != 1 || !strings.Contains(errOut, "not the file that the manifest names") {
		t.Errorf("a damaged file: exit code %d, %s", code, errOut)
	}
}

func TestDeleteMissing(t *testing.T) {
	dir := t.TempDir()
	data, input := filepath.Join(dir, "data"), filepath.Join(dir, "papers.jsonl")
	quarantine := filepath.Join(dir, "q.jsonl")
	ids := writeCorpus(t, input, 12)
	mustRun(t, "import", "--data", data, input)
	raw, _ := os.ReadFile(input)
	lines := bytes.SplitAfter(raw, []byte("\n"))
	fewer := filepath.Join(dir, "fewer.jsonl")
	os.WriteFile(fewer, bytes.Join(lines[:9], nil), 0o600)
	if code, _, errOut := run(t, "", "import", "--data", data, "--delete-missing", fewer); code != 1 || !strings.Contains(errOut, "--yes") {
		t.Errorf("without a terminal: exit code %d, %s", code, errOut)
	}
	broken := filepath.Join(dir, "broken.jsonl")
	os.WriteFile(broken, append(bytes.Join(lines[:5], nil), "{broken\n"...), 0o600)
	code, _, errOut := run(t, "", "import", "--data", data, "--delete-missing", "--yes", "--quarantine", quarantine, broken)
	if code != 1 || !strings.Contains(errOut, "nothing was erased") {
		t.Errorf("with a bad row: exit code %d, %s", code, errOut)
	}
	if out := mustRun(t, "list", "--data", data, "--ids"); strings.Count(out, "\n") != len(ids) {
		t.Errorf("papers are missing: %s", out)
	}
	if out := mustRun(t, "import", "--data", data, "--delete-missing", "--yes", fewer); !strings.Contains(out, "3 papers erased") {
		t.Errorf("%q", out)
	}
	if out := mustRun(t, "list", "--data", data, "--ids"); strings.Count(out, "\n") != 9 {
		t.Errorf("left: %s", out)
	}
	if out := mustRun(t, "import", "--data", data, "--delete-missing", "--yes", fewer); !strings.Contains(out, "nothing to erase") {
		t.Errorf("%q", out)
	}
}
