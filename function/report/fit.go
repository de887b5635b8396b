package report

import (
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
// the screen. left are what was left out of d before.
func fit(d *document, left map[string]int, l limits) []byte {
	screen := d.Screen
	d.note(left, screen, l)
	for _, list := range d.lists(&screen) {
		b := encode(d)
		over := len(b) - l.report
		if over <= 0 {
			return b
		}
		left[list.name] += list.drop(over + noteRoom)
		d.note(left, screen, l)
	}
	return encode(d)
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
	p.say(0, 2, plain, fmt.Sprintf("This report was cut to fit %s. Left out: %s.", size(l.report), strings.Join(said, ", ")))
	d.Screen = slices.Concat(screen, []string{""}, texts(p.done()))
}

// inWords says what is counted under a key of "cut".
var inWords = map[string]string{
	"statements": "of the statements",
	"details":    "details of findings",
	"touched":    "of the objects that the plan touches",
	"plan_files": "of the files of the plan",
	"files":      "of the files",
	"migrations": "of the migrations",
	"unseen":     "of what was not looked at",
	"changed":    "of the changed objects",
	"adopts":     "of the changes to the history",
	"screen":     "lines of this screen",
	"findings":   "of the findings",
	"blockers":   "of the sessions that hold locks",
}

func size(bytes int) string {
	if bytes >= 1_000_000 {
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	}
	return fmt.Sprintf("%d kB", bytes/1000)
}

// lists are what can be cut, in the order in which it is.
func (d *document) lists(screen *[]string) []list {
	all := []list{
		{"statements", func(n int) int { return dropLast(&d.Statements, 2, n) }},
		{"details", func(n int) int { return dropDetails(d.Findings, n) }},
	}
	if d.Plan != nil {
		all = append(all,
			list{"touched", func(n int) int { return dropLast(&d.Plan.Touched, 3, n) }},
			list{"plan_files", func(n int) int { return dropLast(&d.Plan.Files, 3, n) }},
			list{"adopts", func(n int) int { return dropLast(&d.Plan.Adopts, 3, n) }})
	}
	all = append(all,
		list{"files", func(n int) int { return dropLast(&d.Files, 2, n) }},
		list{"migrations", func(n int) int { return dropFirst(&d.Migrations, 2, n) }},
		list{"unseen", func(n int) int { return dropLast(&d.Unseen, 2, n) }})
	if d.Refusal != nil {
		all = append(all, list{"changed", func(n int) int { return dropLast(&d.Refusal.Changed, 3, n) }})
	}
	all = append(all,
		list{"screen", func(n int) int { return dropMiddle(screen, n) }},
		list{"findings", func(n int) int { return dropFindings(&d.Findings, n) }})
	if d.Error != nil {
		all = append(all, list{"blockers", func(n int) int { return dropLast(&d.Error.Blockers, 3, n) }})
	}
	return all
}

// encodedSize is the number of bytes that v takes as an item depth levels deep.
func encodedSize(v any, depth int) int {
	b := encode(v)
	return len(b) + 1 + strings.Count(string(b), "\n")*2*depth
}

func dropLast[T any](items *[]T, depth, n int) (dropped int) {
	keep := len(*items)
	for keep > 0 && n > 0 {
		keep--
		n -= encodedSize((*items)[keep], depth)
	}
	dropped = len(*items) - keep
	*items = (*items)[:keep]
	return dropped
}

// dropFirst is for migrations: the latest and the pending ones stand last.
func dropFirst[T any](items *[]T, depth, n int) (dropped int) {
	for dropped < len(*items) && n > 0 {
		n -= encodedSize((*items)[dropped], depth)
		dropped++
	}
	*items = (*items)[dropped:]
	return dropped
}

// screenEnds is how many lines of the beginning and of the end of a screen stay.
const screenEnds = 15

// dropMiddle leaves the ends of the screen, where the outcome and the next step
// stand.
func dropMiddle(screen *[]string, n int) (dropped int) {
	s := *screen
	first, last := len(s)-screenEnds, len(s)-screenEnds
	for first > screenEnds && n > 0 {
		first--
		n -= encodedSize(s[first], 2)
	}
	if dropped = last - first; dropped <= 0 {
		return 0
	}
	*screen = slices.Concat(s[:first], []string{"... (" + count(dropped, "line") + " left out)"}, s[last:])
	return dropped
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

func dropDetails(findings []migration.Finding, n int) (dropped int) {
	for _, i := range byLoss(findings) {
		if n <= 0 {
			break
		}
		if f := &findings[i]; f.Detail != "" {
			n -= encodedSize(f.Detail, 0)
			f.Detail = ""
			dropped++
		}
	}
	return dropped
}

func dropFindings(findings *[]migration.Finding, n int) (dropped int) {
	gone := map[int]bool{}
	for _, i := range byLoss(*findings) {
		if n <= 0 {
			break
		}
		n -= encodedSize((*findings)[i], 2)
		gone[i] = true
	}
	kept := make([]migration.Finding, 0, len(*findings)-len(gone))
	for i, f := range *findings {
		if !gone[i] {
			kept = append(kept, f)
		}
	}
	*findings = kept
	return len(gone)
}
