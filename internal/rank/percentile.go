package rank

import "slices"

// Percentile gives the share of a sorted list that lies below x, from 0 to 100;
// what equals x counts half. It never falls when x grows. The list has at least
// one value.
func Percentile(sorted []float64, x float64) float64 {
	below, _ := slices.BinarySearch(sorted, x)
	equal := 0
	for below+equal < len(sorted) && sorted[below+equal] == x {
		equal++
	}
	return 100 * (float64(below) + float64(equal)/2) / float64(len(sorted))
}
