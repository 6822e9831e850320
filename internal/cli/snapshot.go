package cli

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"akin/internal/app"
	akinv1 "akin/proto/akin/v1"
)

type snapshotCommand struct {
	Create  snapshotCreateCommand  `cmd:"" help:"Copy the store, as of one acknowledged write."`
	List    snapshotListCommand    `cmd:"" help:"List snapshots, the newest first."`
	Verify  snapshotVerifyCommand  `cmd:"" help:"Read a snapshot and compare it with its digests."`
	Restore snapshotRestoreCommand `cmd:"" help:"Make a data directory of a snapshot, while no server uses it."`
}

// snapshotsFlag says where snapshots are, of a command that works without a server.
type snapshotsFlag struct {
	Snapshots string `help:"Directory of snapshots of --data (default: snapshots in it)." type:"path" env:"AKIN_SNAPSHOTS" placeholder:"DIR"`
}

func (f snapshotsFlag) config(e *environment, data string) app.Config {
	config := e.config
	config.Data, config.Snapshots = data, f.Snapshots
	return config
}

type snapshotCreateCommand struct {
	Name string `arg:"" optional:"" help:"Name (default: the time)."`
	whereAdmin
	snapshotsFlag
	JSON bool `name:"json" help:"Print the snapshot as JSON."`
}

// Help shows examples.
func (snapshotCreateCommand) Help() string {
	return `A snapshot is a copy of the store under a name, in the directory snapshots of the
data directory or in the one that the server was started with. It shares what does
not change with the store, so that it is made in a moment. The indexes are not in
it: they are made anew from the store. Copy the snapshot's directory to another
machine to be safe from the loss of this one.

Examples:
  akin snapshot create
  akin snapshot create before-upgrade --data papers`
}

// Run makes a snapshot.
func (c snapshotCreateCommand) Run(e *environment) error {
	p := e.newProgress("snapshot")
	made, err := c.create(e, p)
	p.finish()
	if err != nil {
		return err
	}
	return e.show(c.JSON, made, func() { e.snapshot(made) })
}

func (c snapshotCreateCommand) create(e *environment, p *progress) (*akinv1.Snapshot, error) {
	t := c.target()
	if t.Data != "" {
		one, err := app.CreateSnapshot(e.ctx, c.config(e, t.Data), e.log, c.Name, p.follow)
		return wireSnapshot(one), err
	}
	cl, err := e.connect(t, false)
	if err != nil {
		return nil, err
	}
	o, err := cl.Admin.CreateSnapshot(e.ctx, &akinv1.CreateSnapshotRequest{Name: c.Name})
	if err != nil {
		return nil, err
	}
	made := new(akinv1.Snapshot)
	return made, cl.Follow(e.ctx, o, made, func(at *akinv1.OperationProgress) { p.follow(at.GetStep(), at.GetDone(), at.GetTotal()) })
}

// snapshot prints a snapshot on a line.
func (e *environment) snapshot(s *akinv1.Snapshot) {
	if s.GetFault() != "" {
		fmt.Fprintf(e.out, "%s  cannot be restored: %s\n", oneLine(s.GetName()), oneLine(s.GetFault()))
		return
	}
	fmt.Fprintf(e.out, "%s  %s  %s at sequence %d  %d bytes\n",
		oneLine(s.GetName()), s.GetCreateTime().AsTime().UTC().Format(time.RFC3339), plural(int(s.GetPaperCount()), "paper"), s.GetSequence(), s.GetSizeBytes())
}

func wireSnapshot(s app.Snapshot) *akinv1.Snapshot {
	return &akinv1.Snapshot{
		Name: s.Name, CreateTime: timestamppb.New(s.CreateTime), PaperCount: s.Papers, Sequence: s.Sequence, SizeBytes: s.Bytes, Fault: s.Fault,
	}
}

type snapshotListCommand struct {
	whereAdmin
	snapshotsFlag
	JSON bool `name:"json" help:"Print the list as JSON."`
}

// Help shows an example.
func (snapshotListCommand) Help() string { return "Example:\n  akin snapshot list --data papers" }

// Run lists snapshots.
func (c snapshotListCommand) Run(e *environment) error {
	t := c.target()
	list := new(akinv1.ListSnapshotsResponse)
	if t.Data != "" {
		all, err := app.ListSnapshots(c.config(e, t.Data))
		if err != nil {
			return err
		}
		for _, one := range all {
			list.Snapshots = append(list.Snapshots, wireSnapshot(one))
		}
	} else {
		cl, err := e.connect(t, false)
		if err != nil {
			return err
		}
		if list, err = cl.Admin.ListSnapshots(e.ctx, new(akinv1.ListSnapshotsRequest)); err != nil {
			return err
		}
	}
	return e.show(c.JSON, list, func() {
		for _, s := range list.GetSnapshots() {
			e.snapshot(s)
		}
	})
}

type snapshotVerifyCommand struct {
	Name string `arg:"" help:"Name of the snapshot."`
	whereAdmin
	snapshotsFlag
	JSON bool `name:"json" help:"Print what was found as JSON."`
}

// Help shows an example.
func (snapshotVerifyCommand) Help() string {
	return "Reads every file of a snapshot and compares it with its digest.\n\nExample:\n  akin snapshot verify 20260102T150405Z --data papers"
}

// Run verifies a snapshot.
func (c snapshotVerifyCommand) Run(e *environment) error {
	t := c.target()
	found, err := e.verify(t, c.config(e, t.Data), c.Name)
	if err != nil {
		return err
	}
	return e.showVerification(c.JSON, found)
}

type snapshotRestoreCommand struct {
	Name string `arg:"" help:"Name of the snapshot."`
	Data string `help:"Data directory to make; no server may be using it." type:"path" env:"AKIN_DATA" placeholder:"DIR" required:""`
	snapshotsFlag
	Force bool `help:"Replace what is there, and keep it under another name beside it."`
}

// Help says what happens.
func (snapshotRestoreCommand) Help() string {
	return `Verifies the snapshot, and makes of it a data directory without indexes: the next
start makes them anew. The directory must be empty, or --force be given: then what
is there is renamed, the new name is printed, and its snapshots move along.

Examples:
  akin snapshot restore 20260102T150405Z --data papers --force
  akin snapshot restore before-upgrade --data elsewhere --snapshots papers/snapshots`
}

// Run restores a snapshot.
func (c snapshotRestoreCommand) Run(e *environment) error {
	done, err := app.RestoreSnapshot(e.ctx, c.config(e, c.Data), c.Name, c.Force)
	if err != nil {
		return err
	}
	e.snapshot(wireSnapshot(done.Snapshot))
	fmt.Fprintf(e.out, "restored to %s\n", c.Data)
	if done.Aside != "" {
		fmt.Fprintf(e.out, "what was there before is kept in %s; remove it when it is not needed any more\n", done.Aside)
	}
	return nil
}
