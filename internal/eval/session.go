package eval

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"akin/internal/paper"
)

// TopicsFile is what makes a directory a data set of tastes of several interests: a
// phrase a line. A paper is of a topic if its title or abstract has the phrase.
const TopicsFile = "topics.txt"

const (
	// usualSessions is how many sessions are made if nobody says how many.
	usualSessions = 40
	// leastOfTopic is how many papers of each topic are left to find at least.
	leastOfTopic = 10
	// sessionTries is how many draws of topics may fail before there are too few.
	sessionTries = 200
)

// topicPapers are the papers of a topic, sorted: those that can be liked, and all.
type topicPapers struct{ likable, all []string }

// interests reads likes of several interests, such as "5+1"; nil if it is no such
// text.
func interests(given string) ([]int, error) {
	if !strings.Contains(given, "+") {
		return nil, nil
	}
	var likes []int
	for part := range strings.SplitSeq(given, "+") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 || n > 1000 {
			return nil, paper.InvalidField("given", "is %q; write how many likes there are of each interest, such as 5+1", given)
		}
		likes = append(likes, n)
	}
	return likes, nil
}

// readTopics reads a phrase a line, plain or gzip. The name is for errors.
func readTopics(r io.Reader, name string) ([]string, error) {
	var topics []string
	seen := map[string]int{}
	err := eachLine(r, name, func(number int, line []byte) error {
		phrase := strings.TrimSpace(wordsOf(string(bytes.TrimSpace(line))))
		if err := unseen(seen, phrase, number); err != nil {
			return err
		}
		topics = append(topics, phrase)
		return nil
	})
	return topics, err
}

// wordsOf gives the words of a text in lower case, a space before, between and behind
// them.
func wordsOf(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return " " + strings.Join(words, " ") + " "
}

// topicsOf finds the papers of topics by their phrases; a paper whose title has the
// phrase can be liked.
func topicsOf(phrases []string, papers []paper.Paper) map[string]topicPapers {
	topics := make(map[string]topicPapers, len(phrases))
	for i := range papers {
		title, abstract := wordsOf(papers[i].Title), wordsOf(papers[i].Abstract)
		for _, phrase := range phrases {
			inTitle := strings.Contains(title, " "+phrase+" ")
			if !inTitle && !strings.Contains(abstract, " "+phrase+" ") {
				continue
			}
			t := topics[phrase]
			t.all = append(t.all, papers[i].ID)
			if inTitle {
				t.likable = append(t.likable, papers[i].ID)
			}
			topics[phrase] = t
		}
	}
	for _, t := range topics {
		slices.Sort(t.all)
		slices.Sort(t.likable)
	}
	return topics
}

// topics takes the liked papers of each set for a topic.
func (l *labels) topics(sets []string) map[string]topicPapers {
	topics := make(map[string]topicPapers, len(sets))
	for _, set := range sets {
		var t topicPapers
		for _, x := range l.sets[set] {
			if x.liked {
				t.all = append(t.all, x.paper)
			}
		}
		slices.Sort(t.all)
		t.likable = t.all
		topics[set] = t
	}
	return topics
}

// sessions makes queries of which each likes papers of several topics, as many of
// each as likes says. What should be found are the other papers of these topics,
// whose grade is the number of the topic, from 1. Papers of two of its topics have no
// part in a session.
func (d *Dataset) sessions(topics map[string]topicPapers, likes []int, opt TasteOptions) error {
	n := opt.Sample
	if n == 0 {
		n = usualSessions
	}
	names := slices.Sorted(maps.Keys(topics))
	if len(names) < len(likes) {
		return paper.InvalidField("given", "has %d interests, but there are %d topics", len(likes), len(names))
	}
	d.Name += ", " + opt.Given
	for i := range n {
		id := fmt.Sprintf("%s/%d", opt.Given, i+1)
		h := fnv.New64a()
		h.Write([]byte(id))
		if !d.session(id, topics, names, likes, rand.New(rand.NewPCG(opt.Seed+streamSessions, h.Sum64()))) {
			return paper.InvalidField("given", "is %q, but the topics have too few papers for that", opt.Given)
		}
	}
	return nil
}

// session makes one query; it says whether there were papers enough.
func (d *Dataset) session(id string, topics map[string]topicPapers, names []string, likes []int, random *rand.Rand) bool {
	for range sessionTries {
		q, judged := Query{ID: id}, map[string]int{}
		chosen := random.Perm(len(names))[:len(likes)]
		times := map[string]int{}
		for _, at := range chosen {
			for _, p := range topics[names[at]].all {
				times[p]++
			}
		}
		shared := func(p string) bool { return times[p] > 1 }
		enough := true
		for number, at := range chosen {
			t := topics[names[at]]
			likable := slices.DeleteFunc(slices.Clone(t.likable), shared)
			all := slices.DeleteFunc(slices.Clone(t.all), shared)
			if enough = len(likable) >= likes[number] && len(all) >= likes[number]+leastOfTopic; !enough {
				break
			}
			for _, p := range all {
				judged[p] = number + 1
			}
			for _, i := range random.Perm(len(likable))[:likes[number]] {
				q.Likes = append(q.Likes, likable[i])
				delete(judged, likable[i])
			}
		}
		if enough {
			slices.Sort(q.Likes)
			d.Queries = append(d.Queries, q)
			d.Qrels[id] = judged
			return true
		}
	}
	return false
}
