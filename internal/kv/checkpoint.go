package kv

// CopiedFile is a file of a checkpoint.
type CopiedFile struct {
	// Name has a slash between folders and is below the checkpoint.
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Loss is what a damaged database has lost of what it acknowledged.
type Loss struct {
	// First and Last are the commits that are gone; both 0 if none is known.
	First, Last uint64
	// File is where the damage was found, and Why what it is.
	File, Why string
}
