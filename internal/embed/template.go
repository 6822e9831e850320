package embed

import "strings"

// Join puts title and abstract together as a template says. Where one of them is
// empty, the other stands alone.
func Join(template, title, abstract string) string {
	switch {
	case title == "":
		return abstract
	case abstract == "":
		return title
	}
	return strings.NewReplacer("{title}", title, "{abstract}", abstract).Replace(template)
}
