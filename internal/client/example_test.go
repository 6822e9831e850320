package client_test

import (
	"context"
	"fmt"
	"io"
	"log"

	"akin/internal/client"
	"akin/internal/rpc/rpctest"
	akinv1 "akin/proto/akin/v1"
)

// Papers are imported over a stream, each acknowledged once it is durable, and then
// found. A server of its own stands for the one that client.Dial("127.0.0.1:7411")
// reaches.
func Example() {
	server, err := rpctest.Start(rpctest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	c := client.New(server.Conn)
	ctx := context.Background()

	papers := []*akinv1.Paper{
		{Id: "arXiv:1602.03837", Title: "Observation of gravitational waves from a binary black hole merger"},
		{Id: "arXiv:1706.03762", Title: "Attention is all you need"},
	}
	next := func(context.Context) (*akinv1.ImportPapersRequest, error) {
		if len(papers) == 0 {
			return nil, io.EOF
		}
		p := papers[0]
		papers = papers[1:]
		return &akinv1.ImportPapersRequest{Paper: p}, nil
	}
	err = c.Import(ctx, next, func(resp *akinv1.ImportPapersResponse) error {
		for _, o := range resp.GetOutcomes() {
			fmt.Println(o.GetId(), o.GetChange())
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	found, err := c.Search.Search(ctx, &akinv1.SearchRequest{Query: "gravitational waves", PageSize: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("found", found.GetResults()[0].GetPaper().GetId())
	// Output:
	// arXiv:1602.03837 CHANGE_CREATED
	// arXiv:1706.03762 CHANGE_CREATED
	// found arXiv:1602.03837
}
