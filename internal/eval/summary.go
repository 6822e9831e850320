package eval

import "fmt"

// Summary compares data sets with earlier runs of them, a line each, by the first
// metric.
type Summary struct{ Lines []SummaryLine }

// SummaryLine is what a summary says of one data set.
type SummaryLine struct {
	Dataset string  `json:"dataset"`
	Queries int     `json:"queries"`
	Metric  Metric  `json:"metric"`
	Mean    float64 `json:"mean"`
	// Before is the mean of the earlier run, and Comparison how they differ; nil if
	// there is no earlier run.
	Before     *float64    `json:"before,omitempty"`
	Comparison *Comparison `json:"comparison,omitempty"`
}

// Add appends the line of a report and its earlier run, which may be nil.
func (s *Summary) Add(baseline, report *Report, o Options) (SummaryLine, error) {
	now := report.Results[0]
	line := SummaryLine{Dataset: report.Dataset, Queries: report.Queries, Metric: now.Metric, Mean: now.Mean}
	if baseline != nil {
		c, err := Compare(baseline, report, now.Metric, o)
		if err != nil {
			return line, err
		}
		before, _ := baseline.Result(now.Metric)
		line.Before, line.Comparison = &before.Mean, c
	}
	s.Lines = append(s.Lines, line)
	return line, nil
}

// Markdown gives the table.
func (s *Summary) Markdown() string {
	out := "| dataset | queries | metric | before | now | difference | p | better, worse |\n|---|--:|---|--:|--:|---|--:|--:|\n"
	for _, l := range s.Lines {
		out += fmt.Sprintf("| %s | %d | %v |", cell(l.Dataset), l.Queries, l.Metric)
		if l.Comparison == nil {
			out += fmt.Sprintf(" – | %.3f | – | – | – |\n", l.Mean)
			continue
		}
		c := l.Comparison
		out += fmt.Sprintf(" %.3f | %.3f | %+.3f [%+.3f, %+.3f] | %.2g | %d, %d |\n",
			*l.Before, l.Mean, c.Difference, c.Interval.Low, c.Interval.High, c.P, c.Better, c.Worse)
	}
	return out
}
