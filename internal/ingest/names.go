package ingest

import (
	"regexp"
	"slices"
	"strings"

	plain "akin/internal/text"
)

// initials is what stands for given names: "M", "M.A.", "J.-P.", "MA".
var initials = regexp.MustCompile(`^(\p{Lu}\.?[- ]?){1,4}$`)

// dotted is initials that cannot be a name in capitals.
var dotted = regexp.MustCompile(`^(\p{Lu}\.[- ]?)+$`)

// shortened is a last name with initials behind it.
var shortened = regexp.MustCompile(`\p{L}[\p{L}' -]* \p{Lu}{1,4}$`)

// nameSuffix closes a name after a comma.
var nameSuffix = regexp.MustCompile(`^(?i:jr|sr|ii|iii|iv|v|2nd|3rd|filho|neto|júnior|ph\.?d|m\.?d)\.?$`)

// splitNames divides a string of names at semicolons or vertical bars, else at
// " and " or "&", else at commas. Where " and " only closes a list with commas
// ("A. One, B. Two and C. Three"), the commas divide too; where each part has
// exactly one comma, it stands between last and first name, as in BibTeX. So it
// does where every second part is initials ("Holt, M., Ng, B."), and in a single
// name ("Holt, Mira A").
func splitNames(list string) []string {
	text := list
	if strings.ContainsAny(list, `&<\\`) && !strings.Contains(list, "\n") {
		text = plain.Clean(list) // entities hold semicolons
	}
	for _, separator := range []string{";", "|", "\n"} {
		if strings.Contains(text, separator) {
			return withoutOthers(split(text, separator))
		}
	}
	parts := split(strings.ReplaceAll(text, " & ", " and "), " and ")
	if allInverted(parts) && (len(parts) > 1 || oneInverted(parts[0])) {
		return withoutOthers(parts)
	}
	var names []string
	for _, part := range parts {
		part = strings.TrimPrefix(part, "and ")
		names = append(names, pairInitials(split(part, ","))...)
	}
	return withoutStop(withoutOthers(names))
}

// withoutOthers leaves out what stands for names that are not given.
func withoutOthers(names []string) []string {
	return slices.DeleteFunc(names, standsForOthers)
}

func standsForOthers(name string) bool {
	switch strings.ToLower(strings.Trim(name, ". ")) {
	case "others", "and others", "et al", "et. al", "and et al":
		return true
	}
	return false
}

// withoutStop takes the full stop from the end of a list such as "Holt M, Ng B.", as PubMed
// writes them, in which no other name has one.
func withoutStop(names []string) []string {
	n := len(names) - 1
	if n < 1 || strings.Count(names[n], ".") != 1 || !strings.HasSuffix(names[n], ".") || nameSuffix.MatchString(names[n]) {
		return names
	}
	for _, name := range names[:n] {
		if strings.Contains(name, ".") || !shortened.MatchString(name) {
			return names
		}
	}
	names[n] = strings.TrimSuffix(names[n], ".")
	return names
}

// allInverted says that each name has exactly one comma.
func allInverted(parts []string) bool {
	return len(parts) > 0 && !slices.ContainsFunc(parts, func(part string) bool {
		return strings.Count(part, ",") != 1 || strings.HasSuffix(part, ",")
	})
}

// oneInverted says that a text with one comma is one name, not two: before the
// comma stands a last name, or after it no whole name.
func oneInverted(text string) bool {
	last, first, _ := strings.Cut(text, ",")
	return len(strings.Fields(last)) == 1 || len(strings.Fields(first)) == 1 || dotted.MatchString(strings.TrimSpace(first))
}

// pairInitials joins last names and the initials after them, if that is what
// parts are; and names with suffixes after them.
func pairInitials(parts []string) []string {
	paired := len(parts) > 1 && len(parts)%2 == 0
	for i := 1; paired && i < len(parts); i += 2 {
		paired = initials.MatchString(parts[i]) && !initials.MatchString(parts[i-1])
	}
	var names []string
	for i, part := range parts {
		if len(names) > 0 && (paired && i%2 == 1 || nameSuffix.MatchString(part)) {
			names[len(names)-1] += ", " + part
			continue
		}
		names = append(names, part)
	}
	return names
}
