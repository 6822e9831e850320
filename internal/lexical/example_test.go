package lexical_test

import (
	"context"
	"fmt"
	"strings"

	"akin/internal/lexical"
)

// Papers are found by the stems of their words; identifiers and phrases are read
// where a query is typed.
func Example() {
	index, err := lexical.New(lexical.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer index.Close()
	for ordinal, p := range []struct{ title, abstract, id string }{
		{"Dense retrieval", "Retrievers that were trained without labels.", "arXiv:2112.09118"},
		{"정보를 찾는 모델", "한국어 논문 검색.", "ko:1"},
		{"Graph neural networks", "They do not retrieve.", "gnn"},
	} {
		if err := index.Upsert(uint32(ordinal), p.title, p.abstract, []string{p.id}); err != nil {
			fmt.Println(err)
			return
		}
	}
	view := index.View()
	for _, text := range []string{"retrieving", `"neural networks"`, "2112.09118", "정보", "retriever -graph"} {
		result, err := view.Search(context.Background(), lexical.Query{Text: text, Mode: lexical.ModeSearch, K: 10})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s:", text)
		for _, hit := range result.Hits {
			fmt.Printf(" %d", hit.Ordinal)
		}
		fmt.Println()
	}
	// Output:
	// retrieving: 0 2
	// "neural networks": 2
	// 2112.09118: 0
	// 정보: 1
	// retriever -graph: 0
}

// The terms of a text are stems without accents; compounds are found however they are
// written, and scripts without spaces in pairs of letters.
func ExampleAnalyse() {
	for _, text := range []string{"The Pre-training of Gödel's networks", `Erd\H{o}s and C++`, "信息检索"} {
		var terms []string
		for _, t := range lexical.Analyse(text) {
			terms = append(terms, t.Term)
		}
		fmt.Println(strings.Join(terms, " | "))
	}
	// Output:
	// pretrain | pre | train | godel | network
	// erdo | c++
	// 信息 | 息检 | 检索
}
