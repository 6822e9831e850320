package embed_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"akin/internal/embed"
	"akin/internal/model"
	"akin/internal/paper"
)

func TestJoin(t *testing.T) {
	for _, tc := range []struct{ title, abstract, want string }{
		{"A title", "An abstract.", "A title; An abstract."},
		{"", "An abstract.", "An abstract."},
		{"A title", "", "A title"},
		{"", "", ""},
		// What stands in a text is not a template.
		{"{abstract}", "{title}", "{abstract}; {title}"},
	} {
		if got := embed.Join("{title}; {abstract}", tc.title, tc.abstract); got != tc.want {
			t.Errorf("%q and %q are joined to %q, want %q", tc.title, tc.abstract, got, tc.want)
		}
	}
}

// The role decides the prefix, the template how title and abstract are joined,
// and both are in the space.
func TestTextPolicy(t *testing.T) {
	e := openFake(t, fakeConfig(t, &fake{}))
	defer closeModel(t, e)
	for _, tc := range []struct {
		opt  embed.Options
		want string
	}{
		{embed.Options{Role: embed.Document}, "doc : a b"},
		{embed.Options{Role: embed.Query}, "query : a b"},
		{embed.Options{Role: embed.Query, Raw: true}, "a b"},
	} {
		got := mustEmbed(t, e, []string{"a b"}, tc.opt)[0]
		if want := idsOf(tc.want); got.Tokens != len(want) || !near(got.Vector, unit(want...)) {
			t.Errorf("%+v: %d tokens, %v; want those of %q", tc.opt, got.Tokens, got.Vector, tc.want)
		}
	}
	if got := e.Text("a", "b"); got != "a. b" {
		t.Errorf("title and abstract are joined to %q", got)
	}
	tokens, err := e.Tokenize("a zz b", 4, true)
	if err != nil || !slices.Equal(tokens.IDs, []int64{2, 4, 1, 3}) || !tokens.Truncated ||
		!slices.Equal(tokens.Pieces, []string{"[CLS]", "a", "[UNK]", "[SEP]"}) || tokens.Offsets[2] != [2]int{2, 4} {
		t.Errorf("tokens %+v, %v", tokens, err)
	}
	space := e.Space()
	if space.Model != "fake" || space.Template != "{title}. {abstract}" || space.QueryPrefix != "query: " || space.DocumentPrefix != "doc: " ||
		space.Dimension != fakeDim || space.MaxTokens != 300 || space.Pooling != "mean" || space.Precision != model.Float32 {
		t.Errorf("space %+v", space)
	}
	if !e.ExactTokens() || e.License() != "MIT" || e.Source() != "https://example.org/fake" {
		t.Errorf("exact %t, license %q, source %q", e.ExactTokens(), e.License(), e.Source())
	}
}

// A text above the limit is cut and said to be, or refused with its length.
func TestLongTexts(t *testing.T) {
	f := &fake{}
	e := openFake(t, fakeConfig(t, f))
	defer closeModel(t, e)
	raw := embed.Options{Raw: true}
	for i, got := range mustEmbed(t, e, []string{words("a", 300), words("a", 301), ""}, raw) {
		if wantTokens := []int{300, 300, 2}[i]; got.Tokens != wantTokens || got.Truncated != (i == 1) {
			t.Errorf("text %d: %d tokens, truncated %t", i, got.Tokens, got.Truncated)
		}
	}
	runs := len(f.started())
	_, _, embedErr := e.Embed(t.Context(), []string{"a", words("a", 301)}, embed.Options{Raw: true, RefuseLong: true})
	checkErr := e.CheckLength("inputs[1]", words("a", 301), raw)
	for _, err := range []error{embedErr, checkErr} {
		var refused *paper.Error
		if !errors.As(err, &refused) || refused.Kind != paper.Invalid || refused.Reason != paper.ReasonTextTooLong ||
			refused.Metadata["tokens"] != "301" || refused.Metadata["limit"] != "300" || refused.Violations[0].Field != "inputs[1]" {
			t.Errorf("a long text that must not be cut: %v (%+v)", err, refused)
		}
	}
	if len(f.started()) != runs {
		t.Error("a call that is refused was run")
	}
	if err := e.CheckLength("text", words("a", 300), raw); err != nil {
		t.Errorf("a text of just the limit: %v", err)
	}
	if err := e.CheckLength("text", words("a", 300), embed.Options{Role: embed.Query}); err == nil {
		t.Error("the prefix is not counted")
	}
	if got, _, err := e.Embed(t.Context(), nil, raw); got != nil || err != nil {
		t.Errorf("no texts: %v, %v", got, err)
	}
}

// Each kind of output is pooled as the manifest says, to unit length.
func TestPooling(t *testing.T) {
	for _, tc := range []struct {
		name, pooling string
		output        embed.Output
		want          []float32
	}{
		{"mean", "mean", embed.Output{Dimension: fakeDim}, unit(2, 4, 6, 3)},
		{"cls", "cls", embed.Output{}, unit(2)},
		{"pooled by the graph", "mean", embed.Output{Pooled: true}, unit(6)},
	} {
		f := &fake{output: tc.output}
		config := fakeConfig(t, f)
		config.Manifest.Pooling = tc.pooling
		e := openFake(t, config)
		for i, got := range mustEmbed(t, e, []string{"a c", "a c"}, embed.Options{Raw: true}) {
			var norm float64
			for _, x := range got.Vector {
				norm += float64(x) * float64(x)
			}
			if !near(got.Vector, tc.want) || math.Abs(norm-1) > 1e-6 {
				t.Errorf("%s: text %d: %v, want %v", tc.name, i, got.Vector, tc.want)
			}
		}
		closeModel(t, e)
	}
	// Nothing has no direction: it stays nothing instead of becoming NaN.
	f := &fake{spoil: func(_ run, out []float32) ([]float32, int, error) { clear(out); return out, fakeDim, nil }}
	e := openFake(t, fakeConfig(t, f))
	if got := mustEmbed(t, e, []string{"a"}, embed.Options{})[0].Vector; !slices.Equal(got, make([]float32, fakeDim)) {
		t.Errorf("the unit vector of nothing is %v", got)
	}
	closeModel(t, e)
}

// One thread needs one session only.
func TestOneThreadSharesTheSession(t *testing.T) {
	f := &fake{}
	config := fakeConfig(t, f)
	config.Threads = 1
	e := openFake(t, config)
	mustEmbed(t, e, []string{"a"}, embed.Options{})
	closeModel(t, e)
	if want := []string{"load model.onnx", "open 1", "close 1", "close graph"}; !slices.Equal(f.events, want) {
		t.Errorf("events %v, want %v", f.events, want)
	}
}

// The second session is opened by those who need it, once, and closed if it was.
func TestSecondSessionIsLate(t *testing.T) {
	f := &fake{}
	e := openFake(t, fakeConfig(t, f))
	mustEmbed(t, e, []string{"a"}, embed.Options{})
	if want := []string{"load model.onnx", "open 2"}; !slices.Equal(f.events, want) {
		t.Errorf("a lone query: events %v, want %v", f.events, want)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, _, err := e.Embed(t.Context(), []string{"a", "b"}, embed.Options{Class: embed.Bulk}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	closeModel(t, e)
	if want := []string{"load model.onnx", "open 2", "open 1", "close 1", "close 2", "close graph"}; !slices.Equal(f.events, want) {
		t.Errorf("bulk work: events %v, want %v", f.events, want)
	}
}

// Without the second session, the first does its work: the same vectors, and a warning.
// Files that were replaced since they were verified are not opened.
func TestWithoutSecondSession(t *testing.T) {
	for name, spoil := range map[string]func(f *fake, config embed.Config){
		"it cannot be opened": func(f *fake, _ embed.Config) { f.openErr = map[int]error{1: errBroken} },
		"another model":       func(_ *fake, config embed.Config) { writeFile(t, config.ModelDir, model.GraphFile, "another graph") },
		"no model":            func(_ *fake, config embed.Config) { os.Remove(filepath.Join(config.ModelDir, model.GraphFile)) },
	} {
		t.Run(name, func(t *testing.T) {
			f, said := &fake{}, &strings.Builder{}
			config := fakeConfig(t, f)
			config.Log = slog.New(slog.NewTextHandler(said, nil))
			e := openFake(t, config)
			want := mustEmbed(t, e, []string{"a b"}, embed.Options{})
			spoil(f, config)
			for range 2 {
				if got := mustEmbed(t, e, []string{"a b"}, embed.Options{Class: embed.Bulk}); !slices.Equal(got[0].Vector, want[0].Vector) {
					t.Errorf("vector %v, want %v", got[0].Vector, want[0].Vector)
				}
			}
			closeModel(t, e)
			if want := []string{"load model.onnx", "open 2", "close 2", "close graph"}; !slices.Equal(f.events, want) {
				t.Errorf("events %v, want %v", f.events, want)
			}
			if n := strings.Count(said.String(), "second session"); n != 1 {
				t.Errorf("it warned %d times: %s", n, said)
			}
		})
	}
}

// What is wrong is found when the model is opened, and said with what to do; what
// was opened by then is closed.
func TestOpenRefuses(t *testing.T) {
	digest := func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) }
	pin := func(name, content string) func(*testing.T, *fake, *embed.Config) {
		return func(_ *testing.T, _ *fake, c *embed.Config) {
			c.Manifest.Files = append(c.Manifest.Files, model.File{Name: name, Size: int64(len(content)), SHA256: digest(content)})
		}
	}
	write := func(name, content string) func(*testing.T, *fake, *embed.Config) {
		return func(t *testing.T, _ *fake, c *embed.Config) { writeFile(t, c.ModelDir, name, content) }
	}
	for _, tc := range []struct {
		name   string
		change func(*testing.T, *fake, *embed.Config)
		want   string
		events string
	}{
		{"no runtime", func(_ *testing.T, _ *fake, c *embed.Config) { c.Runtime = nil }, "runtime", ""},
		{"no folder", func(_ *testing.T, _ *fake, c *embed.Config) { c.ModelDir = filepath.Join(c.ModelDir, "none") }, "akin setup", ""},
		{"precision of a ready graph", func(_ *testing.T, _ *fake, c *embed.Config) { c.Precision = model.Int8 }, "leave out the precision", ""},
		{"another graph", pin(model.GraphFile, "a grape"), "SHA-256", ""},
		{"another tokenizer", pin(model.TokenizerFile, "{}"), "akin setup", ""},
		{"weights without a graph", pin(model.WeightsFile, "weights"), "akin model build", ""},
		{"no tokenizer", write(model.TokenizerFile, "{"), "load tokenizer", ""},
		{"odd configuration", write(model.ConfigFile, "{"), "config", ""},
		{"small vocabulary", write(model.ConfigFile, fakeModelConfig(11, 512)), "12 tokens, the model's vocabulary 11", ""},
		{"few positions", write(model.ConfigFile, fakeModelConfig(12, 299)), "max_tokens 300 of fake is above the model's 299", ""},
		{"a graph that cannot be read", func(_ *testing.T, f *fake, _ *embed.Config) { f.loadErr = errBroken }, "broken", "load model.onnx"},
		{"dimension", func(_ *testing.T, f *fake, _ *embed.Config) { f.output.Dimension = 4 }, "4 dimensions", "load model.onnx, close graph"},
		{"no session", func(_ *testing.T, f *fake, _ *embed.Config) { f.openErr = map[int]error{2: errBroken} }, "broken", "load model.onnx, close graph"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := &fake{}
			config := fakeConfig(t, f)
			tc.change(t, f, &config)
			e, err := embed.Open(config)
			if err == nil {
				closeModel(t, e)
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%q does not mention %q", err, tc.want)
			}
			if got := strings.Join(f.events, ", "); got != tc.events {
				t.Errorf("events %q, want %q", got, tc.events)
			}
		})
	}
}

// fakeModelConfig is the config.json of a model of that vocabulary and length.
func fakeModelConfig(vocabulary, positions int) string {
	return strings.NewReplacer("VOCAB", strconv.Itoa(vocabulary), "POSITIONS", strconv.Itoa(positions)).Replace(`{
		"model_type": "bert", "vocab_size": VOCAB, "max_position_embeddings": POSITIONS, "type_vocab_size": 2, "hidden_size": 12,
		"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "layer_norm_eps": 1e-12, "hidden_act": "gelu"}`)
}

// Describe says the same as an open model, without a runtime, and the space moves
// with what vectors depend on.
func TestDescribe(t *testing.T) {
	f := &fake{}
	config := fakeConfig(t, f)
	writeFile(t, config.ModelDir, model.ConfigFile, fakeModelConfig(12, 300))
	e := openFake(t, config)
	closeModel(t, e)
	config.Runtime = nil
	about, err := embed.Describe(config)
	if err != nil || about.Space != e.Space() || !about.ExactTokens {
		t.Fatalf("described as %+v, %v; open it is %+v", about, err, e.Space())
	}
	writeFile(t, config.ModelDir, model.GraphFile, "another graph")
	other, err := embed.Describe(config)
	if err != nil || other.Space == about.Space || other.Space.TokenizerDigest != about.Space.TokenizerDigest {
		t.Errorf("another graph is described as %+v, %v", other, err)
	}
	config.Manifest.Pooling = "cls"
	if pooled, err := embed.Describe(config); err != nil || pooled.Space == other.Space {
		t.Errorf("another pooling is described as %+v, %v", pooled, err)
	}
	config.ModelDir = t.TempDir()
	if _, err := embed.Describe(config); err == nil {
		t.Error("nothing is described")
	}
}
