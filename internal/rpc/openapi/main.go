// Command openapi makes the one OpenAPI file that a server gives out. It joins what
// protoc-gen-openapiv3 makes of each proto file, and adds what no proto says: a
// title, the routes beside the services, how streams come, and one name for the
// path of a paper, which the methods call differently.
//
// It runs in one goroutine, and reads and writes the files that it is given.
package main

import (
	_ "embed" // the routes beside the services
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"
)

//go:embed beside.json
var beside []byte

func main() {
	in := flag.String("in", "", "folder of the generated files")
	out := flag.String("out", "", "file to write")
	flag.Parse()
	if err := run(*in, *out); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

// object is a JSON object.
type object = map[string]any

// document is an OpenAPI document, as far as it is joined.
type document struct {
	OpenAPI    string            `json:"openapi"`
	Info       object            `json:"info"`
	Servers    []object          `json:"servers,omitempty"`
	Security   []object          `json:"security"`
	Tags       []object          `json:"tags,omitempty"`
	Paths      map[string]object `json:"paths"`
	Components struct {
		Schemas map[string]any `json:"schemas"`
	} `json:"components"`
}

func run(in, out string) error {
	var doc document
	if err := json.Unmarshal(beside, &doc); err != nil {
		return fmt.Errorf("read beside.json: %w", err)
	}
	found := 0
	folder := os.DirFS(in)
	err := fs.WalkDir(folder, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".openapi.json") {
			return err
		}
		raw, err := fs.ReadFile(folder, path)
		if err != nil {
			return err
		}
		var part document
		if err := json.Unmarshal(raw, &part); err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		found++
		return doc.join(&part)
	})
	switch {
	case err != nil:
		return err
	case found == 0:
		return errors.New("there is no generated file in " + in)
	}
	doc.streams()
	doc.faults()
	raw, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	return os.WriteFile(out, append(raw, '\n'), 0o644)
}

// join adds the routes and schemas of a part.
func (d *document) join(part *document) error {
	d.Tags = append(d.Tags, part.Tags...)
	maps.Copy(d.Components.Schemas, part.Components.Schemas)
	for _, schema := range d.Components.Schemas {
		single(schema)
	}
	for path, item := range part.Paths {
		path = unify(path, item)
		if d.Paths[path] == nil {
			d.Paths[path] = object{}
		}
		for method, operation := range item {
			if _, ok := d.Paths[path][method]; ok {
				return fmt.Errorf("%s %s is there twice", method, path)
			}
			d.Paths[path][method] = operation
		}
	}
	return nil
}

// unify gives the parameter that is the name of a resource one name in all methods,
// also where it is a field of a body: two paths that differ in that alone are one.
func unify(path string, item object) string {
	for _, name := range []struct{ long, short string }{
		{"paper.id", "id"},
		{"library.name", "name"},
		{"feed.name", "name"},
		{"source.name", "name"},
		{"digest.name", "name"},
	} {
		if strings.Contains(path, "{"+name.long+"}") {
			rename(item, name.long, name.short)
			path = strings.ReplaceAll(path, "{"+name.long+"}", "{"+name.short+"}")
		}
	}
	return path
}

// rename gives the parameters of a name another.
func rename(item object, long, short string) {
	for _, operation := range item {
		parameters, _ := operation.(object)["parameters"].([]any)
		for _, p := range parameters {
			if p, ok := p.(object); ok && p["name"] == long {
				p["name"] = short
			}
		}
	}
}

// streams says how the answers of streaming methods come over HTTP.
func (d *document) streams() {
	for _, path := range []string{"/v1/papers:export", "/v1/duplicates"} {
		operation, _ := d.Paths[path]["get"].(object)
		responses, _ := operation["responses"].(object)
		ok, _ := responses["200"].(object)
		content, _ := ok["content"].(object)
		media, _ := content["application/json"].(object)
		if media == nil {
			continue
		}
		ok["description"] = "One JSON object a line, each with a result, or in the end with an error."
		media["schema"] = object{
			"type":       "object",
			"properties": object{"result": media["schema"], "error": object{"$ref": "#/components/schemas/google.rpc.Status"}},
		}
	}
}

// single takes the alternatives of an object that has its properties besides: of a
// oneof they say that one is there at most, for which generators of clients make a
// type each that lacks the others.
func single(schema any) {
	s, ok := schema.(object)
	if !ok {
		return
	}
	if s["properties"] != nil {
		delete(s, "oneOf")
	}
	for _, of := range s {
		single(of)
	}
}

// faults says of every method that a request may be at fault, in the form of any
// other error.
func (d *document) faults() {
	for _, item := range d.Paths {
		for _, operation := range item {
			operation, _ := operation.(object)
			if responses, _ := operation["responses"].(object); responses["default"] != nil {
				responses["4XX"] = responses["default"]
			}
		}
	}
}
