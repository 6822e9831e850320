package operation_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"akin/internal/operation"
	"akin/internal/paper"
)

func start(t *testing.T, r *operation.Runner, work func(context.Context, operation.Report) (any, error)) operation.Operation {
	t.Helper()
	o, err := r.Start("Test", work)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOperationRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := operation.NewRunner(nil)
		defer r.Close()
		goOn := make(chan bool)
		o := start(t, r, func(_ context.Context, report operation.Report) (any, error) {
			report(operation.Progress{Step: "one", Done: 1, Total: 2})
			<-goOn
			return "result", nil
		})
		synctest.Wait()
		if got, err := r.Get(o.Name); err != nil || got.Done() || got.Progress.Step != "one" || got.Method != "Test" {
			t.Errorf("%+v, %v", got, err)
		}
		if err := r.Delete(o.Name); paper.KindOf(err) != paper.FailedPrecondition {
			t.Errorf("deleting a running one: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if got, err := r.Wait(ctx, o.Name); err != nil || got.Done() {
			t.Errorf("waited for too short: %+v, %v", got, err)
		}
		close(goOn)
		if got, err := r.Wait(t.Context(), o.Name); err != nil || !got.Done() || got.Result != "result" || got.Err != nil {
			t.Errorf("%+v, %v", got, err)
		}
		time.Sleep(operation.Keep + time.Second)
		if _, err := r.Get(o.Name); paper.KindOf(err) != paper.NotFound {
			t.Errorf("kept for too long: %v", err)
		}
	})
}

func TestOperationEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := operation.NewRunner(nil)
		wait := func(ctx context.Context, _ operation.Report) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		a, b := start(t, r, wait), start(t, r, wait)
		_, err := r.Start("Test", wait)
		var e *paper.Error
		if !errors.As(err, &e) || e.Kind != paper.Exhausted || e.RetryAfter == 0 {
			t.Errorf("one too many: %v", err)
		}
		if err := r.Cancel(a.Name); err != nil {
			t.Error(err)
		}
		if got, err := r.Wait(t.Context(), a.Name); err != nil || !got.Canceled() {
			t.Errorf("%+v, %v", got, err)
		}
		if err := errors.Join(r.Delete(a.Name), r.Close()); err != nil {
			t.Error(err)
		}
		if got, err := r.Get(b.Name); err != nil || !got.Canceled() {
			t.Errorf("closed: %+v, %v", got, err)
		}
		if _, err := r.Start("Test", wait); paper.KindOf(err) != paper.Unavailable {
			t.Errorf("after closing: %v", err)
		}
		for _, err := range []error{r.Cancel(a.Name), r.Delete(a.Name)} {
			if paper.KindOf(err) != paper.NotFound {
				t.Error(err)
			}
		}
	})
}

// What is remembered is bounded; a panic is an error.
func TestOperationsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := operation.NewRunner(nil)
		defer r.Close()
		var last operation.Operation
		for i := range operation.MaxKept + 20 {
			last = start(t, r, func(context.Context, operation.Report) (any, error) { panic(fmt.Sprint("number ", i)) })
			if got, err := r.Wait(t.Context(), last.Name); err != nil || got.Err == nil {
				t.Fatalf("%+v, %v", got, err)
			}
			time.Sleep(time.Second)
		}
		list := r.List()
		if len(list) != operation.MaxKept || list[0].Name != last.Name {
			t.Errorf("%d are kept", len(list))
		}
	})
}
