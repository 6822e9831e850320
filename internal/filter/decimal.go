package filter

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	"go.einride.tech/aip/filtering"
)

// decimal is a number as it is written, to the last digit: a float64 takes whole
// numbers beyond 2^53 for their neighbours. It is 0.digits × 10^exponent.
type decimal struct {
	digits   string // without zeros at either end; empty for 0
	exponent int
	negative bool
}

// newDecimal reads text that parseNumber takes.
func newDecimal(text string) decimal {
	mantissa, power, _ := strings.Cut(strings.ToLower(text), "e")
	// An exponent beyond int is one that only 0 can have, or that makes it 0.
	exponent, _ := strconv.Atoi(power)
	unsigned := strings.TrimLeft(mantissa, "+-")
	d := decimal{negative: strings.HasPrefix(mantissa, "-")}
	whole, fraction, _ := strings.Cut(unsigned, ".")
	all := whole + fraction
	d.digits = strings.TrimLeft(all, "0")
	d.exponent = len(whole) - (len(all) - len(d.digits))
	d.digits = strings.TrimRight(d.digits, "0")
	if d.digits == "" {
		return decimal{}
	}
	const most = math.MaxInt / 2 // so that sums stay in range
	d.exponent += max(-most, min(exponent, most))
	return d
}

// compare is -1, 0 or 1 as d is less than, equal to or greater than e.
func (d decimal) compare(e decimal) int {
	if s := cmp.Compare(d.sign(), e.sign()); s != 0 || d.digits == "" {
		return s
	}
	c := cmp.Or(cmp.Compare(d.exponent, e.exponent), strings.Compare(d.digits, e.digits))
	return c * d.sign()
}

func (d decimal) sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.negative:
		return -1
	}
	return 1
}

// holds says whether an order of two values satisfies a comparison; != is negated
// elsewhere.
func holds(op filtering.TokenType, order int) bool {
	switch op {
	case filtering.TokenTypeLessThan:
		return order < 0
	case filtering.TokenTypeLessEquals:
		return order <= 0
	case filtering.TokenTypeGreaterThan:
		return order > 0
	case filtering.TokenTypeGreaterEquals:
		return order >= 0
	default:
		return order == 0
	}
}
