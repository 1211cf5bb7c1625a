package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// sniffing are the functions that pick a decoder by the first bytes, from all
// that any package of the program has registered. imaging registers GIF, TIFF
// and BMP, so to call one of these is to decode what nobody meant to.
var sniffing = map[string][]string{
	"image":                             {"Decode", "DecodeConfig"},
	"github.com/disintegration/imaging": {"Decode", "Open"},
}

func TestNobodyDecodesByRegisteredFormats(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range sniffs(f) {
				t.Errorf("%s: a decoder is picked by the bytes of a stranger; call jpeg, png or webp by name", fset.Position(call.Pos()))
			}
		}
	}
}

// sniffs returns the places where a file names a sniffing function.
func sniffs(f *ast.File) []*ast.SelectorExpr {
	names := map[string][]string{} // by the name that the file gives the package
	for _, spec := range f.Imports {
		importPath, err := strconv.Unquote(spec.Path.Value)
		if err != nil || sniffing[importPath] == nil {
			continue
		}
		local := path.Base(importPath)
		if spec.Name != nil {
			local = spec.Name.Name
		}
		names[local] = sniffing[importPath]
	}
	var found []*ast.SelectorExpr
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(names[x.Name], sel.Sel.Name) {
			found = append(found, sel)
		}
		return true
	})
	return found
}

func TestSniffsFindsTheCalls(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, source string
		want         int
	}{
		{"by its own name", `package p; import "image"; var _, _, _ = image.Decode(nil)`, 1},
		{"by another name", `package p; import i "image"; var f = i.DecodeConfig`, 1},
		{"of imaging", `package p; import "github.com/disintegration/imaging"; var _, _ = imaging.Decode(nil)`, 1},
		{"a decoder by name is right", `package p; import "image/jpeg"; var _, _ = jpeg.Decode(nil)`, 0},
		{"so is another package's Decode", `package p; import "encoding/json"; import "image"; var d json.Decoder; var e = d.Decode; var r image.Rectangle`, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, err := parser.ParseFile(token.NewFileSet(), "p.go", tt.source, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(sniffs(f)); got != tt.want {
				t.Errorf("found %d calls, want %d", got, tt.want)
			}
		})
	}
}
