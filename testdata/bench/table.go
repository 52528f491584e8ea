package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// tables returns the results as Markdown.
func tables(results []result, o options) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s, %s, %d cores; medians of %d runs in turns.\n", time.Now().UTC().Format(time.DateOnly), processor(), runtime.NumCPU(), o.runs)
	for _, r := range results {
		if !r.stream.growth {
			streamTable(&b, r)
		}
	}
	growthTable(&b, results)
	return b.String()
}

func streamTable(b *strings.Builder, r result) {
	fmt.Fprintf(b, "\n### %s\n\n", r.stream.name)
	fmt.Fprintf(b, "| program | from a file | through a pipe | processor time, file | × cat | × spaces-identity | peak memory, file | pipe | stray lines |\n")
	b.WriteString("|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	cat, own := r.of(reference), r.of(ours)
	for _, c := range r.costs {
		if c.left != "" {
			fmt.Fprintf(b, "| %s | %s | | | | | | | |\n", c.tool, c.left)
			continue
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s | %d |\n", c.tool,
			milliseconds(c.file.wall), milliseconds(c.pipe.wall),
			milliseconds(c.file.cpu), times(c.file.cpu, cat.file.cpu), times(c.file.cpu, own.file.cpu), mebibytes(c.file.memory), mebibytes(c.pipe.memory), c.stray)
	}
}

// growthTable writes how time and memory grow with the stream.
func growthTable(b *strings.Builder, results []result) {
	b.WriteString("\n### Growth\n\n| stream | from a file | per MB | processor time per MB | memory beyond the stream, file | memory ÷ stream, pipe |\n|---|--:|--:|--:|--:|--:|\n")
	for _, name := range []string{"1 MB", "10 MB", hundred} {
		for _, r := range results {
			if r.stream.name != name {
				continue
			}
			c, mb := r.of(ours), float64(r.size)/1e6
			fmt.Fprintf(b, "| %.1f MB | %s | %.2f ms | %.2f ms | %s | %.2f |\n", mb, milliseconds(c.file.wall),
				float64(c.file.wall.Microseconds())/1e3/mb, float64(c.file.cpu.Microseconds())/1e3/mb,
				mebibytes(c.file.memory-r.size), float64(c.pipe.memory)/float64(r.size))
		}
	}
}

// of returns the costs of one program.
func (r result) of(tool string) costs {
	for _, c := range r.costs {
		if c.tool == tool {
			return c
		}
	}
	return costs{}
}

func milliseconds(d time.Duration) string {
	if d == 0 {
		return ""
	}
	ms := float64(d.Microseconds()) / 1e3
	if ms < 100 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

func times(d, of time.Duration) string {
	if d == 0 || of == 0 {
		return ""
	}
	ratio := float64(d) / float64(of)
	if ratio < 10 {
		return fmt.Sprintf("%.1f", ratio)
	}
	return fmt.Sprintf("%.0f", ratio)
}

func mebibytes(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
}

// processor returns the name of the processor's model.
func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(info)) {
		if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return runtime.GOARCH
}

const (
	tablesBegin = "<!-- tables: make bench WRITE=1 writes them -->\n"
	tablesEnd   = "<!-- end of tables -->\n"
)

// replaceTables writes the tables between the two marks of a page. It replaces the page as a
// whole or not at all.
func replaceTables(file, tables string) error {
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(page, []byte(tablesBegin))
	_, after, ok2 := bytes.Cut(rest, []byte(tablesEnd))
	if !ok || !ok2 {
		return fmt.Errorf("%s has no marks for the tables: a line %q and one %q", file, strings.TrimSpace(tablesBegin), strings.TrimSpace(tablesEnd))
	}
	written := file + ".tmp"
	if err := os.WriteFile(written, []byte(string(before)+tablesBegin+"\n"+tables+"\n"+tablesEnd+string(after)), 0o644); err != nil {
		return errors.Join(err, os.Remove(written))
	}
	return os.Rename(written, file)
}
