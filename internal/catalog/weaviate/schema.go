package weaviate

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"akin/internal/paper"
)

// The properties of papers. Those without an index are read alone.
const (
	propID      = "pid"     // the id
	propKey     = "key"     // the id in hexadecimal digits, by which lists are sorted: Weaviate sorts A and a alike, and filters them apart
	propFacets  = "facets"  // "field=value" as package filter makes values equal, and "?field" where there is one
	propWords   = "words"   // "field=word"
	propTerms   = "terms"   // what package lexical makes of title, three times, and abstract
	propLength  = "length"  // how many words those are
	propDate    = "date"    // filter.PackedDate
	propYear    = "year"    // of publication
	propCreated = "created" // microseconds
	propUpdated = "updated" // microseconds
	propOrdinal = "ordinal"
	propLot     = "lot"    // by which samples are drawn
	propRecord  = "record" // all of it, as JSON
	propData    = "data"   // of objects that are no papers: JSON
)

// flatBelow is how many papers a filter must leave so that Weaviate walks the graph
// instead of comparing all of them.
const flatBelow = 40_000

type property struct {
	Name       string   `json:"name"`
	Type       []string `json:"dataType"`
	Tokens     string   `json:"tokenization,omitempty"`
	Filterable bool     `json:"indexFilterable"`
	Searchable bool     `json:"indexSearchable"`
	Ranges     bool     `json:"indexRangeFilters"`
}

func text(name, tokens string, filterable, searchable bool) property {
	return property{Name: name, Type: []string{"text"}, Tokens: tokens, Filterable: filterable, Searchable: searchable}
}

func number(name string) property {
	return property{Name: name, Type: []string{"int"}, Filterable: true, Ranges: true}
}

// papersClass is the class of papers. Nothing is left to the server's defaults that
// answers depend on. Lists are texts, for a search by words decodes every property of
// what it finds, and lists of Weaviate's are slow at that.
func (w *wire) papersClass(name string) map[string]any {
	return w.class(name, []property{
		text(propID, "field", true, false), text(propKey, "field", true, false), text(propFacets, "whitespace", true, false),
		text(propWords, "whitespace", true, false), text(propTerms, "whitespace", true, true),
		{Name: propLength, Type: []string{"int"}},
		number(propDate), number(propYear), number(propCreated), number(propUpdated), number(propOrdinal), number(propLot),
		text(propRecord, "field", false, false),
	}, map[string]any{
		"distance": "cosine", "maxConnections": 32, "efConstruction": 128, "ef": -1, "dynamicEfMin": 128, "dynamicEfMax": 512,
		"dynamicEfFactor": 8, "flatSearchCutoff": flatBelow, "skipDefaultQuantization": true, "vectorCacheMaxObjects": 1_000_000_000_000,
	})
}

func (w *wire) stateClass(name string) map[string]any {
	return w.class(name, []property{text(propData, "field", false, false)}, map[string]any{"skip": true})
}

func (w *wire) class(name string, properties []property, vectors map[string]any) map[string]any {
	return map[string]any{
		"class": name, "properties": properties, "vectorizer": "none", "vectorIndexType": "hnsw", "vectorIndexConfig": vectors,
		"description":       "kept by akin; do not write to it",
		"replicationConfig": map[string]any{"factor": w.config.Replicas, "asyncEnabled": w.config.Replicas > 1, "deletionStrategy": "TimeBasedResolution"},
		"shardingConfig":    map[string]any{"desiredCount": w.config.Shards},
		"invertedIndexConfig": map[string]any{
			"bm25": map[string]any{"k1": 1.5, "b": 0.75}, "stopwords": map[string]any{"preset": "none"}, "cleanupIntervalSeconds": 60,
		},
	}
}

// classOf names the classes of a collection: '-' and '_' are the only signs in a name.
func (w *wire) classOf(collection, kind string) string {
	return w.config.Prefix + kind + "_" + strings.NewReplacer("-", "_m", "_", "_u").Replace(collection)
}

// createClass creates a class, if it is not there.
func (w *wire) createClass(ctx context.Context, class map[string]any) error {
	name, _ := class["class"].(string)
	there, err := w.hasClass(ctx, name)
	if err != nil || there {
		return err
	}
	a, err := w.rest(ctx, http.MethodPost, "/schema", class)
	if err == nil && a.code/100 != 2 {
		err = a.fault(http.MethodPost, "/schema")
	}
	if err != nil { // somebody else may have been faster, or the answer was lost
		if there, again := w.hasClass(ctx, name); again == nil && there {
			return nil
		}
		return fmt.Errorf("create the class %s: %w", name, err)
	}
	return nil
}

func (w *wire) hasClass(ctx context.Context, name string) (bool, error) {
	a, err := w.rest(ctx, http.MethodGet, "/schema/"+name, nil)
	if err != nil || a.code == http.StatusNotFound {
		return false, err
	}
	if a.code != http.StatusOK {
		return false, a.fault(http.MethodGet, "/schema/"+name)
	}
	var class struct {
		Replication struct{ Factor int } `json:"replicationConfig"`
	}
	if err := json.Unmarshal(a.body, &class); err != nil {
		return false, fmt.Errorf("weaviate: the class %s: %w", name, err)
	}
	if class.Replication.Factor != w.config.Replicas {
		return false, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: ReasonClusterRefused,
			Message: fmt.Sprintf("the class %s has %d replicas, and the configuration says %d; set replicas to %d, or move the papers to a new class",
				name, class.Replication.Factor, w.config.Replicas, class.Replication.Factor),
		}
	}
	return true, nil
}

// dropClass removes a class with all that it has.
func (w *wire) dropClass(ctx context.Context, name string) error {
	a, err := w.rest(ctx, http.MethodDelete, "/schema/"+name, nil)
	if err == nil && a.code/100 != 2 && a.code != http.StatusNotFound {
		err = a.fault(http.MethodDelete, "/schema/"+name)
	}
	return err
}
