package rpc

import (
	"akin/internal/engine"
	akinv1 "akin/proto/akin/v1"
)

var syntaxes = map[akinv1.Syntax]engine.Syntax{ //nolint:gochecknoglobals // a constant table
	akinv1.Syntax_SYNTAX_UNSPECIFIED: engine.SyntaxAuto,
	akinv1.Syntax_SYNTAX_AUTO:        engine.SyntaxAuto,
	akinv1.Syntax_SYNTAX_ON:          engine.SyntaxOn,
	akinv1.Syntax_SYNTAX_OFF:         engine.SyntaxOff,
}

// toInterpretation says what was understood of a query; nil if it has no operators.
func toInterpretation(a *engine.Answer) *akinv1.Interpretation {
	switch a.Operators {
	case engine.OperatorsCounted:
		return &akinv1.Interpretation{Operators: akinv1.OperatorUse_OPERATOR_USE_COUNTED}
	case engine.OperatorsIgnored:
		return &akinv1.Interpretation{Operators: akinv1.OperatorUse_OPERATOR_USE_IGNORED}
	case engine.OperatorsRaised:
		return &akinv1.Interpretation{
			Operators: akinv1.OperatorUse_OPERATOR_USE_RAISED,
			Detail: "The query is long, so its signs are no operators: a phrase in quotation marks only raises the papers that have it, " +
				"and everything else is words. With syntax ON they count.",
		}
	case engine.PhrasesDropped:
		return &akinv1.Interpretation{
			Operators: akinv1.OperatorUse_OPERATOR_USE_PHRASES_DROPPED,
			Detail:    "No paper has all that the query puts in quotation marks; these are the nearest without that. With syntax ON it must be there.",
		}
	case engine.OperatorsDropped:
		return &akinv1.Interpretation{
			Operators: akinv1.OperatorUse_OPERATOR_USE_DROPPED,
			Detail: "No paper is left by what the query puts in quotation marks and excludes; these are the nearest without either. " +
				"With syntax ON both count.",
		}
	case engine.NoOperators:
	}
	return nil
}
