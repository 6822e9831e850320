package embed_test

import (
	"os"
	"path/filepath"
	"testing"

	"akin/internal/embed"
	"akin/internal/embed/embedtest"
	"akin/internal/model"
	"akin/models"
)

// exported opens a model whose weights come from an export, and the export itself as a
// ready graph with some pooling. It skips the test where `make test-models` has not
// fetched it.
func exported(t *testing.T, name, pooling string) (built, plain *embed.Embedder) {
	t.Helper()
	home := os.Getenv("AKIN_MODELS_HOME")
	if home == "" {
		t.Skip("it needs models that no other test does: run make test-models")
	}
	m, err := model.Load(models.Files, name)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(home, "models", m.DirName())
	ready, own := t.TempDir(), *m
	own.Files, own.Packages, own.Config, own.Pooling = nil, nil, nil, pooling
	for from, to := range map[string]string{model.ExportFile: model.GraphFile, model.TokenizerFile: model.TokenizerFile} {
		if err := os.Symlink(filepath.Join(dir, filepath.FromSlash(from)), filepath.Join(ready, to)); err != nil {
			t.Fatal(err)
		}
	}
	open := func(dir string, m *model.Manifest) *embed.Embedder {
		e, err := embed.Open(embed.Config{Runtime: embedtest.Runtime(t), ModelDir: dir, Manifest: m, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
		return e
	}
	return open(dir, m), open(ready, &own)
}

// The graph that akin builds of an export gives the vectors that ONNX Runtime gives of
// the export, with the pooling of the model and no other, and what stands in front of
// questions does so in front of questions alone.
func TestExportedModels(t *testing.T) {
	for _, tc := range []struct{ name, pooling, other, question, paper string }{
		{"bge-small-en-v1.5", "cls", "mean", "Represent this sentence for searching relevant passages: ", ""},
		{"e5-small-v2", "mean", "cls", "query: ", "passage: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			built, plain := exported(t, tc.name, tc.pooling)
			texts := append(sample(t, 3), "short", "a question about graphs?")
			for _, role := range []embed.Role{embed.Query, embed.Document} {
				prefix := map[embed.Role]string{embed.Query: tc.question, embed.Document: tc.paper}[role]
				var prefixed []string
				for _, text := range texts {
					prefixed = append(prefixed, prefix+text)
				}
				want := mustEmbed(t, plain, prefixed, embed.Options{Raw: true})
				for i, got := range mustEmbed(t, built, texts, embed.Options{Role: role}) {
					if cosine := dot(got.Vector, want[i].Vector); cosine < 0.9999 {
						t.Errorf("text %d, role %v: cosine %.6f", i, role, cosine)
					}
				}
			}
			_, otherwise := exported(t, tc.name, tc.other)
			a, b := mustEmbed(t, built, texts[:1], embed.Options{Raw: true}), mustEmbed(t, otherwise, texts[:1], embed.Options{Raw: true})
			if cosine := dot(a[0].Vector, b[0].Vector); cosine > 0.999 {
				t.Errorf("%s pooling gives the same vector (cosine %.6f)", tc.other, cosine)
			}
		})
	}
}
