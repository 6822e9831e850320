package cli

import (
	"fmt"

	akinv1 "akin/proto/akin/v1"
)

type feedAddressCommand struct {
	Name string `arg:"" optional:"" help:"Name of the feed (default: the list of all feeds, for readers that take OPML)." default:"-"`
	target
	Replace bool `help:"Make another address; the one before leads to nothing from then on."`
	JSON    bool `name:"json" help:"Print the address as JSON."`
}

// Help says who can read a feed by its address.
func (feedAddressCommand) Help() string {
	return `Prints the secret addresses under which feed readers read a feed as Atom and as JSON
Feed: whoever has one reads what the feed found, without a key, until it is replaced.
The server needs --public-url.

Examples:
  akin feed address graphs
  akin feed address graphs --replace
  akin feed address`
}

// Run prints the addresses of a feed.
func (c feedAddressCommand) Run(e *environment) error {
	cl, err := e.connect(c.target, false)
	if err != nil {
		return err
	}
	var at *akinv1.FeedAddress
	if c.Replace {
		at, err = cl.Syndication.ReplaceFeedAddress(e.ctx, &akinv1.ReplaceFeedAddressRequest{Feed: c.Name})
	} else {
		at, err = cl.Syndication.GetFeedAddress(e.ctx, &akinv1.GetFeedAddressRequest{Feed: c.Name})
	}
	if err != nil {
		return err
	}
	return e.show(c.JSON, at, func() {
		for _, url := range []string{at.GetAtomUrl(), at.GetJsonUrl(), at.GetOpmlUrl()} {
			if url != "" {
				fmt.Fprintln(e.out, oneLine(url))
			}
		}
	})
}
