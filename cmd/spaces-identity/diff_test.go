package main

import (
	"fmt"
	"strings"
)

// edited is a line of a diff: with a sign of -, + or a space.
type edited struct {
	sign byte
	line string
}

// lineDiff is the shortest way from one text to another, by whole lines.
func lineDiff(before, after string) []edited {
	a, b := strings.SplitAfter(before, "\n"), strings.SplitAfter(after, "\n")
	common := commonLines(a, b)
	var all []edited
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			all = append(all, edited{' ', a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			all = append(all, edited{'-', a[i]})
			i++
		default:
			all = append(all, edited{'+', b[j]})
			j++
		}
	}
	return all
}

// commonLines is how many lines two texts have in common from each pair of
// lines on.
func commonLines(a, b []string) [][]int {
	common := make([][]int, len(a)+1)
	for i := len(a); i >= 0; i-- {
		common[i] = make([]int, len(b)+1)
		for j := len(b) - 1; j >= 0 && i < len(a); j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	return common
}

// hunk is a run of lines that differ.
type hunk struct{ removed, added []string }

func hunks(before, after string) []hunk {
	var all []hunk
	open := false
	for _, e := range lineDiff(before, after) {
		if e.sign == ' ' {
			open = false
			continue
		}
		if !open {
			all, open = append(all, hunk{}), true
		}
		last := &all[len(all)-1]
		if e.sign == '-' {
			last.removed = append(last.removed, e.line)
		} else {
			last.added = append(last.added, e.line)
		}
	}
	return all
}

// readable is a diff for people: the lines that differ with two lines around
// them, and their line in the text before.
func readable(before, after string) string {
	const around = 2
	lines := lineDiff(before, after)
	near := make([]bool, len(lines))
	for i, e := range lines {
		for k := max(0, i-around); e.sign != ' ' && k < min(len(lines), i+around+1); k++ {
			near[k] = true
		}
	}
	var b strings.Builder
	number := 1
	for i, e := range lines {
		if near[i] && (i == 0 || !near[i-1]) {
			fmt.Fprintf(&b, "@@ line %d\n", number)
		}
		if near[i] && e.line != "" {
			b.WriteString(strings.TrimRight(string(e.sign)+strings.TrimSuffix(e.line, "\n"), " ") + "\n")
		}
		if e.sign != '+' {
			number++
		}
	}
	return b.String()
}
