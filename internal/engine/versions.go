package engine

import "context"

// collapseVersions takes versions and near-duplicates of earlier hits, and of the
// query's own papers, out of a list, and keeps what stands for what.
func (a *asking) collapseVersions(ctx context.Context, d *draft) (err error) {
	if d.query.options.KeepVersions || len(d.hits) == 0 {
		return nil
	}
	before := len(d.hits)
	if d.hits, d.collapsed, err = a.versions().Collapse(ctx, d.hits, d.own); err != nil {
		return err
	}
	d.tally.versions = before - len(d.hits)
	return nil
}
