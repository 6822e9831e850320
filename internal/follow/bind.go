package follow

import (
	"context"
	"slices"

	"akin/internal/paper"
)

// Bind has a library, which is there, follow something. To follow the same thing
// otherwise (other collections, mark, tags) it may be bound again; what the library was
// given stays or goes with the next round.
func (f *Follower) Bind(ctx context.Context, owner, name string, b Binding) (Bound, error) {
	b.Tags = slices.Clone(b.Tags)
	if err := f.Check(owner, &b); err != nil {
		return Bound{}, err
	}
	slices.Sort(b.Tags)
	b.Tags = slices.Compact(b.Tags)
	l, err := f.config.Libraries.Get(ctx, owner, name)
	if err != nil {
		return Bound{}, err
	}
	err = f.config.Shelves.Change(ctx, func(w Writer) error {
		live, found, _, err := f.config.Libraries.Live(w, l.ID)
		if err != nil {
			return err
		}
		if !found {
			return unbound(name)
		}
		l = live
		had, found, err := w.Binding(l.ID)
		switch {
		case err != nil:
			return err
		case found && !had.same(&b.Source):
			return boundElsewhere(name, &had.Source)
		case !found:
			if err := f.room(w, owner); err != nil {
				return err
			}
			had.CreateTime = f.now()
		}
		b.LibraryID, b.CreateTime, b.UpdateTime, b.State = l.ID, had.CreateTime, f.now(), had.State
		b.Version, b.Scope, b.Digest, b.NextTime, b.Failures, b.Failure, b.Reason = 0, "", "", f.now(), 0, "", ""
		return w.PutBinding(&b)
	})
	if err != nil {
		return Bound{}, err
	}
	f.nudge()
	return Bound{Binding: b, Library: l, Running: f.isRunning(l.ID)}, nil
}

// Check says what is wrong with a binding that an owner wants.
func (f *Follower) Check(owner string, b *Binding) error {
	if err := b.check(); err != nil {
		return err
	}
	if b.File == nil {
		return nil
	}
	_, _, err := f.config.Files.allowed(owner, b.File.Path)
	return err
}

// room says whether an owner may have one more binding.
func (f *Follower) room(w Writer, owner string) error {
	bindings, err := w.Bindings()
	if err != nil && paper.KindOf(err) != paper.DataLoss {
		return err
	}
	libraries, err := f.libraries(w)
	if err != nil {
		return err
	}
	n := 0
	for _, b := range bindings {
		if libraries[b.LibraryID].Owner == owner {
			n++
		}
	}
	if n >= MaxBindings {
		return tooMany(n)
	}
	return nil
}

// Unbind ends a binding. The entries stay as they are, or, if take, what was given goes
// as if it had left the other side.
func (f *Follower) Unbind(ctx context.Context, owner, name string, take bool) (Bound, error) {
	b, err := f.Get(ctx, owner, name)
	harmed := err != nil && paper.KindOf(err) == paper.DataLoss // one that is damaged can be ended as well
	if err != nil && !harmed {
		return b, err
	}
	if harmed {
		if b.Library, err = f.config.Libraries.Get(ctx, owner, name); err != nil {
			return b, err
		}
		b.LibraryID = b.Library.ID
	}
	err = f.config.Shelves.Change(ctx, func(w Writer) error {
		l, found, _, err := f.config.Libraries.Live(w, b.LibraryID)
		if err != nil {
			return err
		}
		if _, bound, err := w.Binding(b.LibraryID); !harmed && (err != nil || !found || !bound) {
			return cmpError(err, unbound(name))
		}
		if take {
			giving := f.config.Libraries.Giving(w, l)
			for g, err := range w.Gifts(l.ID) {
				if err != nil {
					return err
				}
				if err := giving.Take(g); err != nil {
					return err
				}
			}
			if err := giving.Finish(); err != nil {
				return err
			}
		}
		return w.RemoveBinding(b.LibraryID)
	})
	return b, err
}

func cmpError(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// Get gives the binding of a library.
func (f *Follower) Get(ctx context.Context, owner, name string) (out Bound, err error) {
	l, err := f.config.Libraries.Get(ctx, owner, name)
	if err != nil {
		return out, err
	}
	err = f.config.Shelves.Follow(ctx, func(r Reader) error {
		b, found, err := r.Binding(l.ID)
		if err == nil && !found {
			return unbound(name)
		}
		out = Bound{Binding: b, Library: l, Running: f.isRunning(l.ID)}
		return err
	})
	return out, err
}

// List gives the bindings of an owner in order of their libraries' names; those of
// deleted libraries are left out.
func (f *Follower) List(ctx context.Context, owner string) (out []Bound, err error) {
	libraries, err := f.config.Libraries.List(ctx, owner, false)
	if err != nil {
		return nil, err
	}
	all, _, err := f.all(ctx)
	if err != nil {
		return nil, err
	}
	for i := range libraries {
		at := slices.IndexFunc(all, func(b Bound) bool { return b.LibraryID == libraries[i].ID })
		if at >= 0 {
			all[at].Library, all[at].Running = libraries[i], f.isRunning(libraries[i].ID)
			out = append(out, all[at])
		}
	}
	return out, nil
}

// NotFound gives the entries of the other side that the collection has no paper of, in
// order of key, after a key, at most so many.
func (f *Follower) NotFound(ctx context.Context, owner, name, after string, most int) (out []Item, more bool, err error) {
	b, err := f.Get(ctx, owner, name)
	if err != nil {
		return nil, false, err
	}
	err = f.config.Shelves.Follow(ctx, func(r Reader) error {
		for i, err := range r.Items(b.LibraryID) {
			if err != nil {
				return err
			}
			if i.PaperID != "" || i.Key <= after {
				continue
			}
			if len(out) == most {
				more = true
				return nil
			}
			out = append(out, i)
		}
		return nil
	})
	return out, more, err
}

// Words says how a binding is, in sentences for people.
func (f *Follower) Words(b *Bound) string { return b.Words(f.now()) }
