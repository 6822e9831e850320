package paper

// Bytes is about how much room a paper takes, encoded or in memory: its texts, and
// some bytes for what is around them.
func (p *Paper) Bytes() int {
	const fixed, each = 128, 8
	n := fixed + len(p.ID) + len(p.Title) + len(p.Abstract) + len(p.Venue) + len(p.DOI) + len(p.ArxivID) + len(p.Language) + 2*each*len(p.ListedDates)
	for _, a := range p.Authors {
		n += each + len(a.Name) + len(a.ORCID)
	}
	for _, list := range [][]string{p.Categories, p.URLs} {
		for _, s := range list {
			n += each + len(s)
		}
	}
	for name := range p.Signals {
		n += 2*each + len(name)
	}
	for name, value := range p.Metadata {
		n += each + len(name) + len(value)
	}
	return n
}
