package lexical

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/porter"

	"akin/internal/eval"
)

// variant is a way to analyse and to score. The zero value of a field means what
// the index does.
type variant struct {
	name string
	stem func(string) string
	stop func(string) bool
	// joined is the weight of joined compounds in queries; below 0 they are not
	// indexed.
	joined, title, k1, b float64
	// apart normalises each field by its own length (BM25F).
	apart bool
}

// TestVariants measures what the ADR compares, with a slow scorer of its own.
func TestVariants(t *testing.T) {
	if os.Getenv("AKIN_BENCH") == "" {
		t.Skip("a measurement of a minute: set AKIN_BENCH=1")
	}
	standard := variant{name: "as the index", stem: stem, stop: func(w string) bool { return isStopWord([]byte(w)) }, joined: joinedWeight, title: titleWeight, k1: k1, b: b}
	variants := []variant{standard}
	add := func(name string, change func(*variant)) {
		v := standard
		v.name = name
		change(&v)
		variants = append(variants, v)
	}
	add("no stems", func(v *variant) { v.stem = func(w string) string { return w } })
	add("plurals only", func(v *variant) { v.stem = singular })
	add("Porter's stems", func(v *variant) { v.stem = porterStem })
	add("no stop words", func(v *variant) { v.stop = func(string) bool { return false } })
	add("Lucene's 33 stop words", func(v *variant) {
		v.stop = func(w string) bool {
			return strings.Contains(" a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to was will with ", " "+w+" ")
		}
	})
	add("no joined compounds", func(v *variant) { v.joined = -1 })
	for _, w := range []float64{0, .25, 1} {
		add(fmt.Sprint("joined compounds × ", w), func(v *variant) { v.joined = w })
	}
	for _, w := range []float64{1, 2, 4, 5} {
		add(fmt.Sprint("title × ", w), func(v *variant) { v.title = w })
	}
	for _, k := range []float64{.9, 1.2, 2} {
		add(fmt.Sprint("k1 ", k), func(v *variant) { v.k1 = k })
	}
	for _, b := range []float64{.4, .6, .9} {
		add(fmt.Sprint("b ", b), func(v *variant) { v.b = b })
	}
	add("BM25F, lengths apart", func(v *variant) { v.apart = true })
	add("BM25F, lengths apart, k1 2", func(v *variant) { v.apart, v.k1 = true, 2 })
	sets := []*eval.Dataset{dataset(t, "search/cranfield"), dataset(t, "search/scifact-train"), dataset(t, "search/scitldr-dev")}
	fmt.Println("| | Cranfield nDCG@10 | R@100 | SciFact nDCG@10 | R@100 | SciTLDR MRR |\n|---|---|---|---|---|---|")
	for _, v := range variants {
		t.Run(v.name, func(*testing.T) {
			row := "| " + v.name
			for i, d := range sets {
				metrics := []eval.Metric{eval.NDCG(10), eval.Recall(100)}
				if i == 2 {
					metrics = []eval.Metric{eval.MRR(0)}
				}
				report, err := eval.Score(v.run(d), d.Qrels, eval.Options{Metrics: metrics, Resamples: 39})
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range metrics {
					r, _ := report.Result(m)
					row += fmt.Sprintf(" | %.4f", r.Mean)
				}
			}
			fmt.Println(row + " |")
		})
	}
}

// singular takes the plural's ending away (Harman, How effective is suffixing?,
// 1991).
func singular(w string) string {
	end := func(s string, but ...string) bool {
		for _, other := range but {
			if strings.HasSuffix(w, other) {
				return false
			}
		}
		return len(w) > 3 && strings.HasSuffix(w, s)
	}
	switch {
	case end("ies", "eies", "aies"):
		return w[:len(w)-3] + "y"
	case end("es", "aes", "ees", "oes"), end("s", "us", "ss", "es"):
		return w[:len(w)-1]
	}
	return w
}

func porterStem(w string) string {
	if stem(w) == w {
		return w
	}
	env := snowballstem.NewEnv(w)
	porter.Stem(env)
	return env.Current()
}

// bag counts the terms of a text; joined ones apart from the length.
func (v *variant) bag(a *analyser, text string, query bool) (tf map[string]float64, length float64) {
	tf = map[string]float64{}
	a.words(text, func(w word) {
		if v.stop(string(w.text)) || w.joined && v.joined < 0 {
			return
		}
		switch {
		case w.joined && query:
			tf[v.stem(string(w.text))] += v.joined
		case w.joined:
			tf[v.stem(string(w.text))]++
		default:
			tf[v.stem(string(w.text))]++
			length++
		}
	})
	return tf, length
}

type occurrence struct {
	doc             int
	title, abstract float64
}

// run scores every paper that shares a term with a query.
func (v *variant) run(d *eval.Dataset) eval.Run {
	var a analyser
	postings := map[string][]occurrence{}
	lengths := make([][2]float64, len(d.Papers))
	var mean [2]float64
	for i, p := range d.Papers {
		title, n := v.bag(&a, p.Title, false)
		abstract, m := v.bag(&a, p.Abstract, false)
		lengths[i] = [2]float64{n, m}
		mean[0] += n / float64(len(d.Papers))
		mean[1] += m / float64(len(d.Papers))
		for w, f := range title {
			postings[w] = append(postings[w], occurrence{i, f, abstract[w]})
			delete(abstract, w)
		}
		for w, f := range abstract {
			postings[w] = append(postings[w], occurrence{i, 0, f})
		}
	}
	run := eval.Run{}
	for _, q := range d.Queries {
		scores := map[int]float64{}
		terms, _ := v.bag(&a, q.Text, true)
		for w, count := range terms {
			weight := count * idf(len(d.Papers), uint32(len(postings[w])))
			for _, o := range postings[w] {
				n := lengths[o.doc]
				f := v.title*o.title + o.abstract
				norm := 1 - v.b + v.b*(v.title*n[0]+n[1])/(v.title*mean[0]+mean[1])
				if v.apart {
					f = v.title*o.title/(.4+.6*n[0]/mean[0]) + o.abstract/(1-v.b+v.b*n[1]/mean[1])
					norm = 1
				}
				scores[o.doc] += weight * f / (f + v.k1*norm)
			}
		}
		list := []eval.Scored{}
		for doc, s := range scores {
			list = append(list, eval.Scored{ID: d.Papers[doc].ID, Score: math.Round(s*1e9) / 1e9})
		}
		eval.Sort(list)
		run[q.ID] = list[:min(100, len(list))]
	}
	return run
}
