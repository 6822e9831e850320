package titleid

import "testing"

func TestNew(t *testing.T) {
	// The ids are the rule: they may never change.
	for _, tc := range []struct{ title, normal string }{
		{"Attention Is All You Need", "attention is all you need"},
		{"  Attention is ALL you need?! ", "attention is all you need"},
		{"BERT: Pre-training of Deep Bidirectional Transformers", "bert pre training of deep bidirectional transformers"},
		{"ﬁne-tuning Straße", "fine tuning strasse"},
		{"Poincaré Embeddings", "poincaré embeddings"},
		{"Poincare\u0301 Embeddings", "poincaré embeddings"},
		{"H₂O and x²", "h2o and x2"},
		{"", ""},
	} {
		if got := Normalize(tc.title); got != tc.normal {
			t.Errorf("Normalize(%q) = %q, want %q", tc.title, got, tc.normal)
		}
	}
	for title, id := range map[string]string{
		"Attention Is All You Need":   "title:4a1c934d3d98f3ce",
		"attention  is all-you need.": "title:4a1c934d3d98f3ce",
	} {
		if got := New(title); got != id {
			t.Errorf("New(%q) = %s, want %s", title, got, id)
		}
	}
}
