package text

// What the commands of TeX are is said once, in this package. Clean takes them out
// of what is read; searches, whose queries and papers may still have some (formulas,
// papers that came through the API), ask here what one means.

// Accent says whether a command, without its backslash, puts a mark on the letter
// behind it.
func Accent(command string) bool { return accent(command) != 0 }

// Sign gives the characters that a command stands for: ø for \o, α for \alpha.
func Sign(command string) (sign string, ok bool) {
	sign, ok = symbol(command)
	return release(sign), ok
}

// Style says whether a command only changes how text looks: its argument's, as
// \emph does, or that of what follows, as \it does.
func Style(command string) bool { return style(command) || declaration(command) }

// Keys says whether the arguments of a command are keys of a bibliography or places in
// the document, and no text.
func Keys(command string) bool { return dropped(command) }
