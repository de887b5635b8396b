package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// ofDomains says that a statement may have changed the constraints of a domain.
func (s seen) ofDomains() bool {
	for _, n := range s.notices {
		for _, c := range n.Commands {
			if strings.HasSuffix(c.Tag, "DOMAIN") {
				return true
			}
		}
	}
	return false
}

// domainsChanged adds constraints that domains of before got, or that were
// validated, to the statement that altered the domain last.
func (w *Watcher) domainsChanged(ctx context.Context, effects []migration.Effects) error {
	was := w.domains
	if err := w.lookAtDomains(ctx); err != nil {
		return err
	}
	for oid, k := range w.domains {
		old, there := was[oid]
		if there && (old.Valid || !k.Valid) {
			continue
		}
		for i := len(effects) - 1; i >= 0; i-- {
			if !alters(effects[i], k.Domain) {
				continue
			}
			seen := migration.ConstraintSeen{Name: k.Name, Domain: k.Domain, Kind: constraintKinds[k.Kind], Definition: k.Definition, Valid: k.Valid, Validated: there}
			effects[i].Constraints = append(effects[i].Constraints, seen)
			for at, p := range slices.Backward(effects[i].Pieces) {
				if alters(p, k.Domain) {
					effects[i].Pieces[at].Constraints = append(p.Constraints, seen)
					break
				}
			}
			sortEffects(&effects[i])
			break
		}
	}
	return nil
}

// alters says that a statement altered a domain that it did not create.
func alters(e migration.Effects, domain string) bool {
	for _, o := range e.Objects {
		if o.Change == migration.Altered && strings.HasSuffix(o.Tag, "DOMAIN") && (o.Name == domain || strings.HasSuffix(o.Name, "."+domain)) {
			return true
		}
	}
	return false
}
