// The functions that quiet.go links to have no body there, which Go only takes where
// there is an assembly file.
