package lexical

// stopNumbers gives stop words their numbers, from 1. The list is Snowball's for
// English without contractions (BSD licence, snowballstem.org), and what a
// possessive or an abbreviation leaves behind; the most frequent come first, as
// small numbers take less room in records. A change of the order is a change of
// the analysis: see fingerprint.
var stopNumbers = numbered( //nolint:gochecknoglobals // a constant table
	[]string{
		"the", "of", "and", "in", "to", "a", "is", "for", "that", "we", "with", "on", "as", "by", "this", "are",
		"from", "an", "be", "which", "it", "our", "these", "have", "or", "has", "not", "at", "been", "their",
		"such", "more", "between", "both", "than", "its", "into", "they", "was", "were", "but", "through",
		"most", "other", "over", "each", "all", "when", "where", "while", "only", "some", "no", "how", "there",
		"then", "out", "so", "same", "further", "up", "very", "if", "who", "what", "during", "should", "because",
		"any", "could", "few", "do", "being", "his", "i", "your", "you", "under", "about", "does", "those",
		"them", "above", "below", "me", "my", "myself", "ours", "ourselves", "yours", "yourself", "yourselves",
		"he", "him", "himself", "she", "her", "hers", "herself", "itself", "theirs", "themselves", "whom", "am",
		"had", "having", "did", "doing", "would", "ought", "until", "against", "before", "after", "down", "off",
		"again", "once", "here", "why", "nor", "own", "too",
	})

func numbered(words []string) map[string]uint32 {
	numbers := make(map[string]uint32, len(words))
	for i, w := range words {
		numbers[w] = uint32(i + 1)
	}
	return numbers
}

// stopWord gives the number of a folded word that queries do not look for, except
// within phrases; 0 for all others. Such words have no postings.
func stopWord(w []byte) uint32 { return stopNumbers[string(w)] }

func isStopWord(w []byte) bool { return stopWord(w) != 0 }
