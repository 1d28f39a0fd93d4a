package project

import (
	"fmt"
	"io"
	"strings"
)

// around is how many lines of the file a diff shows before and after what is added.
const around = 2

// Print writes the plan for a person: what is new, and where lines are added to a file.
func (p *Plan) Print(w io.Writer) error {
	var b strings.Builder
	for _, c := range p.Changes {
		added := lines(c.New)
		if c.Old == nil {
			fmt.Fprintf(&b, "new file %s (%d lines)\n", c.Path, len(added))
			continue
		}
		fmt.Fprintf(&b, "--- %s\n+++ %s\n", c.Path, c.Path)
		writeHunks(&b, lines(c.Old), added)
	}
	for _, k := range p.Kept {
		fmt.Fprintf(&b, "kept as it is: %s\n", k)
	}
	_, err := io.WriteString(w, visible(b.String()))
	return err
}

func lines(content []byte) []string {
	return strings.Split(strings.TrimRight(strings.ReplaceAll(string(content), "\r\n", "\n"), "\n"), "\n")
}

// edit is a line of both files, of the old one, or of the new one.
type edit struct {
	mark byte // ' ', '-' or '+'
	text string
}

// compare aligns the files from the top: an old line that is not the next of the new file
// has others before it there, or is gone. Plans insert lines and empty a "[]", so that
// this finds the shortest difference.
func compare(old, now []string) []edit {
	var edits []edit
	j := 0
	for _, line := range old {
		at := j
		for at < len(now) && now[at] != line {
			at++
		}
		if at == len(now) {
			edits = append(edits, edit{'-', line})
			continue
		}
		for ; j < at; j++ {
			edits = append(edits, edit{'+', now[j]})
		}
		edits = append(edits, edit{' ', line})
		j++
	}
	for ; j < len(now); j++ {
		edits = append(edits, edit{'+', now[j]})
	}
	return edits
}

func writeHunks(b *strings.Builder, old, now []string) {
	edits := compare(old, now)
	near := func(i int) bool {
		for k := max(0, i-around); k <= min(len(edits)-1, i+around); k++ {
			if edits[k].mark != ' ' {
				return true
			}
		}
		return false
	}
	oldLine, newLine, shown := 1, 1, false
	for i, e := range edits {
		if near(i) {
			if !shown {
				fmt.Fprintf(b, "@@ -%d +%d @@\n", oldLine, newLine)
			}
			fmt.Fprintf(b, "%c%s\n", e.mark, e.text)
		}
		shown = near(i)
		if e.mark != '+' {
			oldLine++
		}
		if e.mark != '-' {
			newLine++
		}
	}
}
