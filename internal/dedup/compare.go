package dedup

// Reason is why two papers count as one.
type Reason int

// The reasons, the surest first. None is the zero value.
const (
	None Reason = iota
	// SameArxivID: one arXiv id, whatever the version.
	SameArxivID
	// SameDOI: one DOI.
	SameDOI
	// SameTitle: one title after folding, and an author in common or similar
	// abstracts.
	SameTitle
	// SimilarText: nearly the same words in nearly the same order.
	SimilarText
)

// Kind is what two papers are to each other.
type Kind int

// The kinds. Unrelated is the zero value.
const (
	Unrelated Kind = iota
	// SameWork: the same work, in the same text or nearly.
	SameWork
	// Version: another version of one work: an earlier or later one, an extended
	// abstract, an erratum, one under a changed title.
	Version
	// Sequel: another work of the same authors, or of a series, in nearly the same
	// words: part II, the next year's, the same for something else.
	Sequel
	// SameAbstract: nearly the same abstract under a title that has little in common.
	// Most are one work that was renamed.
	SameAbstract
)

// One says whether papers of a kind count as one work.
func (k Kind) One() bool { return k == SameWork || k == Version || k == SameAbstract }

// The thresholds; docs/duplicates.md has what they were chosen by.
const (
	// MinSimilarity is the cosine from which similar texts match.
	MinSimilarity = 0.95
	// leastAgree of 64 slots is a resemblance of 0.51. Two signatures that
	// agree in more slots than there are bands agree in a whole band.
	leastAgree = bands + 1
	// leastWords is how long texts must be that match by their text.
	leastWords = 20
	// leastTitleOverlap is the part of the titles' words that similar texts of
	// different authors share.
	leastTitleOverlap = 0.5
	// titleCosine is what the vectors of papers with one title must have;
	// authorCosine if they have an author in common.
	titleCosine, authorCosine = 0.88, 0.7
	// anyCosine is below all.
	anyCosine = -2
	// shortTitle is how many words a title must have to count among papers of
	// other authors.
	shortTitle = 3
	// sameText of 64 slots is a text that hardly differs.
	sameText = 58
	// longTitle is how many words a title must have to count where an abstract
	// is missing, and specificTitle where authors are missing too.
	longTitle, specificTitle = 5, 6
)

// Match is why two papers match, what they are to each other, and how alike they are.
type Match struct {
	Reason Reason
	Kind   Kind
	// Similarity is the cosine of their vectors, as the caller computed it.
	Similarity float64
	// Resemblance estimates which part of the pairs of neighbouring words of
	// both texts the two have in common, from 0 to 1.
	Resemblance float64
}

// Compare decides whether two papers match: count as one, or are sequels (Match.Kind).
// cosine gives the cosine of
// their vectors; it is asked only if all else agrees, and NaN refuses.
// minSimilarity is the cosine that similar texts must have.
func Compare(a, b *Key, minSimilarity float64, cosine func() float64) (Match, bool) {
	reason, least := a.candidate(b, minSimilarity)
	if reason == None {
		return Match{}, false
	}
	m := Match{Reason: reason, Similarity: cosine(), Resemblance: resemblance(a.text.agree(&b.text))}
	if reason == SameTitle && !(m.Similarity >= least) && a.similarText(b) {
		m.Reason, least = SimilarText, minSimilarity
	}
	m.Kind = a.kind(b, m.Reason)
	return m, m.Reason <= SameDOI || m.Similarity >= least
}

// kind says what papers are to each other that match for a reason.
func (k *Key) kind(o *Key, reason Reason) Kind {
	switch {
	case reason == SimilarText && k.sequel(o):
		return Sequel
	case reason == SimilarText && k.titleOverlap(o) < leastTitleOverlap && !k.titleWithin(o):
		return SameAbstract
	case reason == SimilarText || k.title != o.title || k.marked != o.marked || k.text.agree(&o.text) < sameText:
		return Version
	default:
		return SameWork
	}
}

// sequel says whether papers with similar texts under different titles are two works:
// their titles have different numbers, or are for different things; or they were
// published in different years, and neither title only adds to the other. A preprint
// takes its time and may change its title on the way.
func (k *Key) sequel(o *Key) bool {
	switch {
	case k.numbers != o.numbers && (k.numbers != 0 && o.numbers != 0 || k.bare != 0 && k.bare == o.bare):
		return true
	case k.frame != 0 && k.frame == o.frame && k.tail&o.tail == 0:
		return true
	}
	return k.published && o.published && k.year != 0 && o.year != 0 && k.year != o.year && !k.titleWithin(o)
}

// candidate is the reason why two papers would match, and the cosine that it
// takes.
func (k *Key) candidate(o *Key, minSimilarity float64) (Reason, float64) {
	switch {
	case k.arxiv != 0 && k.arxiv == o.arxiv:
		return SameArxivID, 0
	case k.doi != 0 && k.doi == o.doi:
		return SameDOI, 0
	}
	if least, ok := k.sameTitle(o); ok {
		return SameTitle, least
	}
	if k.similarText(o) {
		return SimilarText, minSimilarity
	}
	return None, 0
}

// sameTitle says whether two papers have one title, and what cosine proves that
// it is one work: many are called "Introduction".
func (k *Key) sameTitle(o *Key) (least float64, same bool) {
	if k.title == 0 || k.title != o.title {
		return 0, false
	}
	shared, known := k.sharedAuthors(o)
	switch {
	case k.abstract && o.abstract && shared > 0:
		return authorCosine, true
	case k.abstract && o.abstract:
		return titleCosine, k.titleWords >= shortTitle
	case shared > 0: // without an abstract, a cosine says nothing of the works
		return anyCosine, k.titleWords >= longTitle
	default:
		return anyCosine, known == 0 && k.titleWords >= specificTitle
	}
}

// similarText says whether two texts have most words in common and the papers
// most authors, or most of the title: many a source gives one abstract to
// papers that have nothing in common.
func (k *Key) similarText(o *Key) bool {
	if k.textWords < leastWords || o.textWords < leastWords || k.text.agree(&o.text) < leastAgree {
		return false
	}
	shared, of := k.sharedAuthors(o)
	return shared > 0 && 2*shared >= of || k.titleOverlap(o) >= leastTitleOverlap
}
