package filter

import (
	"fmt"
	"strings"
	"unicode"
)

// needsQuotes says whether a sign cannot stand in a word without quotation marks:
// it is more likely meant as syntax, which this language writes otherwise.
func needsQuotes(r rune) bool {
	return !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.Cf) && !strings.ContainsRune(".-/_:*", r)
}

// subject is how a comparison begins, for messages: "category = ".
func (w word) subject(op token) string {
	if op.text == ":" {
		return w.text + ":"
	}
	return w.text + " " + op.text + " "
}

// signFault explains the sign of a word that cannot stand there, with the right
// form of the comparison that it is the value of.
func (w word) signFault(subject string) error {
	if w.sign == 0 {
		return nil
	}
	pieces := strings.FieldsFunc(w.text, needsQuotes)
	switch {
	case strings.Trim(w.text, "&") == "":
		return faultAt(w.signColumn, "and is written AND, not %s", w.text)
	case strings.Trim(w.text, "|") == "":
		return faultAt(w.signColumn, "or is written OR, not %s", w.text)
	case strings.ContainsRune("[]{}|;&", w.sign) && len(pieces) > 1 && subject != "" && listed(w.text):
		return faultAt(w.signColumn, "%q does not make a list; write %s(%s)", w.sign, subject, strings.Join(pieces, " OR "))
	case strings.ContainsRune("[]{};", w.sign) && len(pieces) == 1:
		return faultAt(w.signColumn, "%q is no part of a value without quotation marks; write %s%s, and lists as (a OR b)", w.sign, subject, pieces[0])
	case unicode.In(w.sign, unicode.Pi, unicode.Pf, unicode.Ps) || strings.ContainsRune("`´", w.sign):
		return faultAt(w.signColumn, `%q is not a quotation mark here; write %s"%s"`, w.sign, subject, strings.Join(pieces, " "))
	}
	return faultAt(w.signColumn, `text with %q needs quotation marks; write %s%s`, w.sign, subject, quote(w.text))
}

// listed says whether a text looks like several values, rather than a name with
// a sign, such as AT&T.
func listed(text string) bool { return !strings.Contains(text, "&") }

func quote(text string) string {
	return fmt.Sprintf(`"%s"`, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text))
}
