package catalogtest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"akin/internal/catalog"
	"akin/internal/paper"
)

// taken is a snapshot.
type taken struct {
	catalog.Snapshot
	states map[string]*state
}

// Verify implements catalog.Verifier: what has one copy cannot differ.
func (m *Memory) Verify(ctx context.Context, progress catalog.Progress) (*catalog.Verification, error) {
	if err := m.before(ctx, "Verify"); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return verified(m.states, progress), nil
}

func verified(states map[string]*state, progress catalog.Progress) *catalog.Verification {
	out := &catalog.Verification{Parts: []catalog.VerifiedPart{{Name: "memory"}}}
	for _, s := range states {
		out.Parts[0].Checked += uint64(len(s.entries))
	}
	if s := states[paper.DefaultCollection]; s != nil {
		out.Papers, out.Sequence = uint32(len(s.entries)), s.sequence
	}
	progress("memory", out.Parts[0].Checked, out.Parts[0].Checked)
	return out
}

// CreateSnapshot implements catalog.Snapshots.
func (m *Memory) CreateSnapshot(ctx context.Context, name string, progress catalog.Progress) (catalog.Snapshot, error) {
	if err := m.before(ctx, "CreateSnapshot"); err != nil {
		return catalog.Snapshot{}, err
	}
	if err := catalog.CheckSnapshotName("name", name); err != nil {
		return catalog.Snapshot{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(m.snapshots, func(t taken) bool { return t.Name == name }) {
		return catalog.Snapshot{}, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: catalog.ReasonSnapshotExists, Message: fmt.Sprintf("there is a snapshot %q", name),
		}
	}
	v := verified(m.states, progress)
	s := catalog.Snapshot{Name: name, CreateTime: time.Now().UTC(), Papers: v.Papers, Sequence: v.Sequence}
	m.snapshots = slices.Insert(m.snapshots, 0, taken{s, maps.Clone(m.states)})
	return s, nil
}

// Snapshots implements catalog.Snapshots.
func (m *Memory) Snapshots(ctx context.Context) ([]catalog.Snapshot, error) {
	if err := m.before(ctx, "Snapshots"); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []catalog.Snapshot
	for _, t := range m.snapshots {
		out = append(out, t.Snapshot)
	}
	return out, nil
}

// VerifySnapshot implements catalog.Snapshots.
func (m *Memory) VerifySnapshot(ctx context.Context, name string, progress catalog.Progress) (*catalog.Verification, error) {
	if err := m.before(ctx, "VerifySnapshot"); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, t := range m.snapshots {
		if t.Name == name {
			return verified(t.states, progress), nil
		}
	}
	return nil, &paper.Error{
		Kind: paper.NotFound, Reason: catalog.ReasonSnapshotUnknown, ResourceType: "snapshot", ResourceName: name,
		Message: fmt.Sprintf("there is no snapshot %q", name),
	}
}
