package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"akin/internal/admit"
	"akin/internal/catalog"
	"akin/internal/engine"
	"akin/internal/paper"
	"akin/internal/telemetry"
)

func answerOf(sequence uint64, ids ...string) *engine.Answer {
	a := &engine.Answer{Strategy: catalog.GraphWalk, Sequence: sequence}
	for _, id := range ids {
		a.Results = append(a.Results, engine.Result{Record: paper.Record{Paper: paper.Paper{ID: id}}})
	}
	return a
}

// A chosen answer is repeated exactly, once at a time, and compared as far as it is of
// the same state.
func TestRecall(t *testing.T) {
	tel, err := telemetry.New(telemetry.Config{Live: telemetry.Live{RecallShare: 1}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	r := newRecall(tel, admit.New(admit.Config{}))
	repeat := func(a *engine.Answer, err error) {
		r.offer(engine.ResultOptions{}, answerOf(7, "a", "b", "c", "d"), func(_ context.Context, o engine.ResultOptions) (*engine.Answer, error) {
			if !o.Exact {
				t.Error("it is not repeated exactly")
			}
			return a, err
		})
		r.work.Wait()
	}
	repeat(answerOf(7, "a", "b", "c", "x"), nil)
	repeat(answerOf(7, "d", "c", "b", "a"), nil)
	repeat(answerOf(8, "a", "b", "c", "d"), nil)
	repeat(nil, errors.New("no"))
	// While one is under way, others are not repeated.
	started, finish := make(chan struct{}), make(chan struct{})
	r.offer(engine.ResultOptions{}, answerOf(7, "a"), func(context.Context, engine.ResultOptions) (*engine.Answer, error) {
		close(started)
		<-finish
		return answerOf(7, "a"), nil
	})
	<-started
	never := func(context.Context, engine.ResultOptions) (*engine.Answer, error) {
		t.Error("it is repeated")
		return nil, errors.New("no")
	}
	r.offer(engine.ResultOptions{}, answerOf(7, "a"), never)
	close(finish)
	r.work.Wait()
	// These need no repetition.
	r.offer(engine.ResultOptions{Exact: true}, answerOf(7, "a"), never)
	r.offer(engine.ResultOptions{PageToken: "x"}, answerOf(7, "a"), never)
	r.offer(engine.ResultOptions{}, answerOf(7), never)
	exact := answerOf(7, "a")
	exact.Strategy = catalog.ExactScan
	r.offer(engine.ResultOptions{}, exact, never)
	tel.Change(telemetry.Live{})
	r.offer(engine.ResultOptions{}, answerOf(7, "a"), never)
	tel.Change(telemetry.Live{RecallShare: 1})
	r.close()
	r.offer(engine.ResultOptions{}, answerOf(7, "a"), never)

	w := httptest.NewRecorder()
	tel.Metrics().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for outcome, n := range map[string]int{"measured": 3, "moved": 1, "failed": 1, "busy": 1} {
		if want := fmt.Sprintf("akin_query_recall_checks_total{outcome=%q} %d\n", outcome, n); !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s", want)
		}
	}
	if want := "akin_query_recall_at_10_ratio_sum 2.75\n"; !strings.Contains(w.Body.String(), want) {
		t.Errorf("no %s", want)
	}
}
