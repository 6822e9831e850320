package lexical

// Compact seals what is in memory and merges all segments, into one unless that
// came to have more than 2 GiB of records; what deleted papers said is then gone
// from memory. It waits for the merge.
func (x *Index) Compact() error {
	x.write.Lock()
	if x.closed {
		x.write.Unlock()
		return closedError()
	}
	x.seal()
	x.write.Unlock()
	x.merge(func() []int {
		var all []int
		size := 0
		for i := range x.segments {
			if size += len(x.segments[i].records); size <= maxSegmentBytes {
				all = append(all, i)
			}
		}
		if len(all) == 1 && x.segments[all[0]].dead.n == 0 {
			return nil
		}
		return all
	})
	return nil
}
