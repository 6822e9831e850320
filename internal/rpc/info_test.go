package rpc_test

import (
	"testing"
	"time"

	"akin/internal/rpc"
	akinv1 "akin/proto/akin/v1"
)

// The server says what is made of the papers, and asking makes nothing.
func TestDerived(t *testing.T) {
	s := serve(t, rpc.GatewayOptions{})
	s.upsert(t, &akinv1.Paper{Id: "p0", Title: "Glaciers"})
	derived := func() map[string]*akinv1.Derived {
		info, err := s.Info.GetServerInfo(t.Context(), &akinv1.GetServerInfoRequest{})
		if err != nil {
			t.Fatal(err)
		}
		out := make(map[string]*akinv1.Derived)
		for _, d := range info.GetDerived() {
			if d.GetSequence() > info.GetSequence() || d.GetDone() < 0 || d.GetDone() > 1 {
				t.Errorf("%v, at change %d", d, info.GetSequence())
			}
			out[d.GetName()] = d
		}
		return out
	}
	first := derived()
	if first["vectors"].GetAnswers() != "scan" || first["vectors"].GetState() != akinv1.DerivedState_DERIVED_STATE_READY || first["words"].GetState() != akinv1.DerivedState_DERIVED_STATE_READY {
		t.Errorf("%v", first)
	}
	if again := derived()["map"]; again.GetState() != akinv1.DerivedState_DERIVED_STATE_NONE || again.GetStep() != "" {
		t.Errorf("the map that nobody asked for: %v", again)
	}
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(time.Millisecond) {
		if m, err := s.Map.GetMap(t.Context(), &akinv1.GetMapRequest{}); err != nil || time.Now().After(deadline) {
			t.Fatal(m, err)
		} else if m.GetState() == akinv1.MapState_MAP_STATE_READY {
			break
		}
	}
	if m := derived()["map"]; m.GetState() != akinv1.DerivedState_DERIVED_STATE_READY {
		t.Errorf("the map: %v", m)
	}
	s.upsert(t, &akinv1.Paper{Id: "p1", Title: "Rivers"})
	if m := derived()["map"]; m.GetState() != akinv1.DerivedState_DERIVED_STATE_BEHIND || m.GetSequence() == 0 {
		t.Errorf("the map after a change: %v", m)
	}
}
