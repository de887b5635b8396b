package main

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// This file says which way imports run in this house; imports_test.go holds the
// house to it.

const house = "github.com/alquimistaai/aurora-migrator/"

// A room is one package, as far as the directions are concerned.
type room struct {
	imports []string
	env     []string // names of the files, tests aside, that read environment variables
}

// A kind of room is named after what the design calls it.
type kind string

const (
	catalog   kind = "catalog"
	noun      kind = "noun"
	verb      kind = "verb"
	edge      kind = "edge"
	beside    kind = "beside an edge" // for tests and the laptop: pgtest, devdb, lambdatest, client
	corridor  kind = "corridor"
	authoring kind = "authoring"
	door      kind = "front door"
	scripts   kind = "migrations"
)

var kinds = map[string]kind{
	"migrations":       scripts,
	"function":         door,
	"function/catalog": catalog, "function/migration": noun,
	"function/gate": verb, "function/apply": verb, "function/report": verb, "function/lint": verb,
	"function/doctor": verb, "function/repair": verb, "function/replay": verb,
	"function/postgres": edge, "function/amazon": edge,
	"function/pipeline": corridor, "function/authoring": authoring,
	"function/authoring/convert": verb, "function/authoring/atlastest": beside,
}

// kindOf is "" for a package that has no place in the house.
func kindOf(name string) kind {
	if k, ok := kinds[name]; ok {
		return k
	}
	switch path.Dir(name) {
	case "function/cmd":
		return door
	case "function/postgres", "function/amazon":
		return beside
	}
	return ""
}

// admits says which kinds of rooms each kind may import. None is in its own
// list: a verb knows no other verb, an edge no other edge, a door no other door.
var admits = map[kind][]kind{
	scripts:   {},
	catalog:   {},
	noun:      {catalog},
	verb:      {catalog, noun},
	edge:      {catalog, noun},
	beside:    {catalog, noun, edge, beside},
	corridor:  {catalog, noun, verb, edge},
	authoring: {catalog, noun, verb, edge, beside},
	door:      {catalog, noun, verb, edge, beside, corridor, authoring},
}

// A keeper says where alone packages from outside may be imported.
type keeper struct {
	outside string // the package, or the beginning of a path that ends with /
	within  func(name string) bool
	where   string
}

var keepers = []keeper{
	{"github.com/jackc/pgx/", under("function/postgres"), "function/postgres"},
	{"github.com/aws/aws-sdk-go-v2/", awsDoor, "function/amazon and the front doors"},
	{"github.com/aws/smithy-go/", awsDoor, "function/amazon and the front doors"},
	{"github.com/aws/aws-lambda-go/", func(name string) bool { return name == "function" }, "function"},
	{"ariga.io/atlas/sql/migrate/", func(name string) bool {
		return under("function/migration")(name) || under("function/repair")(name) || under("function/authoring")(name)
	}, "function/migration, function/repair and function/authoring"},
	{"ariga.io/atlas/sql/postgres/", func(name string) bool { return under("function/repair")(name) || under("function/authoring")(name) },
		"function/repair and function/authoring"},
}

func under(folder string) func(string) bool {
	return func(name string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }
}

func awsDoor(name string) bool { return under("function/amazon")(name) || kindOf(name) == door }

// unlinked is what bootstrap must not carry, however it would come by it.
var unlinked = []string{
	house + "function/postgres/", house + "function/amazon/lambdatest/", house + "function/amazon/client/", house + "function/authoring/", house + "function/cmd/",
	"github.com/spf13/", "ariga.io/atlas-go-sdk/", "github.com/fergusstrange/embedded-postgres/", "github.com/lib/pq/", "testing/", "net/rpc/",
}

// linkable is where unlinked has an exception: the edge itself.
const linkable = house + "function/postgres"

// violations says, sorted, what in a graph of packages runs the wrong way.
func violations(graph map[string]room) (found []string) {
	for full, r := range graph {
		name, ours := strings.CutPrefix(full, house)
		if !ours {
			continue
		}
		if kindOf(name) == "" {
			found = append(found, name+" has no place in the house: give it one in house_test.go")
			continue
		}
		for _, i := range r.imports {
			if fault := direction(name, i); fault != "" {
				found = append(found, fmt.Sprintf("%s imports %s: %s", name, strings.TrimPrefix(i, house), fault))
			}
		}
		for _, file := range r.env {
			if !readsEnv(name, file) {
				found = append(found, fmt.Sprintf("%s/%s reads the environment: only a front door's config.go may", name, file))
			}
		}
	}
	found = append(found, carried(graph)...)
	slices.Sort(found)
	return found
}

// direction says what is wrong with name importing another package; "" for nothing.
func direction(name, imported string) string {
	other, ours := strings.CutPrefix(imported, house)
	if !ours {
		for _, k := range keepers {
			if strings.HasPrefix(imported+"/", k.outside) && !k.within(name) {
				return "it stays within " + k.where
			}
		}
		return ""
	}
	from, to := kindOf(name), kindOf(other)
	if to == scripts && name == "function" {
		return ""
	}
	if !slices.Contains(admits[from], to) {
		return fmt.Sprintf("a room of kind %q may not know one of kind %q", from, to)
	}
	if from == beside && to == edge && path.Dir(name) != other {
		return "it stands beside another edge"
	}
	return ""
}

func readsEnv(name, file string) bool {
	return kindOf(name) == door && file == "config.go" ||
		name == "function/postgres/devdb" || name == "function/postgres/pgtest" || name == "function/amazon/lambdatest"
}

// carried says what bootstrap links that it must not, and by which way.
func carried(graph map[string]room) (found []string) {
	start := house + "function"
	by := map[string]string{start: ""} // what was imported first by what
	for queue := []string{start}; len(queue) > 0; queue = queue[1:] {
		for _, i := range graph[queue[0]].imports {
			if _, seen := by[i]; !seen {
				by[i] = queue[0]
				queue = append(queue, i)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(by)) {
		forbidden := func(prefix string) bool { return strings.HasPrefix(name+"/", prefix) }
		if name != linkable && slices.ContainsFunc(unlinked, forbidden) {
			found = append(found, fmt.Sprintf("bootstrap links %s, by way of %s", strings.TrimPrefix(name, house), way(by, name)))
		}
	}
	return found
}

func way(by map[string]string, name string) string {
	var steps []string
	for at := by[name]; at != ""; at = by[at] {
		steps = append(steps, strings.TrimPrefix(at, house))
	}
	return strings.Join(steps, ", ")
}
