package weaviate

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"

	"akin/internal/catalog"
	"akin/internal/paper"
)

// What an akin of format 2 left of two papers: written, then one changed, a group that was
// taken back, and one that it died in after the log.
var oldState = map[string]string{
	"head":    `{"Format":2,"Space":SPACE,"Sequence":4,"Papers":2,"Group":3,"Length":12,"Ordinal":3,"Epoch":7,"Trimmed":0}`,
	"group 1": `{"At":1764000000000000000,"Entries":[{"Sequence":1,"ID":"a","Fields":1},{"Sequence":2,"ID":"b","Fields":1}]}`,
	"group 2": `{"At":1764000001000000000,"Entries":[{"Sequence":3,"ID":"a","Prior":1,"Fields":1}]}`,
	"group 3": `{"At":1764000002000000000,"Void":true,"Entries":[{"Sequence":4,"ID":"c","Fields":1}]}`,
	"group 4": `{"At":1764000003000000000,"Entries":[{"Sequence":5,"ID":"b","Prior":2,"Fields":1},{"Sequence":6,"ID":"d","Fields":1}]}`,
}

func (f *fake) keep(t *testing.T, o *pb.BatchObject, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.classes[o.GetCollection()] == nil {
		f.schemas[o.GetCollection()], f.classes[o.GetCollection()] = []byte(`{"replicationConfig":{"factor":1}}`), make(map[string]*pb.BatchObject)
	}
	f.classes[o.GetCollection()][o.GetUuid()] = o
}

// A collection of format 2 becomes one of this format when a writer takes it over, and has
// everything that it had: papers, the log, and what is to be taken back.
func TestFormatBefore(t *testing.T) {
	node, at := newFake(t)
	config := configOf(at)
	w := &wire{config: config.withDefaults()}
	papers, states := w.classOf(paper.DefaultCollection, "Papers"), w.classOf(paper.DefaultCollection, "State")
	space, err := json.Marshal(config.Space)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range oldState {
		kind, number, _ := strings.Cut(name, " ")
		o, err := other(states, idOf(kind, number), json.RawMessage(strings.Replace(text, "SPACE", string(space), 1)))
		node.keep(t, o, err)
	}
	vector := []float32{1, 0, 0, 0}
	for _, v := range []*version{oldVersion(3, "a", "glacier again"), oldVersion(5, "b", "never acknowledged"), oldVersion(6, "d", "never acknowledged")} {
		o, err := object(papers, v, vector)
		node.keep(t, o, err)
	}
	was := oldVersion(2, "b", "turbine")
	was.Vector = vectorBytes(vector)
	o, err := other(states, copyID("b", 2), was)
	node.keep(t, o, err)

	if _, err := Open(t.Context(), config); err == nil || !strings.Contains(err.Error(), "start a server that writes") {
		t.Errorf("a reader: %v", err)
	}
	config.Epoch = 7
	if _, err := Open(t.Context(), config); reasonOf(err) != ReasonWriterReplaced {
		t.Errorf("a writer that is not newer: %v", err)
	}
	for i, epoch := range []uint64{8, 9, 0} {
		config.Epoch = epoch
		c, err := Open(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		v, err := c.View(t.Context(), paper.DefaultCollection)
		if err != nil {
			t.Fatal(err)
		}
		records, err := v.Get(t.Context(), catalog.Refs("a", "b", "c", "d", "e"))
		if err != nil {
			t.Fatal(err)
		}
		if text := titles(records); text != "glacier again, turbine, -, -, -" || v.Info().Papers != 2 {
			t.Errorf("epoch %d: %s of %+v", epoch, text, v.Info())
		}
		log, err := v.(catalog.Changes).Changed(t.Context(), 1, 100)
		if err != nil || len(log) != 2+2*i || log[0].ID != "b" || log[1].ID != "a" || log[1].Sequence != 3 {
			t.Errorf("epoch %d: the log is %v, %v", epoch, log, err)
		}
		for _, m := range []catalog.Mutation{{Paper: paper.Paper{ID: "e", Title: "orchid"}, Vector: vector}, {Delete: true, Paper: paper.Paper{ID: "e"}}} {
			if _, _, err := c.Apply(t.Context(), paper.DefaultCollection, []catalog.Mutation{m}); (err == nil) != (epoch > 0) {
				t.Errorf("epoch %d: %v", epoch, err)
			}
		}
	}
}

func titles(records []*paper.Record) string {
	out := make([]string, len(records))
	for i, r := range records {
		if out[i] = "-"; r != nil {
			out[i] = r.Title
		}
	}
	return strings.Join(out, ", ")
}

func oldVersion(born uint64, id, title string) *version {
	at := time.Unix(1764000000, 0)
	return &version{Born: born, Record: stored(&paper.Record{Paper: paper.Paper{ID: id, Title: title}, CreateTime: at, UpdateTime: at, Revision: 1})}
}
