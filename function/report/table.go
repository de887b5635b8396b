package report

import (
	"strings"
	"unicode/utf8"
)

// table is rows of cells; a row may have fewer cells than another.
type table struct {
	rows   [][]string
	styles []style
}

func (t *table) add(cells ...string) { t.addStyled(plain, cells...) }

func (t *table) addStyled(s style, cells ...string) {
	for i := range cells {
		cells[i] = visible(cells[i])
	}
	t.rows, t.styles = append(t.rows, cells), append(t.styles, s)
}

// rows puts a table on the page, its columns as wide as they must be. The last
// cell of a row takes what room there is and widens no column.
func (p *page) rows(indent int, t table) {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row[:len(row)-1] {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, row := range t.rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		p.put(indent, t.styles[n], b.String())
	}
}
