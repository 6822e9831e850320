package onnx_test

import (
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"akin/internal/embed"
	"akin/internal/embed/embedtest"
	"akin/internal/embed/onnx"
)

var _ embed.Runtime = onnx.Matrix{}

// The places that C uses of ONNX Runtime's table are those of the header that
// onnxruntime_go is built with.
func TestPlaces(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/yalue/onnxruntime_go").Output()
	if err != nil {
		t.Skipf("no go command: %v", err)
	}
	header, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "onnxruntime_c_api.h"))
	if err != nil {
		t.Fatal(err)
	}
	names := tableOf(t, string(header))
	root := embedtest.Root(t)
	for path, places := range map[string]int{
		filepath.Join(root, "internal/embed/onnx/matrix_linux_amd64.c"):   9,
		filepath.Join(root, "internal/embed/embedtest/testdata/anycpu.c"): 1,
	} {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, m := range regexp.MustCompile(`\b([A-Z]\w*[a-z]\w*) = (\d+)\b`).FindAllStringSubmatch(string(source), -1) {
			want, _ := strconv.Atoi(m[2])
			if at := slices.Index(names, m[1]); at != want {
				t.Errorf("%s: %s is at %d of the table, not at %d", path, m[1], at, want)
			}
			found++
		}
		if found != places {
			t.Errorf("%s: %d places, want %d", path, found, places)
		}
	}
	if len(names) != 405 {
		t.Errorf("the table has %d places; anycpu.c copies 405", len(names))
	}
}

// tableOf gives the names of the members of struct OrtApi, in order.
func tableOf(t *testing.T, header string) (names []string) {
	t.Helper()
	_, table, _ := strings.Cut(header, "struct OrtApi {")
	table, _, ok := strings.Cut(table, "\n};")
	if !ok {
		t.Fatal("the header has no OrtApi")
	}
	table = regexp.MustCompile(`(?s)//[^\n]*|/\*.*?\*/`).ReplaceAllString(table, "")
	member := regexp.MustCompile(`ORT_API2_STATUS\(\s*(\w+)|ORT_CLASS_RELEASE\(\s*(\w+)\s*\)|\(\s*ORT_API_CALL\s*\*\s*(\w+)\s*\)`)
	for _, m := range member.FindAllStringSubmatch(table, -1) {
		name := m[1] + m[3]
		if m[2] != "" {
			name = "Release" + m[2]
		}
		names = append(names, name)
	}
	return names
}

// text gives made-up token ids.
func text(seed uint64, tokens int) []int64 {
	random := rand.New(rand.NewPCG(seed, uint64(tokens)))
	ids := make([]int64, tokens)
	for i := range ids {
		ids[i] = random.Int64N(200)
	}
	return ids
}

func runOne(t testing.TB, s embed.Session, ids []int64) []float32 {
	t.Helper()
	got, dim, err := s.Run(ids, 1, len(ids))
	if err != nil || dim != 64 || len(got) != 64 {
		t.Fatalf("%d tokens: %d numbers of dimension %d, %v", len(ids), len(got), dim, err)
	}
	return got
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// The graph of ordinary operators gives, padded, what the other gives without; also
// at lengths whose padding has more tokens than the model has positions.
func TestMatrixAgrees(t *testing.T) {
	m := embedtest.Matrix(t)
	fused, ordinary := embedtest.TinyBERT(t, 70)
	exact, s := open(t, load(t, embedtest.Runtime(t), fused), 1), open(t, load(t, m, ordinary), 2)
	least := 1.0
	for _, tokens := range []int{1, 2, 15, 16, 17, 31, 32, 33, 64, 65, 70} {
		ids := text(1, tokens)
		sum := 0.0
		for i, x := range runOne(t, s, ids) {
			sum += float64(x) * float64(runOne(t, exact, ids)[i])
		}
		least = min(least, sum)
	}
	t.Logf("least cosine %.7f (in float32: %v)", least, m.Emulated)
	if want := map[bool]float64{true: 0.999999, false: 0.999}[m.Emulated]; least < want {
		t.Errorf("least cosine %.7f, want %v", least, want)
	}
}

// A text has the same bits alone, in a batch, shuffled, with one stream or two, and
// from several goroutines at once.
func TestMatrixBits(t *testing.T) {
	m := embedtest.Matrix(t)
	_, path := embedtest.TinyBERT(t, 128)
	g := load(t, m, path)
	s, single := open(t, g, 2), open(t, g, 1)
	var group sync.WaitGroup
	for _, tokens := range []int{7, 16, 39, 100} {
		texts, alone := make([][]int64, 16), make([][]float32, 16)
		for i := range texts {
			texts[i] = text(uint64(i), tokens)
			alone[i] = runOne(t, s, texts[i])
			if !sameBits(alone[i], runOne(t, single, texts[i])) {
				t.Errorf("%d tokens: text %d has other bits with one stream", tokens, i)
			}
		}
		for _, size := range []int{2, 3, 8, 16} {
			order := rand.New(rand.NewPCG(3, uint64(size))).Perm(16)
			for part := range slices.Chunk(order, size) {
				var flat []int64
				for _, i := range part {
					flat = append(flat, texts[i]...)
				}
				got, dim, err := s.Run(flat, len(part), tokens)
				if err != nil || len(got) != len(part)*dim {
					t.Fatalf("%d numbers, %v", len(got), err)
				}
				for k, i := range part {
					if !sameBits(got[k*dim:(k+1)*dim], alone[i]) {
						t.Errorf("%d tokens: text %d has other bits in a batch of %d", tokens, i, len(part))
					}
				}
			}
		}
		for c := range 4 {
			group.Go(func() {
				for i := range texts {
					if i = (i + 5*c) % len(texts); !sameBits(runOne(t, s, texts[i]), alone[i]) {
						t.Errorf("%d tokens: text %d has other bits beside others", tokens, i)
					}
				}
			})
		}
		group.Wait()
	}
}

// Whatever OpenVINO does with a thread's alternative signal stack, Go finds its own
// there again: the next signal would end the process otherwise.
func TestMatrixKeepsSignalStacks(t *testing.T) {
	m := embedtest.Matrix(t)
	_, path := embedtest.TinyBERT(t, 64)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	at, size := onnx.SignalStack()
	if at == 0 || size == 0 {
		t.Fatalf("this thread has no signal stack: %#x, %d bytes", at, size)
	}
	check := func(after string) {
		t.Helper()
		if nowAt, now := onnx.SignalStack(); nowAt != at || now != size {
			t.Errorf("after %s the signal stack is %#x with %d bytes, not %#x with %d", after, nowAt, now, at, size)
		}
	}
	g, err := m.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	check("loading")
	s, err := g.Open(2)
	if err != nil {
		t.Fatal(err)
	}
	check("opening")
	runOne(t, s, text(1, 20))
	check("running")
	// Closed on another thread than it was opened on.
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		at, size := onnx.SignalStack()
		err := s.Close()
		if nowAt, now := onnx.SignalStack(); nowAt != at || now != size {
			t.Errorf("after closing on another thread its signal stack is %#x with %d bytes, not %#x with %d", nowAt, now, at, size)
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
	check("closing")
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	runtime.GC() // signals threads
}

// No thread is held on one core: several sessions, and processes, would share it.
func TestMatrixPinsNothing(t *testing.T) {
	m := embedtest.Matrix(t)
	_, path := embedtest.TinyBERT(t, 64)
	allowed := func(task string) string {
		raw, err := os.ReadFile(filepath.Join(task, "status"))
		if err != nil {
			return "" // it has ended
		}
		_, rest, _ := strings.Cut(string(raw), "Cpus_allowed_list:")
		line, _, _ := strings.Cut(rest, "\n")
		return strings.TrimSpace(line)
	}
	before := allowed("/proc/self")
	s := open(t, load(t, m, path), 2)
	var group sync.WaitGroup
	for c := range 4 {
		group.Go(func() {
			for i := range 20 {
				runOne(t, s, text(uint64(c), 1+i))
			}
		})
	}
	group.Wait()
	tasks, err := filepath.Glob("/proc/self/task/*")
	if err != nil || len(tasks) < 2 {
		t.Fatalf("%d threads, %v", len(tasks), err)
	}
	for _, task := range tasks {
		if now := allowed(task); now != "" && now != before {
			t.Errorf("%s may run on cores %s alone; the process may on %s", task, now, before)
		}
	}
}

// A home that is named relative to where the process is has its plugin there, and not
// beside ONNX Runtime's library.
func TestMatrixOfARelativeHome(t *testing.T) {
	m := embedtest.Matrix(t)
	_, path := embedtest.TinyBERT(t, 64)
	t.Chdir(filepath.Dir(filepath.Dir(m.Plugin)))
	m.Plugin = filepath.Join(filepath.Base(filepath.Dir(m.Plugin)), filepath.Base(m.Plugin))
	open(t, load(t, m, path), 1)
}

// What is missing, damaged or does not fit is an error that says so, and what was
// loaded goes on.
func TestMatrixRefuses(t *testing.T) {
	m := embedtest.Matrix(t)
	_, path := embedtest.TinyBERT(t, 64)
	s := open(t, load(t, m, path), 1)
	for _, missing := range append([]string{filepath.Base(m.Plugin)}, onnx.PluginLibraries()...) {
		refusedWith(t, without(t, m, missing), path, missing, "akin setup", "--matrix-units off")
	}
	refusedWith(t, without(t, m, ""), path, "already uses "+m.Plugin)
	refusedWith(t, m, writeGraph(t, []port{ids()}, []port{float("sentence_embedding", 2, 2)}), "padding would count")
	refusedWith(t, m, writeGraph(t, []port{ids(), mask()}, []port{float("last_hidden_state", 3, 2)}), "padding would count")
	refusedWith(t, m, filepath.Join(t.TempDir(), "none.onnx"), "none.onnx")
	if _, _, err := s.Run([]int64{1, 2, 3}, 2, 2); err == nil || !strings.Contains(err.Error(), "3 ids are not 2 texts") {
		t.Errorf("another number of ids: %v", err)
	}
	runOne(t, s, text(1, 9))
}

// without gives the plugin in a folder of links, but for one of its files.
func without(t *testing.T, m onnx.Matrix, missing string) onnx.Matrix {
	t.Helper()
	dir, from := t.TempDir(), filepath.Dir(m.Plugin)
	m.Plugin = filepath.Join(dir, filepath.Base(m.Plugin))
	for _, name := range append([]string{filepath.Base(m.Plugin)}, onnx.PluginLibraries()...) {
		if name == missing {
			continue
		}
		if err := os.Symlink(filepath.Join(from, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func refusedWith(t *testing.T, m onnx.Matrix, path string, wants ...string) {
	t.Helper()
	g, err := m.Load(path)
	if err != nil {
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not mention %q", err, want)
			}
		}
		return
	}
	t.Errorf("%s was loaded: %v; want %q", path, g.Close(), wants)
}

// A plugin that is none is an error in a process of its own: what is registered
// stays registered.
func TestMatrixDamaged(t *testing.T) {
	if os.Getenv("AKIN_DAMAGED_PLUGIN") == "" {
		embedtest.Matrix(t)
		cmd := exec.Command(os.Args[0], "-test.run", "^TestMatrixDamaged$", "-test.v")
		cmd.Env = append(os.Environ(), "AKIN_DAMAGED_PLUGIN=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestMatrixDamaged") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	m := embedtest.Matrix(t)
	_, path := embedtest.TinyBERT(t, 64)
	broken := without(t, m, filepath.Base(m.Plugin))
	if err := os.WriteFile(broken.Plugin, []byte("not a library"), 0o700); err != nil {
		t.Fatal(err)
	}
	refusedWith(t, broken, path, "register the plugin", "akin setup")
	// And the process is none the worse for it.
	runOne(t, open(t, load(t, m, path), 1), text(1, 9))
}

// Where a process may not run code that it made, as in a hardened unit, that is an
// error, and nothing dies.
func TestMatrixWhereCodeMayNotBeMade(t *testing.T) {
	if os.Getenv("AKIN_NO_CODE") == "" {
		embedtest.Matrix(t)
		cmd := exec.Command(os.Args[0], "-test.run", "^TestMatrixWhereCodeMayNotBeMade$", "-test.v")
		cmd.Env = append(os.Environ(), "AKIN_NO_CODE=1")
		out, err := cmd.CombinedOutput()
		switch {
		case strings.Contains(string(out), "--- SKIP"):
			t.Skipf("%s", out)
		case err != nil || !strings.Contains(string(out), "--- PASS: TestMatrixWhereCodeMayNotBeMade"):
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	const setMDWE, refuseExecGain = 65, 1
	if !onnx.MayCompile() {
		t.Error("this process may not make code")
	}
	if _, _, failed := syscall.RawSyscall6(syscall.SYS_PRCTL, setMDWE, refuseExecGain, 0, 0, 0, 0); failed != 0 {
		t.Skipf("this kernel cannot forbid it: %v", failed)
	}
	if onnx.MayCompile() {
		t.Error("it was forbidden, and may be done")
	}
	m := embedtest.Matrix(t)
	fused, path := embedtest.TinyBERT(t, 64)
	refusedWith(t, m, path, "MemoryDenyWriteExecute", "--matrix-units off")
	// float32 needs no code of its own.
	runOne(t, open(t, load(t, embedtest.Runtime(t), fused), 1), text(1, 9))
}

// rounds reads how often a test is to be run; make test-bf16 sets it.
func rounds(t *testing.T, variable string, usual int) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv(variable))
	if err != nil {
		return usual
	}
	return n
}

// Sessions are opened and closed again and again, on threads that change, while
// the garbage collector signals them, and leave neither threads nor memory behind.
func TestMatrixSessions(t *testing.T) {
	m := embedtest.Matrix(t)
	n := rounds(t, "AKIN_SESSIONS", 16)
	_, path := embedtest.TinyBERT(t, 64)
	g := load(t, m, path)
	want := runOne(t, open(t, g, 1), text(1, 20))
	work := make(chan int)
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for range work {
				s, err := g.Open(1 + n%2)
				if err != nil {
					t.Error(err)
					continue
				}
				if !sameBits(runOne(t, s, text(1, 20)), want) {
					t.Error("a session has other bits")
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				runtime.GC()
			}
		})
	}
	early := 0
	for i := range n {
		if i == n/4 {
			early = resident(t)
		}
		work <- i
	}
	close(work)
	group.Wait()
	late := resident(t)
	t.Logf("%d sessions: %d KiB resident after a quarter, %d at the end", n, early, late)
	// Of a leak of one session, weights alone would be 0.4 MiB.
	if grown := late - early; grown > 64<<10+n*40 {
		t.Errorf("%d sessions left %d KiB", n, grown)
	}
}

// resident gives the resident memory of this process, in KiB.
func resident(t *testing.T) int {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "VmRSS:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Hours of texts of all lengths, from more goroutines than cores, with sessions that
// come and go beside: nothing dies, and no bit changes.
func TestMatrixSoak(t *testing.T) {
	lasts, err := time.ParseDuration(os.Getenv("AKIN_SOAK"))
	if err != nil {
		lasts = 300 * time.Millisecond
	}
	m := embedtest.Matrix(t)
	_, path := embedtest.TinyBERT(t, 128)
	g := load(t, m, path)
	s := open(t, g, 2)
	wants := make([][]float32, 129)
	for tokens := 1; tokens <= 128; tokens++ {
		wants[tokens] = runOne(t, s, text(9, tokens))
	}
	end := time.Now().Add(lasts)
	var group sync.WaitGroup
	for c := range 6 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(c)))
			for time.Now().Before(end) && !t.Failed() {
				if tokens := 1 + random.IntN(128); !sameBits(runOne(t, s, text(9, tokens)), wants[tokens]) {
					t.Errorf("%d tokens have other bits", tokens)
				}
				if random.IntN(200) == 0 {
					other, err := g.Open(1)
					if err != nil {
						t.Error(err)
						return
					}
					runOne(t, other, text(9, 5))
					if err := other.Close(); err != nil {
						t.Error(err)
					}
				}
				if random.IntN(50) == 0 {
					runtime.GC()
				}
			}
		})
	}
	group.Wait()
	t.Logf("%v; %d KiB resident", lasts, resident(t))
}
