package filter

import (
	"errors"
	"strings"
	"testing"

	"akin/internal/paper"
)

func TestFaultsNameTheColumnAndTheRemedy(t *testing.T) {
	for text, want := range map[string]string{
		// Structure.
		`category = `:                  `at column 12: the filter ends where a comparison such as year >= 2020, a word or ( is expected, after "="`,
		`year >= 2020 AND`:             `at column 17: the filter ends where`,
		`AND year > 2020`:              `at column 1: AND stands where a field, a value, a word or ( is expected; in quotation marks it is a word`,
		`(year > 2020`:                 `at column 1: this ( is not closed`,
		`year > 2020)`:                 `at column 12: this ) closes nothing`,
		`()`:                           `at column 2: ) stands where a field`,
		`venue = "ICML`:                `at column 9: the string that begins here has no closing quotation mark`,
		`venue = "a\q"`:                `at column 9: the string "\"a\\q\"" has an escape that is not one`,
		`year == 2020`:                 `at column 7: equality is one =, not ==`,
		`year ! 2020`:                  `at column 6: ! stands only in !=`,
		`has(category)`:                `at column 4: there are no functions`,
		`category = (cs.CL, cs.LG)`:    `at column 18: a comma separates nothing here; write lists as field = (a OR b)`,
		`category != (cs.CL OR cs.LG)`: `at column 13: a list of values can stand after = and : only; write NOT category = (…)`,
		`category = (year > 1)`:        `at column 18: in the parentheses after field> only values stand`,
		`year > 2020 and venue = ICML`: `at column 13: and is written in capitals: AND`,
		`a - b`:                        `at column 3: - stands right before what it negates`,
		`title:"ü" venue:"ü" oops = 1`: `at column 21: there is no field "oops"; fields are id, title,`,
		"year > 2000\n  yeer < 2010":   `at column 15: there is no field "yeer" (did you mean year?)`,
		"title:\xff":                   `at column 7: the text is not valid UTF-8`,
		// Signs without quotation marks.
		`category = [cs.CL]`:              `at column 12: '[' is no part of a value without quotation marks; write category = cs.CL, and lists as (a OR b)`,
		`NOT category = [cs.CL]`:          `at column 16: '[' is no part`,
		`category = {cs.CL}`:              `at column 12: '{' is no part`,
		`category:[cs.CL]`:                `write category:cs.CL, and lists`,
		`category = cs.CL|cs.LG`:          `at column 17: '|' does not make a list; write category = (cs.CL OR cs.LG)`,
		`category = [cs.CL;cs.LG]`:        `at column 12: '[' does not make a list; write category = (cs.CL OR cs.LG)`,
		`category = cs.CL;`:               `at column 17: ';' is no part of a value without quotation marks; write category = cs.CL`,
		`category = “cs.CL”`:              `at column 12: '“' is not a quotation mark here; write category = "cs.CL"`,
		`category = ‘cs.CL’`:              `at column 12: '‘' is not a quotation mark`,
		`category = «cs.CL»`:              `at column 12: '«' is not a quotation mark`,
		`category = „cs.CL“`:              `at column 12: '„' is not a quotation mark`,
		"category = `cs.CL`":              "at column 12: '`' is not a quotation mark here; write category = \"cs.CL\"",
		`category = (cs.CL OR cs.LG;)`:    `at column 27: ';' is no part of a value without quotation marks; write category = cs.LG`,
		`venue = AT&T`:                    `at column 11: text with '&' needs quotation marks; write venue = "AT&T"`,
		`title:C++`:                       `at column 8: text with '+' needs quotation marks; write title:"C++"`,
		`title:C#`:                        `at column 8: text with '#' needs quotation marks; write title:"C#"`,
		`graph; networks`:                 `at column 6: ';' is no part of a value without quotation marks; write graph`,
		`meta#data = 1`:                   `at column 5: text with '#' needs quotation marks`,
		`metadata.a+b = 1`:                `at column 11: text with '+' needs quotation marks`,
		`year = 20+20`:                    `at column 10: text with '+' needs quotation marks`,
		`a ü“b`:                           `at column 4: '“' is not a quotation mark here`,
		`category = cs.CL && year > 2020`: `at column 18: and is written AND, not &&`,
		`category = cs.CL || year > 2020`: `at column 18: or is written OR, not ||`,
		`category = (cs.CL | cs.LG)`:      `at column 19: or is written OR, not |`,
		// Names.
		`authors:Turing`:                  `at column 1: there is no field "authors" (did you mean author?); fields`,
		`publish_date > 2020`:             `did you mean date?`,
		`catgeory = cs.CL`:                `did you mean category?`,
		`"year" > 2020`:                   `at column 1: a field is expected left of >, not a string`,
		`venue.name = ICML`:               `at column 1: the field venue has no parts, so "venue.name" names nothing`,
		`signals > 10`:                    `at column 1: signals needs a name after it; write signals.NAME > 10, or signals:NAME for papers that have one`,
		`metadata:*`:                      `at column 1: metadata needs a name after it`,
		`NOT truncated`:                   `at column 5: the field truncated is compared with nothing; write truncated = true, or "truncated" in quotation marks to look for the word`,
		`signals.stars`:                   `at column 1: the field signals is compared with nothing`,
		`large language model`:            `at column 7: the field language is compared with nothing`,
		strings.Repeat("x", 100) + ` = 1`: `at column 1: there is no field "` + strings.Repeat("x", 40) + `…"; fields`,
		`text:graph`:                      `did you mean abstract?`,
		`signal.stars > 1`:                `did you mean signals?`,
		`(id = a) OR (id = b) OR (vennue = "ICML")`: `at column 26: there is no field "vennue" (did you mean venue?)`,
		// Types.
		`year >= soon`:                  `at column 9: year is compared with a number, not "soon"; write year >= 2020`,
		`signals.stars > 0x10`:          `at column 17: signals is compared with a number, not "0x10"`,
		`signals.stars > nan`:           `is compared with a number, not "nan"`,
		`signals.stars > 1e999`:         `is compared with a number, not "1e999"`,
		`date > yesterday`:              `at column 8: date is compared with a date YYYY, YYYY-MM or YYYY-MM-DD, not "yesterday"; write date >= 2024-03-17`,
		`date > 2024-13`:                `not "2024-13"`,
		`date = "2024-03-17T10:00:00Z"`: `is compared with a date`,
		`date = --03-17`:                `at column 8: the date "--03-17" lacks its year; only listed_date`,
		`listed_date > --03-17`:         `at column 15: the date "--03-17" lacks its year`,
		`create_time > noon`:            `at column 15: create_time is compared with an RFC 3339 time or a date, not "noon"`,
		`truncated = yes`:               `at column 13: truncated is compared with true or false, not "yes"`,
		`truncated > false`:             `at column 13: truncated has no order, so > cannot compare it`,
		`venue < "M"`:                   `at column 9: venue has no order, so < cannot compare it; write venue:"some words" or venue = "value"`,
		`venue = ""`:                    `at column 9: nothing has an empty venue; write NOT venue:* for papers without one`,
		`title:"--"`:                    `at column 7: "--" has no letter or digit to look for`,
		`title:*graph`:                  `at column 7: words are looked for whole or by their beginning (graph*); a * cannot come first`,
		`*`:                             `at column 1: "*" has no letter or digit`,
		// Limits.
		strings.Repeat("(", 33) + "a" + strings.Repeat(")", 33): `at column 33: parentheses nest deeper than 32`,
		strings.Repeat("a ", 257):                               `at column 513: the filter has more than 256 terms`,
		strings.Repeat(" ", MaxTextBytes+1):                     `is 16385 bytes long; the limit is 16384`,
		`title:"` + strings.Repeat("a ", 65) + `"`:              `at column 7: the phrase has 65 words; the limit is 64`,
	} {
		f, err := Parse(text)
		var e *paper.Error
		if !errors.As(err, &e) || e.Kind != paper.Invalid || len(e.Violations) != 1 || e.Violations[0].Field != "filter" || f != nil {
			t.Errorf("%s: %v, %v, want one violation of the field filter", text, f, err)
			continue
		}
		if got := e.Violations[0].Description; !strings.Contains(got, want) {
			t.Errorf("%s:\n\tgot  %s\n\twant %s", text, got, want)
		}
		if column := e.Metadata["column"]; column != "" && !strings.HasPrefix(e.Violations[0].Description, "at column "+column+":") {
			t.Errorf("%s: the metadata says column %s, the sentence %s", text, column, e.Violations[0].Description)
		}
	}
}

func TestEmptyTextKeepsAll(t *testing.T) {
	for _, text := range []string{"", " \n\t"} {
		if f, err := Parse(text); err != nil || !f.All() || !f.Match(&paper.Record{}) || f.String() != "" {
			t.Errorf("Parse(%q) = %v, %v, want all papers", text, f, err)
		}
	}
	var none *Filter
	if !none.All() || !none.Match(&paper.Record{}) || none.String() != "" {
		t.Error("the nil filter does not keep all")
	}
}
