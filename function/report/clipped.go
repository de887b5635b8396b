package report

import (
	"slices"
	"time"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// The functions below return copies: masked where there can be SQL or words of
// the server in them, and no text longer than the limits have it.

func clippedAll(texts []string, l limits) []string {
	texts = slices.Clone(texts)
	for i, s := range texts {
		texts[i] = clip(s, l.text)
	}
	return texts
}

// manyPeers is how many sessions are told of; more nobody looks at.
const manyPeers = 200

// within returns the first items that can fit in room bytes, and how many
// others there are. size is the least that an item takes.
func within[T any](items []T, room int, size func(T) int) (some []T, others int) {
	for i, item := range items {
		if room -= size(item); room < 0 {
			return items[:i], len(items) - i
		}
	}
	return items, 0
}

func textSize(s string) int { return len(s) }

func clippedFailure(f *migration.Failure, l limits) *migration.Failure {
	if f == nil {
		return nil
	}
	c := *f
	for _, text := range []*string{&c.Message, &c.Detail, &c.Hint, &c.Excerpt, &c.State, &c.Next} {
		*text = clip(migration.Mask(*text), l.text)
	}
	c.File, c.SQLState = clip(c.File, l.text), clip(c.SQLState, l.text)
	c.Blockers = slices.Clone(c.Blockers[:min(len(c.Blockers), manyPeers)])
	for i := range c.Blockers {
		c.Blockers[i] = *clippedPeer(&c.Blockers[i], l)
	}
	return &c
}

func clippedRefusal(f *migration.Refusal, l limits) *migration.Refusal {
	if f == nil {
		return nil
	}
	c := *f
	c.Summary = clip(migration.Mask(c.Summary), l.text)
	c.Changed = clippedAll(c.Changed, l)
	c.Holder = clippedPeer(c.Holder, l)
	return &c
}

func clippedPeer(p *migration.Peer, l limits) *migration.Peer {
	if p == nil {
		return nil
	}
	c := *p
	for _, text := range []*string{&c.User, &c.Application, &c.Client, &c.State, &c.Transaction} {
		*text = clip(*text, l.text/4)
	}
	return &c
}

// clippedFindings is never nil: the list is part of the contract.
func clippedFindings(findings []migration.Finding, l limits) []migration.Finding {
	list := make([]migration.Finding, 0, len(findings))
	for _, f := range findings {
		f.Summary = clip(migration.Mask(f.Summary), l.text)
		f.Detail = clip(migration.Mask(f.Detail), l.text)
		f.Fix = clip(migration.Mask(f.Fix), l.text)
		list = append(list, f)
	}
	return list
}

func clippedChecks(checks []migration.Check, l limits) []migration.Check {
	list := slices.Clone(checks)
	for i := range list {
		list[i].Said = clip(migration.Mask(list[i].Said), l.text)
		list[i].Fix = clip(migration.Mask(list[i].Fix), l.text)
	}
	return list
}

func clippedTarget(t *migration.Target, l limits) *migration.Target {
	if t == nil {
		return nil
	}
	c := *t
	for _, text := range []*string{&c.Cluster, &c.Database, &c.Role, &c.User, &c.Host, &c.Engine} {
		*text = clip(*text, l.text/4)
	}
	return &c
}

func clippedMigrations(all []migration.Migration, l limits) []migration.Migration {
	list := make([]migration.Migration, 0, len(all))
	for _, m := range all {
		m.Version, m.File, m.By = clip(m.Version, l.text), clip(m.File, l.text), clip(m.By, l.text)
		m.Error = clip(migration.Mask(m.Error), l.text)
		m.ExecutedAt = utc(m.ExecutedAt)
		list = append(list, m)
	}
	return list
}

// utc returns t in UTC, or nil where JSON has no way to write its year.
func utc(t *time.Time) *time.Time {
	if t == nil || t.UTC().Year() < 0 || t.UTC().Year() > 9999 {
		return nil
	}
	u := t.UTC()
	return &u
}
