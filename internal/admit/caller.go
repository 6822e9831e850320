package admit

import "context"

type callerKey struct{}

// WithCaller says whom the work under a context is charged to.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// Turn admits a part of a stream, for the caller of the context, however long it
// has to wait. done gives the place back.
func (g *Gate) Turn(ctx context.Context, class string, units int) (done func(), err error) {
	caller, _ := ctx.Value(callerKey{}).(Caller)
	pass, err := g.Enter(ctx, Call{Caller: caller, Class: class, Units: float64(units), Patient: true})
	if err != nil {
		return nil, err
	}
	return func() { pass.Leave(true) }, nil
}
