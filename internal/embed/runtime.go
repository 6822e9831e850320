package embed

// Runtime runs models. The program hands one in (embed/onnx is the real one), so
// that this package, and whoever only embeds through it, is free of native code.
// Its methods, and those of what it gives, are safe for concurrent use, but for
// Close: no other method may run meanwhile or follow.
type Runtime interface {
	// Load reads what a graph file takes and gives. The caller closes the graph,
	// after the sessions that it opened.
	Load(path string) (Graph, error)
}

// Graph is a graph file: token ids in, numbers out.
type Graph interface {
	// Output says what a run gives.
	Output() Output
	// Open makes the graph ready to run on so many cores, at least 1.
	Open(threads int) (Session, error)
	Close() error
}

// Output says what a graph gives.
type Output struct {
	// Dimension is the length of a vector; 0 if the file does not say it.
	Dimension int
	// Pooled says that there is one vector a text rather than one a token.
	Pooled bool
	// Streams says that a session runs as many texts at once as it has cores, each
	// on a core of its own; else every run uses all of its cores.
	Streams bool
}

// Session is a graph that is ready to run.
type Session interface {
	// Run runs texts of one length: ids is [batch][tokens] without padding. It
	// gives [batch][dim] if the output is pooled, else [batch][tokens][dim], and
	// dim; the caller owns out. What out says of a text depends on that text's
	// ids alone, bit for bit.
	Run(ids []int64, batch, tokens int) (out []float32, dim int, err error)
	Close() error
}
