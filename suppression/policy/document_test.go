package policy

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Operators read the matrix in gateway/docs/policy.md. Each line there is the code's line, cell by cell and in its order, and none is missing.
func TestDocument_ShowsTheMatrixAsItIs(t *testing.T) {
	text, err := os.ReadFile("../../gateway/docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	written := matrixIn(string(text))
	if len(written) != int(lines) {
		t.Errorf("the document has %d lines, the matrix %d", len(written), lines)
	}
	for i, got := range written[:min(len(written), int(lines))] {
		if want := lineAsWritten(line(i)); !slices.Equal(got, want) {
			t.Errorf("line %d: the document says %q, the matrix %q", i, got, want)
		}
	}
}

// matrixIn gives the rows of the document's matrix: those that begin with a reason's name in backquotes and have a cell for each class.
func matrixIn(text string) (rows [][]string) {
	for l := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(l), "|"), "|")
		if !strings.HasPrefix(l, "| `") || len(cells) != 1+int(Mandatory) {
			continue
		}
		for i := range cells {
			cells[i] = strings.Trim(cells[i], " `")
		}
		rows = append(rows, cells)
	}
	return rows
}

func lineAsWritten(l line) []string {
	id, _, _ := strings.Cut(ids[l][0], "/")
	row := []string{id}
	for _, c := range matrix[l].cells {
		row = append(row, c.String())
	}
	return row
}
