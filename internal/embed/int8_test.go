package embed_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"akin/internal/embed"
	"akin/internal/embed/embedtest"
	"akin/internal/model"
	"akin/models"
)

// int8Graph builds the int8 graph of the real model in a folder of its own, and
// opens it for the length of the test.
func int8Graph(t *testing.T) embed.Graph {
	t.Helper()
	config := embedtest.Config(t)
	calibration, err := model.ReadCalibration(models.Files, config.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{model.WeightsFile, model.ConfigFile} {
		if err := os.Symlink(filepath.Join(config.ModelDir, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := model.EnsureInt8Graph(dir, config.Manifest.Pooling, calibration); err != nil {
		t.Fatal(err)
	}
	weights, _ := config.Manifest.File(model.WeightsFile)
	if _, err := model.VerifyInt8Graph(dir, weights.SHA256, model.Digest); err != nil {
		t.Fatal(err)
	}
	graph, err := config.Runtime.Load(filepath.Join(dir, model.Int8GraphFile))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := graph.Close(); err != nil {
			t.Error(err)
		}
	})
	return graph
}

func openSession(t *testing.T, graph embed.Graph, threads int) embed.Session {
	t.Helper()
	s, err := graph.Open(threads)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func dot(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// The int8 graph gives vectors near those of float32, and the same bits for a
// text alone, among others, and with more threads. The sample is what the
// model was calibrated with; docs/adr/0006-int8.md has figures for others.
func TestInt8AgreesWithFloat32(t *testing.T) {
	e := embedtest.Open(t)
	graph := int8Graph(t)
	alone, shared := openSession(t, graph, 1), openSession(t, graph, 2)
	texts := append(sample(t, 40), "short", "a short query")
	exact := mustEmbed(t, e, texts, embed.Options{})
	sum, least := 0.0, 1.0
	for i, text := range texts {
		tokens, err := e.Tokenize(text, e.Space().MaxTokens, false)
		if err != nil {
			t.Fatal(err)
		}
		ids := tokens.IDs
		got, dim, err := alone.Run(ids, 1, len(ids))
		if err != nil || dim != e.Space().Dimension {
			t.Fatalf("dimension %d, %v", dim, err)
		}
		cosine := dot(got, exact[i].Vector)
		sum, least = sum+cosine, min(least, cosine)

		mate := slices.Clone(ids)
		slices.Reverse(mate)
		group, _, err := shared.Run(slices.Concat(mate, ids, mate), 3, len(ids))
		if err != nil {
			t.Fatal(err)
		}
		if !same(group[dim:2*dim], got) {
			t.Errorf("text %d among others differs from itself alone", i)
		}
	}
	mean := sum / float64(len(texts))
	t.Logf("cosine to float32: mean %.4f, lowest %.4f", mean, least)
	if mean < 0.995 || least < 0.98 {
		t.Errorf("cosine to float32: mean %.4f, lowest %.4f; want 0.995 and 0.98", mean, least)
	}
}
