package cli_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	akinv1 "akin/proto/akin/v1"
)

// The sample has days and signals, so that a first look shows both lists.
func TestListOrders(t *testing.T) {
	server := sampleServer(t).grpc
	on := func(args ...string) string { return mustRun(t, append(args, "--server", server)...) }
	newest, day := on("list", "--order", "newest"), regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d$`)
	headings := day.FindAllString(newest, -1)
	if len(headings) < 20 || headings[0] != "2026-03-17" || !slices.IsSortedFunc(headings, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Errorf("the days of the list are %v", headings)
	}
	days := unmarshal(t, on("days", "--json"), new(akinv1.ListDaysResponse))
	if len(days.GetDays()) != len(headings) {
		t.Errorf("%d days, and %d headings", len(days.GetDays()), len(headings))
	}
	if got := on("days", "-n", "1", "--from", "2026-03-15"); strings.TrimSpace(got) != "6  2026-03-13" {
		t.Errorf("the day before a Sunday: %q", got)
	}
	ids := strings.Fields(on("list", "--ids", "--day", "2026-03-13"))
	if len(ids) != 6 || !slices.IsSorted(ids) {
		t.Errorf("papers of a day: %v", ids)
	}
	trending := on("list", "--order", "trending", "--window", "week", "--day", "2026-03-13", "-n", "5")
	if n := len(regexp.MustCompile(`· 2026-0\d-\d\d · \+[\d.]+ (upvotes|github_stars)`).FindAllString(trending, -1)); n != 5 || strings.Contains(trending, "2026-03-16") {
		t.Errorf("trending:\n%s", trending)
	}
	all := strings.Fields(on("list", "--order", "trending", "--ids"))
	byDay := strings.Fields(on("list", "--order", "newest", "--ids"))
	if len(all) != 132 || slices.Equal(all, byDay) {
		t.Errorf("%d papers trend, in the order of days: %t", len(all), slices.Equal(all, byDay))
	}
	if code, _, errOut := run(t, "", "list", "--window", "day", "--server", server); code != 2 || !strings.Contains(errOut, "trending") {
		t.Errorf("a window without trends: %d %s", code, errOut)
	}
}
