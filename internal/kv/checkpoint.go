package kv

// CopiedFile is a file of a checkpoint.
type CopiedFile struct {
	// Name has a slash between folders and is below the checkpoint.
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}
