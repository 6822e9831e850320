package ingest

import "akin/internal/text"

// collapse turns every run of white space into one space and trims the ends.
func collapse(s string) string { return text.Collapse(s) }
