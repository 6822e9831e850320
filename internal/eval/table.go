package eval

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"akin/internal/paper"
)

// cell keeps a value within its cell of a Markdown table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ").Replace(s)
}

// MarkdownHeader gives the two lines that head a table of MarkdownRow.
func (r *Report) MarkdownHeader() string {
	names, rule := "| dataset | system | queries |", "|---|---|--:|"
	for _, res := range r.Results {
		names += " " + res.Metric.String() + " |"
		rule += "---|"
	}
	return names + "\n" + rule + "\n"
}

// MarkdownRow gives one line of a table: dataset, system, number of queries,
// and each metric as "mean [low, high]".
func (r *Report) MarkdownRow() string {
	row := fmt.Sprintf("| %s | %s | %d |", cell(r.Dataset), cell(r.System), r.Queries)
	for _, res := range r.Results {
		row += fmt.Sprintf(" %.3f [%.3f, %.3f] |", res.Mean, res.Interval.Low, res.Interval.High)
	}
	return row + "\n"
}

// MarkdownComparison gives a table of how a system differs from a baseline, a
// line for each metric.
func MarkdownComparison(baseline, system string, comparisons []Comparison) string {
	out := fmt.Sprintf("| %s − %s | difference | 95 %% interval | p | better | worse | equal |\n|---|--:|---|--:|--:|--:|--:|\n", cell(system), cell(baseline))
	for _, c := range comparisons {
		out += fmt.Sprintf("| %v | %+.4f | [%+.4f, %+.4f] | %s | %d | %d | %d |\n",
			c.Metric, c.Difference, c.Interval.Low, c.Interval.High, strconv.FormatFloat(c.P, 'g', 2, 64), c.Better, c.Worse, c.Equal)
	}
	return out
}

// WritePerQuery writes a table of tab-separated values: dataset, system, query
// and each metric, a line for each query in the order of ids; the means follow
// as query "all", as with trec_eval -q. A name that has a tab or a line end is
// an error. heading writes the names of the columns first.
func (r *Report) WritePerQuery(w io.Writer, heading bool) error {
	out := bufio.NewWriter(w)
	if heading {
		fmt.Fprint(out, "dataset\tsystem\tquery")
		for _, res := range r.Results {
			fmt.Fprint(out, "\t"+res.Metric.String())
		}
		fmt.Fprint(out, "\n")
	}
	var queries []string
	if len(r.Results) > 0 {
		queries = slices.Sorted(maps.Keys(r.Results[0].PerQuery))
	}
	for _, query := range append(queries, "all") {
		for _, name := range []string{r.Dataset, r.System, query} {
			if strings.ContainsAny(name, "\t\n\r") {
				return paper.Invalidf("%q has a tab or a line end, which a table of tab-separated values cannot hold", name)
			}
			fmt.Fprint(out, name+"\t")
		}
		for i, res := range r.Results {
			if i > 0 {
				fmt.Fprint(out, "\t")
			}
			value := res.Mean
			if v, ok := res.PerQuery[query]; ok {
				value = v
			}
			fmt.Fprint(out, strconv.FormatFloat(value, 'f', 6, 64))
		}
		fmt.Fprint(out, "\n")
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}
