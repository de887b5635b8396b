package postgres

import (
	"encoding/json"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// notice is what an event trigger of ours said.
type notice struct {
	Locks    []lockPair `json:"locks"`
	Commands []command  `json:"commands"`
	Dropped  []dropped  `json:"dropped"`
	Rewrite  uint32     `json:"rewrite"`
	Mark     *milestone `json:"mark"`
}

type command struct {
	Class     uint32 `json:"class"`
	OID       uint32 `json:"oid"`
	Tag       string `json:"tag"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Extension bool   `json:"extension"`
}

type dropped struct {
	Class    uint32 `json:"class"`
	OID      uint32 `json:"oid"`
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	Original bool   `json:"original"`
}

// lockPair is [oid, mode] as json_build_array writes it.
type lockPair struct {
	Relation uint32
	Mode     string
}

func (p *lockPair) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&p.Relation, &p.Mode})
}

// modes are PostgreSQL's own names of the modes.
var modes = map[string]migration.LockMode{
	"AccessShareLock": migration.AccessShare, "RowShareLock": migration.RowShare, "RowExclusiveLock": migration.RowExclusive,
	"ShareUpdateExclusiveLock": migration.ShareUpdateExclusive, "ShareLock": migration.Share, "ShareRowExclusiveLock": migration.ShareRowExclusive,
	"ExclusiveLock": migration.Exclusive, "AccessExclusiveLock": migration.AccessExclusive,
}

// locks are those that are held, by relation.
type locks map[uint32]map[migration.LockMode]bool

func (l locks) add(pairs []lockPair) {
	for _, p := range pairs {
		if l[p.Relation] == nil {
			l[p.Relation] = map[migration.LockMode]bool{}
		}
		l[p.Relation][modes[p.Mode]] = true
	}
}

func (l locks) strongest(relation uint32) (strongest migration.LockMode) {
	for mode := range l[relation] {
		if mode.Strength() > strongest.Strength() {
			strongest = mode
		}
	}
	return strongest
}

// counted is what a transaction did to a relation: times it was read from end to
// end, rows that it wrote.
type counted struct{ scans, inserted, updated, deleted int64 }

// report is what seen() answers.
type report struct {
	Locks     []lockPair  `json:"locks"`
	Counts    [][5]int64  `json:"counts"`
	Relations []*relation `json:"relations"`
}

func (r report) counts() map[uint32]counted {
	m := make(map[uint32]counted, len(r.Counts))
	for _, c := range r.Counts {
		m[uint32(c[0])] = counted{c[1], c[2], c[3], c[4]}
	}
	return m
}

// A relation as it is at one moment.
type relation struct {
	OID         uint32        `json:"oid"`
	Schema      string        `json:"schema"`
	Name        string        `json:"name"`
	Qualified   string        `json:"qualified"`
	Kind        string        `json:"kind"`
	Persistence string        `json:"persistence"`
	File        uint32        `json:"file"`
	RLS         bool          `json:"rls"`
	Partition   bool          `json:"partition"`
	Parent      uint32        `json:"parent"`
	Columns     []columnState `json:"columns"`
	Constraints []constraint  `json:"constraints"`
	On          uint32        `json:"on"` // of an index, its table
	Unique      bool          `json:"unique"`
	Primary     bool          `json:"primary"`
	Valid       bool          `json:"valid"`
	Definition  string        `json:"definition"`
}

type columnState struct {
	Number    int      `json:"number"`
	Name      string   `json:"name"`
	Type      string   `json:"type"`
	TypeOID   uint32   `json:"type_oid"`
	TypeMod   int32    `json:"type_mod"`
	NotNull   bool     `json:"not_null"`
	Default   *string  `json:"default"`
	Generated string   `json:"generated"`
	Identity  bool     `json:"identity"`
	Base      string   `json:"base"`
	Mod       int32    `json:"mod"`
	Category  string   `json:"category"`
	Element   *string  `json:"element"`
	Labels    []string `json:"labels"`
	Domain    bool     `json:"domain"`
}

type constraint struct {
	OID        uint32 `json:"oid"`
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	Valid      bool   `json:"valid"`
	Definition string `json:"definition"`
	References uint32 `json:"references"`
	Index      uint32 `json:"index"`
	Key        []int  `json:"key"`
	ForeignKey []int  `json:"foreign_key"`
}

type domain struct {
	OID        uint32 `json:"oid"`
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	Valid      bool   `json:"valid"`
	Definition string `json:"definition"`
	Domain     string `json:"domain"`
}

var relationKinds = map[string]string{"r": "table", "p": "partitioned table", "v": "view", "m": "materialized view", "f": "foreign table", "S": "sequence", "i": "index", "I": "partitioned index"}

func (r *relation) kind() string { return relationKinds[r.Kind] }

func (r *relation) isIndex() bool { return r.Kind == "i" || r.Kind == "I" }

// holdsRows says that scans and rewrites of it are worth telling.
func (r *relation) holdsRows() bool { return r.Kind == "r" || r.Kind == "m" || r.Kind == "p" }

// states are relations by oid. Their values are never changed, only replaced.
type states map[uint32]*relation

// A stock is all relations that there are, with what is asked of them often at
// hand: there may be thousands.
type stock struct {
	all    states
	onto   map[uint32]map[uint32]bool // indexes by their table
	parts  map[uint32]map[uint32]bool // partitions by their parent
	refers map[uint32]map[uint32]bool // tables by what their foreign keys refer to
	names  map[string]map[uint32]bool
}

func newStock() *stock {
	return &stock{all: states{}, onto: map[uint32]map[uint32]bool{}, parts: map[uint32]map[uint32]bool{}, refers: map[uint32]map[uint32]bool{}, names: map[string]map[uint32]bool{}}
}

func (s *stock) read(text []byte) error {
	var all []*relation
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	for _, r := range all {
		s.put(r)
	}
	return nil
}

// put adds a relation, or replaces it.
func (s *stock) put(r *relation) {
	s.drop(r.OID)
	s.all[r.OID] = r
	s.links(r, func(m map[uint32]map[uint32]bool, key uint32) {
		if m[key] == nil {
			m[key] = map[uint32]bool{}
		}
		m[key][r.OID] = true
	})
	if s.names[r.Name] == nil {
		s.names[r.Name] = map[uint32]bool{}
	}
	s.names[r.Name][r.OID] = true
}

func (s *stock) drop(oid uint32) {
	r := s.all[oid]
	if r == nil {
		return
	}
	delete(s.all, oid)
	s.links(r, func(m map[uint32]map[uint32]bool, key uint32) { delete(m[key], oid) })
	delete(s.names[r.Name], oid)
}

func (s *stock) links(r *relation, each func(m map[uint32]map[uint32]bool, key uint32)) {
	if r.isIndex() {
		each(s.onto, r.On)
	}
	if r.Parent != 0 {
		each(s.parts, r.Parent)
	}
	for _, k := range r.Constraints {
		if k.References != 0 {
			each(s.refers, k.References)
		}
	}
}

// indexes of a table.
func (s *stock) indexes(table uint32) []*relation { return s.these(s.onto[table]) }

// partitions of a table, or of an index.
func (s *stock) partitions(parent uint32) []*relation { return s.these(s.parts[parent]) }

// referring are the tables with a foreign key to one.
func (s *stock) referring(table uint32) []*relation { return s.these(s.refers[table]) }

// named are the relations whose names are among words.
func (s *stock) named(words []string) (all []*relation) {
	for _, word := range words {
		all = append(all, s.these(s.names[word])...)
	}
	return all
}

func (s *stock) these(oids map[uint32]bool) (all []*relation) {
	for oid := range oids {
		all = append(all, s.all[oid])
	}
	return all
}

// name of a relation, "" where it is not known.
func (s *stock) name(oid uint32) string {
	if r, ok := s.all[oid]; ok {
		return r.Qualified
	}
	return ""
}
