package report

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alquimistaai/aurora-migrator/function/migration"
)

// A list is a part of the document that can be made shorter.
type list struct {
	name string // its key in "cut"
	// drop leaves out the last items that are at least n bytes together, or
	// all that may go, and says how many those were.
	drop func(n int) int
}

// fit encodes d in at most l.report bytes. It drops from one list after the
// other, only as much as must be, and tells of it in d.Cut and at the end of
// the screen. left counts what was left out of d before.
func fit(d *document, left map[string]int, l limits) []byte {
	screen := d.Screen
	d.note(left, screen, l)
	b := encode(d)
	for _, list := range d.lists(&screen) {
		over := len(b) - l.report
		if over <= 0 {
			break
		}
		if n := list.drop(over + noteRoom); n > 0 {
			left[list.name] += n
			d.note(left, screen, l)
			b = encode(d)
		}
	}
	return b
}

// noteRoom is more than what telling of one more cut takes.
const noteRoom = 200

// note brings d.Cut and the last lines of the screen up to date.
func (d *document) note(left map[string]int, screen []string, l limits) {
	maps.DeleteFunc(left, func(_ string, n int) bool { return n == 0 })
	d.Screen, d.Cut = screen, left
	if len(left) == 0 {
		return
	}
	var said []string
	for _, name := range slices.Sorted(maps.Keys(left)) {
		said = append(said, number(left[name])+" "+inWords[name])
	}
	var p page
	p.say(0, 2, plain, fmt.Sprintf("This report was cut to fit %s. Left out: %s.", megabytes(l.report), strings.Join(said, ", ")))
	d.Screen = slices.Concat(screen, []string{""}, texts(p.done()))
}

// inWords says what is counted under a key of "cut".
var inWords = map[string]string{
	"statements": "of the statements",
	"details":    "of the details of findings",
	"touched":    "of the objects that the plan touches",
	"plan_files": "of the files of the plan",
	"files":      "of the files",
	"migrations": "of the migrations",
	"drift":      "of the objects that drifted",
	"unseen":     "of what was not looked at",
	"changed":    "of the changed objects",
	"adopts":     "of the changes to the history",
	"screen":     "of the lines of this screen",
	"findings":   "of the findings",
	"blockers":   "of the sessions that hold locks",
}

func megabytes(n int) string {
	if n >= 1_000_000 {
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%d kB", n/1000)
}

// lists are what can be cut, in the order in which it is.
func (d *document) lists(screen *[]string) []list {
	all := []list{
		{"statements", last(&d.Statements, 2)},
		{"details", d.dropDetails},
	}
	if d.Plan != nil {
		all = append(all,
			list{"touched", last(&d.Plan.Touched, 3)},
			list{"plan_files", last(&d.Plan.Files, 3)},
			list{"adopts", last(&d.Plan.Adopts, 3)})
	}
	all = append(all,
		list{"files", last(&d.Files, 2)},
		list{"migrations", first(&d.Migrations, 2)},
		list{"drift", last(&d.Drift, 2)},
		list{"unseen", last(&d.Unseen, 2)})
	if d.Refusal != nil {
		all = append(all, list{"changed", last(&d.Refusal.Changed, 3)})
	}
	if d.Error != nil {
		all = append(all, list{"blockers", last(&d.Error.Blockers, 3)})
	}
	return append(all, list{"screen", middle(screen)}, list{"findings", d.dropFindings})
}

// encodedSize is the number of bytes that v takes as an item depth levels deep.
func encodedSize(v any, depth int) int {
	b := encode(v)
	return len(b) + 1 + bytes.Count(b, []byte("\n"))*2*depth
}

// last drops from the end of a list.
func last[T any](items *[]T, depth int) func(int) int {
	return func(n int) (dropped int) {
		size := 0
		keep := len(*items)
		for keep > 0 && size < n {
			keep--
			size += encodedSize((*items)[keep], depth)
		}
		dropped = len(*items) - keep
		*items = (*items)[:keep]
		return dropped
	}
}

// first drops from the beginning: of migrations, the pending ones stand last.
func first[T any](items *[]T, depth int) func(int) int {
	return func(n int) (dropped int) {
		size := 0
		for dropped < len(*items) && size < n {
			size += encodedSize((*items)[dropped], depth)
			dropped++
		}
		*items = (*items)[dropped:]
		return dropped
	}
}

// screenEnds is how many lines of the beginning and of the end of a screen stay.
const screenEnds = 15

// middle leaves the ends of the screen, where the outcome and the next step
// stand.
func middle(screen *[]string) func(int) int {
	return func(n int) (dropped int) {
		size := 0
		s := *screen
		end := len(s) - screenEnds
		start := end
		for start > screenEnds && size < n {
			start--
			size += encodedSize(s[start], 2)
		}
		if dropped = end - start; dropped <= 0 {
			return 0
		}
		*screen = slices.Concat(s[:start], []string{"... (" + count(dropped, "line") + " left out)"}, s[end:])
		return dropped
	}
}

// rank orders findings by what may be lost first.
var rank = map[migration.Severity]int{migration.Info: 0, migration.Warning: 1, migration.Error: 2}

// byLoss returns the indexes of findings, those that may be lost first in front.
func byLoss(findings []migration.Finding) []int {
	order := make([]int, len(findings))
	for i := range order {
		order[i] = len(order) - 1 - i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(rank[findings[a].Severity], rank[findings[b].Severity])
	})
	return order
}

func (d *document) dropDetails(n int) (dropped int) {
	size := 0
	for _, i := range byLoss(d.Findings) {
		if size >= n {
			break
		}
		if f := &d.Findings[i]; f.Detail != "" {
			size += encodedSize(f.Detail, 0) + len(`      "detail": `)
			f.Detail = ""
			dropped++
		}
	}
	return dropped
}

func (d *document) dropFindings(n int) int {
	size := 0
	gone := map[int]bool{}
	for _, i := range byLoss(d.Findings) {
		if size >= n {
			break
		}
		size += encodedSize(d.Findings[i], 2)
		gone[i] = true
	}
	kept := make([]migration.Finding, 0, len(d.Findings)-len(gone))
	for i, f := range d.Findings {
		if !gone[i] {
			kept = append(kept, f)
		}
	}
	d.Findings = kept
	return len(gone)
}
