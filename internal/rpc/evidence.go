package rpc

import (
	"akin/internal/engine"
	akinv1 "akin/proto/akin/v1"
)

func toEvidence(found []engine.Evidence) []*akinv1.Evidence {
	var out []*akinv1.Evidence
	for _, e := range found {
		made := &akinv1.Evidence{
			Field: evidenceFields[e.Field], Start: int32(e.Start), End: int32(e.End), Text: e.Text,
			Similarity: e.Similarity, MatchedTerms: e.Terms,
		}
		if of := e.Of; of != nil {
			made.Of = &akinv1.EvidenceSource{
				PaperId: of.PaperID, Example: int32(of.Example),
				Field: evidenceFields[of.Field], Start: int32(of.Start), End: int32(of.End), Text: of.Text,
			}
		}
		out = append(out, made)
	}
	return out
}

var evidenceFields = map[engine.Field]akinv1.EvidenceField{ //nolint:gochecknoglobals // a constant table
	engine.TitleField:    akinv1.EvidenceField_EVIDENCE_FIELD_TITLE,
	engine.AbstractField: akinv1.EvidenceField_EVIDENCE_FIELD_ABSTRACT,
}
