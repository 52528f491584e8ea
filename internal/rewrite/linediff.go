package rewrite

import (
	"fmt"
	"slices"
	"strings"
)

// diffLine is a line of a diff: with - for one that goes, + for one that comes,
// or a space.
type diffLine struct {
	sign byte
	text string
}

// diffLines is the shortest way from one text to another (Myers, "An O(ND)
// Difference Algorithm and Its Variations", 1986).
func diffLines(before, after []string) []diffLine {
	var lines []diffLine
	x, y := len(before), len(after)
	rows := furthest(before, after)
	for d := range slices.Backward(rows) {
		fromX, fromY := 0, 0
		if d > 0 {
			fromX, fromY = origin(rows[d-1], d, x-y)
		}
		for x > fromX && y > fromY {
			x, y = x-1, y-1
			lines = append(lines, diffLine{' ', before[x]})
		}
		switch {
		case y > fromY:
			y--
			lines = append(lines, diffLine{'+', after[y]})
		case x > fromX:
			x--
			lines = append(lines, diffLine{'-', before[x]})
		}
	}
	slices.Reverse(lines)
	return lines
}

// furthest is, for each number of changes d, how many lines of the text before
// can be used up on each diagonal: that of k at index k+d.
func furthest(before, after []string) [][]int {
	var rows [][]int
	for d := 0; ; d++ {
		row := make([]int, 2*d+1)
		for k := -d; k <= d; k += 2 {
			x, y := 0, 0
			if d > 0 {
				x, y = step(rows[d-1], d, k)
			}
			for x < len(before) && y < len(after) && before[x] == after[y] {
				x, y = x+1, y+1
			}
			row[k+d] = x
			if x >= len(before) && y >= len(after) {
				return append(rows, row)
			}
		}
		rows = append(rows, row)
	}
}

// step is where change d leads on diagonal k, before lines that are the same.
func step(row []int, d, k int) (x, y int) {
	x, y = origin(row, d, k)
	if x-y > k {
		return x, y + 1
	}
	return x + 1, y
}

// origin is where change d comes from on its way to diagonal k: the neighbour
// that got further.
func origin(row []int, d, k int) (x, y int) {
	at := func(k int) int { return row[k+d-1] }
	from := k - 1
	if k == -d || k != d && at(k-1) < at(k+1) {
		from = k + 1
	}
	return at(from), at(from) - from
}

// unified is a diff in the unified format, with three lines around each change.
func unified(name string, before, after []byte) string {
	const around = 3
	lines := diffLines(splitLines(before), splitLines(after))
	var b strings.Builder
	fmt.Fprintf(&b, "--- before: %s\n+++ after: %s\n", name, name)
	for start := 0; start < len(lines); {
		first := slices.IndexFunc(lines[start:], func(l diffLine) bool { return l.sign != ' ' })
		if first < 0 {
			break
		}
		first += start
		end := first
		for i := first; i < len(lines) && i <= end+2*around; i++ {
			if lines[i].sign != ' ' {
				end = i
			}
		}
		from, to := max(start, first-around), min(len(lines), end+1+around)
		writeHunk(&b, lines, from, to)
		start = to
	}
	return b.String()
}

func splitLines(text []byte) []string {
	lines := strings.SplitAfter(string(text), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// writeHunk writes the lines from one to another, with where they stand.
func writeHunk(b *strings.Builder, lines []diffLine, from, to int) {
	fmt.Fprintf(b, "@@ -%s +%s @@\n", span(lines, from, to, '+'), span(lines, from, to, '-'))
	for _, l := range lines[from:to] {
		b.WriteByte(l.sign)
		b.WriteString(l.text)
		if !strings.HasSuffix(l.text, "\n") {
			b.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

// span is the first line of a hunk and how many lines it has, without those of
// the other text.
func span(lines []diffLine, from, to int, other byte) string {
	count := func(lines []diffLine) int {
		n := 0
		for _, l := range lines {
			if l.sign != other {
				n++
			}
		}
		return n
	}
	first, size := count(lines[:from])+1, count(lines[from:to])
	if size == 0 {
		first-- // as diff and patch count
	}
	return fmt.Sprintf("%d,%d", first, size)
}
