package rank

import (
	"cmp"
	"math"
	"slices"

	"akin/internal/vec"
)

// Pair is a vector of one text beside one of another.
type Pair struct {
	// First and Second are positions in the two lists.
	First, Second int
	// Similarity is the cosine, in [-1, 1].
	Similarity float64
}

// Pairs compares each vector of a list with its nearest one of another list, the
// nearest pair first; ties keep the order of the first list. Vectors are float32
// [dim], unit length. It is empty where a list is.
func Pairs(first, second [][]float32) []Pair {
	var out []Pair
	if len(second) == 0 {
		return nil
	}
	for i, a := range first {
		best := Pair{First: i, Similarity: -2}
		for j, b := range second {
			if s := float64(vec.Dot(a, b)); s > best.Similarity {
				best.Second, best.Similarity = j, s
			}
		}
		out = append(out, best)
	}
	slices.SortStableFunc(out, func(a, b Pair) int { return cmp.Compare(b.Similarity, a.Similarity) })
	return out
}

// SentenceSimilarity says how near two texts are by their sentences: the mean of
// each sentence's cosine with its nearest one on the other side, averaged over
// both sides. A query that is a single vector is as near as the nearest sentence.
// It is NaN where a list is empty.
func SentenceSimilarity(query, text [][]float32) float64 {
	forth := meanNearest(query, text)
	if len(query) == 1 {
		return forth
	}
	return (forth + meanNearest(text, query)) / 2
}

func meanNearest(from, to [][]float32) float64 {
	var sum float64
	for _, p := range Pairs(from, to) {
		sum += p.Similarity
	}
	if len(from) == 0 || len(to) == 0 {
		return math.NaN()
	}
	return sum / float64(len(from))
}

// sentenceShare is the sentences' part of a reranked score; docs/quality.md has
// what it was chosen by.
const sentenceShare = 0.3

// Rerank orders hits anew: by their scores and by how near they are sentence by
// sentence, each standardised over the hits and weighed. near is parallel to
// hits; NaN counts as their mean. The new scores are on the scale of the old ones
// and not below the least of them, so that they go on into the hits that follow.
func Rerank(hits []Hit, near []float64) {
	scores := make([]float64, len(hits))
	for i, h := range hits {
		scores[i] = h.Score
	}
	mean, deviation := Moments(scores)
	least := slices.Min(scores)
	for i, blend := range FuseZ(scores, filled(near), 1-sentenceShare) {
		hits[i].Score = mean + deviation*blend
	}
	Sort(hits)
	for i := range hits { // after sorting, so that it ties nothing anew
		hits[i].Score = math.Max(hits[i].Score, least)
	}
}

// filled puts the mean in the place of every NaN.
func filled(values []float64) []float64 {
	known := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	mean, _ := Moments(known)
	out := slices.Clone(values)
	for i, v := range out {
		if math.IsNaN(v) {
			out[i] = mean
		}
	}
	return out
}
