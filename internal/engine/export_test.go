package engine

// LimitPinned sets the memory for lists that are kept.
func LimitPinned(e *Engine, bytes int) { e.pages.budget = bytes }

// Pinned gives how many lists are kept, and their memory.
func Pinned(e *Engine) (lists, bytes int) { return len(e.pages.byName), e.pages.size }
