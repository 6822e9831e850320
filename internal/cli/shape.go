package cli

// shapeFlags shape the list of a query's results.
type shapeFlags struct {
	Recency             float64 `help:"How much newer papers come first: 0 (not at all) to 1 (by date alone)." placeholder:"X"`
	RecencyHalfLifeDays float64 `help:"Age in days at which a paper counts half for --recency (0: 365)." placeholder:"DAYS"`
}
