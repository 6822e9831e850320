package embed_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"akin/internal/embed"
	"akin/internal/embed/embedtest"
	"akin/internal/model"
)

// bf16Config is the real model in precision bf16, with its graph in a folder of the
// test's own.
func bf16Config(t *testing.T) embed.Config {
	t.Helper()
	config := embedtest.Config(t)
	dir := t.TempDir()
	for _, name := range []string{model.WeightsFile, model.ConfigFile, model.TokenizerFile, model.GraphFile, model.GraphFile + ".json"} {
		if err := os.Symlink(filepath.Join(config.ModelDir, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	config.ModelDir, config.Precision = dir, model.BFloat16
	return config
}

// The real model in precision bf16 gives vectors near those of float32, and the
// same bits alone and among others, in any order. Only where there are no matrix
// units it is computed in float32, and says so; the space is the same.
func TestBFloat16(t *testing.T) {
	exact := embedtest.Open(t)
	config := bf16Config(t)
	config.Matrix = embedtest.Matrix(t)
	if _, err := model.EnsureBFloat16Graph(config.ModelDir, config.Manifest.Pooling); err != nil {
		t.Fatal(err)
	}
	before := residentMiB(t)
	fast := openFake(t, config)
	defer closeModel(t, fast)
	texts := append(sample(t, 10), "short", "a short query", "another short query", "", strings.Repeat("long text ", 400))
	want := mustEmbed(t, exact, texts, embed.Options{})
	alone := make([][]float32, len(texts))
	sum, least := 0.0, 1.0
	for i, text := range texts {
		got := mustEmbed(t, fast, []string{text}, embed.Options{})[0]
		alone[i] = got.Vector
		cosine := dot(got.Vector, want[i].Vector)
		sum, least = sum+cosine, min(least, cosine)
		if got.Tokens != want[i].Tokens || got.Truncated != want[i].Truncated {
			t.Errorf("text %d: %d tokens, want %d", i, got.Tokens, want[i].Tokens)
		}
	}
	t.Logf("cosine to float32: mean %.6f, least %.6f; %d MiB more are resident", sum/float64(len(texts)), least, residentMiB(t)-before)
	if mean := sum / float64(len(texts)); mean < 0.9999 || least < 0.9998 {
		t.Errorf("cosine to float32: mean %.6f, least %.6f; want .9999 and .9998", mean, least)
	}
	order := rand.New(rand.NewPCG(1, 2)).Perm(len(texts))
	for _, class := range []embed.Class{embed.Interactive, embed.Bulk} {
		var in []string
		for _, i := range order {
			in = append(in, texts[i])
		}
		for k, got := range mustEmbed(t, fast, in, embed.Options{Class: class}) {
			if !same(got.Vector, alone[order[k]]) {
				t.Errorf("text %d among others (class %d) differs from itself alone", order[k], class)
			}
		}
	}
	if p := fast.Space().Precision; p != model.BFloat16 || fast.Computed() != model.BFloat16 {
		t.Errorf("a space of precision %s, computed in %s", p, fast.Computed())
	}
}

// Without matrix units a model of precision bf16 needs neither its graph nor what
// runs it: its vectors are those of float32, bit for bit, in a space that is named
// after bf16.
func TestBFloat16WithoutUnits(t *testing.T) {
	exact := embedtest.Open(t)
	config := bf16Config(t)
	e := openFake(t, config)
	defer closeModel(t, e)
	texts := sample(t, 3)
	want := mustEmbed(t, exact, texts, embed.Options{})
	for i, got := range mustEmbed(t, e, texts, embed.Options{}) {
		if !same(got.Vector, want[i].Vector) {
			t.Errorf("text %d has other bits than in float32", i)
		}
	}
	if e.Computed() != model.Float32 || e.Space().Precision != model.BFloat16 {
		t.Errorf("computed in %s, a space of precision %s", e.Computed(), e.Space().Precision)
	}
	space := exact.Space()
	space.Precision = model.BFloat16
	if e.Space() != space || e.Space().Fingerprint() == exact.Space().Fingerprint() {
		t.Errorf("the space is %+v", e.Space())
	}
	config.Matrix = &fake{}
	if _, err := embed.Open(config); err == nil || !strings.Contains(err.Error(), "akin setup") {
		t.Errorf("with units but without the graph: %v", err)
	}
}

// A runtime with a stream a core has one session, which all workers share, twice as
// many as there are cores.
func TestStreams(t *testing.T) {
	config := fakeConfig(t, nil)
	synctest.Test(t, func(t *testing.T) {
		f := &fake{output: embed.Output{Streams: true}, hold: make(chan struct{})}
		config.Runtime = f
		e := openFake(t, config)
		texts := make([]string, 8)
		for i := range texts {
			texts[i] = words("a", 40+i)
		}
		done := make(chan error)
		go func() {
			_, _, err := e.Embed(t.Context(), texts, embed.Options{Class: embed.Bulk, Raw: true})
			done <- err
		}()
		synctest.Wait()
		if n := len(f.started()); n != 4 {
			t.Errorf("%d texts run at once on 2 cores, want 4", n)
		}
		close(f.hold)
		if err := <-done; err != nil {
			t.Error(err)
		}
		closeModel(t, e)
		if want := []string{"load model.onnx", "open 2", "close 2", "close graph"}; !slices.Equal(f.events, want) {
			t.Errorf("it went %q, want %q", f.events, want)
		}
		for _, r := range f.started() {
			if r.threads != 2 {
				t.Errorf("a text ran on a session of %d cores", r.threads)
			}
		}
	})
}
