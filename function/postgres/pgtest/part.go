package pgtest

import (
	"hash/fnv"
	"os"
)

// Part reports whether a case of many is tried: each of them where MIGRATE_TEST_CHAOS is
// set, as make chaos does, else one of so many, the same each time, chosen by its name.
func Part(name string, of uint32) bool {
	h := fnv.New32a()
	h.Write([]byte(name))
	return h.Sum32()%of == 0 || os.Getenv("MIGRATE_TEST_CHAOS") != ""
}
