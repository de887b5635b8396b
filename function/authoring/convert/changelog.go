package convert

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// An entry is what a changelog in XML, YAML or JSON says, as far as it concerns
// the order of SQL.
type entry struct {
	kind       entryKind
	path       string
	relative   bool // to the changelog
	line       int
	attributes map[string]string
}

type entryKind int

const (
	include entryKind = iota
	includeAll
	property
	foreign // a changeset that is not SQL
)

func newEntry(name string, line int, attributes map[string]string) (entry, bool) {
	e := entry{line: line, attributes: attributes, relative: strings.EqualFold(attributes["relativeToChangelogFile"], "true")}
	switch name {
	case "include":
		e.kind, e.path = include, attributes["file"]
	case "includeAll":
		e.kind, e.path = includeAll, strings.TrimSuffix(attributes["path"], "/")
	case "property":
		e.kind = property
	case "changeSet":
		e.kind = foreign
	default:
		return e, false
	}
	return e, true
}

func xmlEntries(text string) ([]entry, error) {
	var entries []entry
	d := xml.NewDecoder(strings.NewReader(text))
	for depth := 0; ; {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.EndElement:
			depth--
		case xml.StartElement:
			depth++
			attributes := map[string]string{}
			for _, a := range t.Attr {
				attributes[a.Name.Local] = a.Value
			}
			line, _ := d.InputPos()
			if e, ok := newEntry(t.Name.Local, line, attributes); ok && depth == 2 {
				entries = append(entries, e)
			}
		}
	}
}

// yamlEntries reads JSON too, which is YAML.
func yamlEntries(text string) ([]entry, error) {
	var document struct {
		Log []map[string]yaml.Node `yaml:"databaseChangeLog"`
	}
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return nil, err
	}
	var entries []entry
	for _, item := range document.Log {
		for name, node := range item {
			var values map[string]any
			if node.Kind == yaml.MappingNode {
				if err := node.Decode(&values); err != nil {
					return nil, err
				}
			}
			attributes := map[string]string{}
			for k, v := range values {
				attributes[k] = fmt.Sprint(v)
			}
			if e, ok := newEntry(name, node.Line, attributes); ok {
				entries = append(entries, e)
			}
		}
	}
	return entries, nil
}
