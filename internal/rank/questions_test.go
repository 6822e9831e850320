package rank

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// unitVectors draws vectors around centres, some around each.
func unitVectors(sizes []int, spread float64) (out [][]float32, subject []int) {
	r := rand.New(rand.NewPCG(1, 2))
	for s, n := range sizes {
		for range n {
			v, norm := make([]float32, 16), 0.0
			for d := range v {
				v[d] = float32(spread * r.NormFloat64())
			}
			v[s]++
			for _, x := range v {
				norm += float64(x) * float64(x)
			}
			for d := range v {
				v[d] /= float32(math.Sqrt(norm))
			}
			out, subject = append(out, v), append(subject, s)
		}
	}
	return out, subject
}

func anyPaper(int) bool { return true }

func subjects(asked []Asked, subject []int) (out []int) {
	for _, a := range asked {
		out = append(out, subject[a.At])
	}
	return out
}

// TestQuestionsCover: as many papers as there are subjects are one of each, the largest
// subject first, and each gains less than the one before.
func TestQuestionsCover(t *testing.T) {
	vectors, subject := unitVectors([]int{40, 80, 20, 60}, 0.1)
	asked, unknown := Questions(vectors, nil, anyPaper, 4)
	if got, want := subjects(asked, subject), []int{1, 3, 0, 2}; !slices.Equal(got, want) {
		t.Errorf("subjects %v, want %v", got, want)
	}
	if unknown != 1 {
		t.Errorf("%v is unknown of one who said nothing", unknown)
	}
	if !slices.IsSortedFunc(asked, func(a, b Asked) int { return int(math.Copysign(1, b.Gain-a.Gain)) }) {
		t.Errorf("gains do not fall: %v", asked)
	}
	again, _ := Questions(vectors, nil, anyPaper, 4)
	if !slices.Equal(asked, again) {
		t.Error("the same papers give other questions")
	}
}

// TestQuestionsGoOn: what was answered is not asked again, in its neighbourhood least of
// all; what may not be asked is not.
func TestQuestionsGoOn(t *testing.T) {
	vectors, subject := unitVectors([]int{50, 50, 50}, 0.1)
	asked, unknown := Questions(vectors, []Opinion{{0, 1}, {60, -1}}, func(i int) bool { return i != 0 && i != 60 }, 1)
	if got := subjects(asked, subject); !slices.Equal(got, []int{2}) {
		t.Errorf("subject %v is asked about, want the one of which nothing is known", got)
	}
	if unknown < 0.3 || unknown > 0.9 {
		t.Errorf("%v is unknown after two answers", unknown)
	}
	if asked, _ := Questions(vectors, nil, func(i int) bool { return subject[i] == 1 }, 60); len(asked) != 50 {
		t.Errorf("%d papers of 50 that may be asked about", len(asked))
	}
	for _, o := range [][]Opinion{{{0, 1}, {0, -1}, {0, 1}}, {{0, 1}, {1, 1}, {2, 1}}} {
		if _, unknown := Questions(vectors, o, anyPaper, 3); math.IsNaN(unknown) || unknown <= 0 || unknown > 1 {
			t.Errorf("%v leaves %v", o, unknown)
		}
	}
}

func TestQuestionsOfNothing(t *testing.T) {
	if asked, unknown := Questions(nil, nil, anyPaper, 9); asked != nil || unknown != 1 {
		t.Errorf("%v %v", asked, unknown)
	}
	same := [][]float32{{1, 0}, {1, 0}, {1, 0}}
	if asked, _ := Questions(same, nil, anyPaper, 9); len(asked) != 3 || asked[0].At != 0 {
		t.Errorf("%v of equal papers", asked)
	}
	if asked, _ := Questions(same, nil, func(int) bool { return false }, 9); len(asked) != 0 {
		t.Errorf("%v though nothing may be asked", asked)
	}
}

// TestRealQuestions measures, over the vectors that AKIN_QUESTIONS_VECTORS names, how
// good recommendations are after some questions, against papers drawn by lot.
func TestRealQuestions(t *testing.T) {
	path := os.Getenv("AKIN_QUESTIONS_VECTORS")
	if path == "" {
		t.Skip("make bench-questions sets AKIN_QUESTIONS_VECTORS")
	}
	all := readHalf(t, path)
	for _, wide := range []float64{0.02, 0.05, 0.10} {
		for _, rounds := range []int{1, 3} {
			for _, way := range []string{"lot", "questions"} {
				hit, some := simulate(all, wide, rounds, way)
				t.Logf("tastes of %2.0f %% of the papers, %2d questions, %-9s: precision at 20 %.3f, something liked %.2f", 100*wide, 9*rounds, way, hit, some)
			}
		}
	}
}

// simulate lets people answer who like the part of all papers that is nearest to one of
// them, and tells how many of the first twenty that are recommended they like.
func simulate(all [][]float32, wide float64, rounds int, way string) (precision, some float64) {
	const people, drawn = 60, 1_000
	r := rand.New(rand.NewPCG(7, 8))
	sample := make([][]float32, 0, drawn)
	for _, i := range r.Perm(len(all))[:drawn] {
		sample = append(sample, all[i])
	}
	pool := make([][]float32, 0, 4*drawn)
	for _, i := range r.Perm(len(all))[:4*drawn] {
		pool = append(pool, all[i])
	}
	for range people {
		taste := newTaste(pool[r.IntN(len(pool))], pool, wide)
		var opinions []Opinion
		told := map[int]bool{}
		for range rounds {
			var asked []Asked
			if way == "questions" {
				asked, _ = Questions(sample, opinions, func(i int) bool { return !told[i] }, 9)
			} else {
				for range 9 {
					asked = append(asked, Asked{At: r.IntN(drawn)})
				}
			}
			for _, a := range asked {
				told[a.At] = true
				opinions = append(opinions, Opinion{a.At, taste.of(sample[a.At])})
			}
		}
		hits, liked := taste.recommended(sample, pool, opinions)
		precision += hits / people
		if liked {
			some += 1.0 / people
		}
	}
	return precision, some
}

type taste struct {
	centre []float32
	least  float64
}

func dotOf(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func newTaste(centre []float32, pool [][]float32, wide float64) taste {
	near := make([]float64, len(pool))
	for i, v := range pool {
		near[i] = dotOf(centre, v)
	}
	slices.Sort(near)
	return taste{centre, near[len(near)-int(wide*float64(len(near)))-1]}
}

func (x taste) of(v []float32) float64 {
	if dotOf(x.centre, v) >= x.least {
		return 1
	}
	return -1
}

// recommended is what the page shows of the pool: by likes and dislikes; without a like,
// nothing.
func (x taste) recommended(sample, pool [][]float32, opinions []Opinion) (precision float64, liked bool) {
	var likes, dislikes []Weighted
	for _, o := range opinions {
		if w := (Weighted{sample[o.At], 1}); o.Value > 0 {
			likes = append(likes, w)
		} else {
			dislikes = append(dislikes, w)
		}
	}
	if len(likes) == 0 {
		return 0, false
	}
	a, b := NewExamples(likes), NewExamples(dislikes)
	var sa, sb Scratch
	hits := make([]Hit, len(pool))
	for i, v := range pool {
		hits[i] = Hit{ID: fmt.Sprintf("%06d", i), Handle: uint32(i), Score: Sum(Contributions(a.Similarities(v, &sa), b.Similarities(v, &sb), TopLikes))}
	}
	Sort(hits)
	for _, h := range hits[:20] {
		if x.of(pool[h.Handle]) > 0 {
			precision += 1.0 / 20
		}
	}
	return precision, true
}

// readHalf reads an array of float16 from an npy file.
func readHalf(t *testing.T, path string) (out [][]float32) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const dim = 384
	raw = raw[10+int(binary.LittleEndian.Uint16(raw[8:])):]
	for ; len(raw) >= 2*dim; raw = raw[2*dim:] {
		v, norm := make([]float32, dim), 0.0
		for d := range v {
			v[d] = halfToFloat(binary.LittleEndian.Uint16(raw[2*d:]))
			norm += float64(v[d]) * float64(v[d])
		}
		for d := range v {
			v[d] /= float32(math.Sqrt(norm))
		}
		out = append(out, v)
	}
	return out
}

func halfToFloat(h uint16) float32 {
	sign, exponent, fraction := float64(1), int(h>>10&0x1f), float64(h&0x3ff)
	if h&0x8000 != 0 {
		sign = -1
	}
	if exponent == 0 {
		return float32(sign * math.Ldexp(fraction, -24))
	}
	return float32(sign * math.Ldexp(1024+fraction, exponent-25))
}
