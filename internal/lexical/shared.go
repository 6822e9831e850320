package lexical

// Shared gives the words of text that have the stem of a word of query, in their
// order in text and as it writes them, each stem once. Stop words, letters and numbers
// of formulas, and the joined forms of compounds are left out. It may be called from any goroutine.
func Shared(query, text string) []string {
	wanted := make(map[string]bool)
	for _, t := range Analyse(query) {
		if !t.Formula {
			wanted[t.Term] = true
		}
	}
	var out []string
	end := 0
	for _, t := range Analyse(text) {
		if wanted[t.Term] && !t.Formula && t.Start >= end {
			out, end = append(out, text[t.Start:t.End]), t.End
			delete(wanted, t.Term)
		}
	}
	return out
}
