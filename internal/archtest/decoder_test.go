package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"
)

// byGuessing are functions that choose a decoder by what a file looks like, among
// all that any imported package has registered with package image: imaging alone
// brings GIF, TIFF and BMP. The decoders that a photo can reach are the four that
// internal/photo names; see places for who may import them.
var byGuessing = map[string][]string{
	"image":   {"Decode", "DecodeConfig"},
	"imaging": {"Open", "Decode"},
}

// TestNoDecoderIsChosenByGuessing holds that no decoder is reachable that is not
// on the list.
func TestNoDecoderIsChosenByGuessing(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range guesses(file) {
				t.Errorf("%s in %s calls %s, which decodes with whatever is registered", name, p.path(), call)
			}
		}
	}
}

// guesses returns what a file uses of byGuessing.
func guesses(file *ast.File) (found []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		use, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg, ok := use.X.(*ast.Ident)
		if !ok {
			return true
		}
		for _, name := range byGuessing[pkg.Name] {
			if use.Sel.Name == name {
				found = append(found, pkg.Name+"."+name)
			}
		}
		return true
	})
	return found
}

func TestGuessesAreFound(t *testing.T) {
	t.Parallel()
	const source = "package x\nfunc f() { image.Decode(nil); imaging.Open(\"\"); image.NewRGBA(r) }"
	file, err := parser.ParseFile(token.NewFileSet(), "x.go", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	if got := guesses(file); len(got) != 2 {
		t.Errorf("found %q", got)
	}
}
