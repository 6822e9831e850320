package cli

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"akin/internal/app"
	akinv1 "akin/proto/akin/v1"
)

// errDiffers is what akin verify returns when it found something.
var errDiffers = errors.New("not all is as it should be")

// whereAdmin says where a command works that looks after a data directory.
type whereAdmin struct {
	Data   string `help:"Work on this data directory, which no server may be using." type:"path" placeholder:"DIR" xor:"target"`
	Server string `help:"Ask a server (default ${server}). Without either flag, AKIN_DATA or AKIN_SERVER say where." placeholder:"HOST:PORT" xor:"target"`
}

// target is where, as other commands have it, with the environment.
func (w whereAdmin) target() target {
	t := target{Data: w.Data, Server: w.Server}
	t.fromEnvironment()
	return t
}

type verifyCommand struct {
	whereAdmin
	AcceptLoss bool `help:"Make --data usable again that is refused because acknowledged writes are missing: give them up, and keep what there is."`
	JSON       bool `name:"json" help:"Print what was found as JSON."`
}

// Help says what is verified.
func (verifyCommand) Help() string {
	return `Reads everything and compares it with each other: the store with its checksums,
digests, counts and change log; the graph, the words, the attributes and the keys
of duplicates with the store, paper by paper. It takes about as long as reading
everything twice, and changes nothing. Prints each difference with what to do
about it; the exit code is 1 if there is any.

Examples:
  akin verify --data papers
  akin verify --server 127.0.0.1:7411 --json

--accept-loss is for a data directory that is refused because writes are missing
which were acknowledged, when there is no snapshot to restore: it says what is
missing, gives it up for good, and verifies what is left.

With --data it reads the files of the indexes and needs no model; with --server,
the indexes in memory, while the server goes on.`
}

// Run verifies.
func (c verifyCommand) Run(e *environment) error {
	t := c.target()
	config := e.config
	config.Data = t.Data
	if c.AcceptLoss {
		if err := e.acceptLoss(config); err != nil {
			return err
		}
	}
	found, err := e.verify(t, config, "")
	if err != nil {
		return err
	}
	return e.showVerification(c.JSON, found)
}

// acceptLoss gives up what a data directory has lost.
func (e *environment) acceptLoss(config app.Config) error {
	if config.Data == "" {
		return status.Error(codes.InvalidArgument, "--accept-loss needs --data DIR, which no server may be using")
	}
	loss, err := app.AcceptLoss(e.ctx, config, e.log)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.errOut, "given up: commits %d to %d, of %s: %s\n", loss.First, loss.Last, oneLine(loss.File), oneLine(loss.Why))
	return nil
}

// verify verifies a data directory, by its configuration, or what a server has, or
// a snapshot of either.
func (e *environment) verify(t target, config app.Config, snapshot string) (*akinv1.VerifyResponse, error) {
	p := e.newProgress("verifying")
	defer p.finish()
	if t.Data != "" {
		if snapshot != "" {
			found, err := app.VerifySnapshot(e.ctx, config, snapshot, p.follow)
			return wireVerification(found), err
		}
		found, err := app.Verify(e.ctx, config, e.log, p.follow)
		return wireVerification(found), err
	}
	cl, err := e.connect(t, false)
	if err != nil {
		return nil, err
	}
	o, err := cl.Admin.Verify(e.ctx, &akinv1.VerifyRequest{Snapshot: snapshot})
	if err != nil {
		return nil, err
	}
	found := new(akinv1.VerifyResponse)
	return found, cl.Follow(e.ctx, o, found, func(at *akinv1.OperationProgress) { p.follow(at.GetStep(), at.GetDone(), at.GetTotal()) })
}

// follow shows a step of something that takes long; off a terminal it says nothing.
func (p *progress) follow(step string, done, total uint64) {
	p.total = int(total)
	if step != "" {
		p.what = step
	}
	p.set(int(done), "")
}

// wireVerification gives what was found without a server as one would tell it.
func wireVerification(v *app.Verification) *akinv1.VerifyResponse {
	if v == nil {
		return nil
	}
	resp := &akinv1.VerifyResponse{Sequence: v.Sequence, PaperCount: v.Papers}
	for _, p := range v.Parts {
		resp.Parts = append(resp.Parts, &akinv1.VerifiedPart{Name: p.Name, Checked: p.Checked, Skipped: p.Skipped, Differences: p.Differences})
	}
	for _, d := range v.Differences {
		resp.Differences = append(resp.Differences, &akinv1.Difference{Part: d.Part, Description: d.Description, Remedy: d.Remedy})
	}
	return resp
}

// showVerification prints what was found, and returns errDiffers unless all agree.
func (e *environment) showVerification(asJSON bool, found *akinv1.VerifyResponse) error {
	err := e.show(asJSON, found, func() {
		fmt.Fprintf(e.out, "%d papers at sequence %d\n", found.GetPaperCount(), found.GetSequence())
		for _, p := range found.GetParts() {
			switch {
			case p.GetSkipped() != "":
				fmt.Fprintf(e.out, "%-11s not compared: %s\n", p.GetName(), oneLine(p.GetSkipped()))
			case p.GetDifferences() > 0:
				fmt.Fprintf(e.out, "%-11s %d compared, %s\n", p.GetName(), p.GetChecked(), plural(int(p.GetDifferences()), "difference"))
			default:
				fmt.Fprintf(e.out, "%-11s %d compared, all as it should be\n", p.GetName(), p.GetChecked())
			}
		}
		for _, d := range found.GetDifferences() {
			fmt.Fprintf(e.out, "\n%s: %s\n    %s\n", d.GetPart(), oneLine(d.GetDescription()), d.GetRemedy())
		}
	})
	if err == nil && len(found.GetDifferences()) > 0 {
		err = errDiffers
	}
	return err
}
