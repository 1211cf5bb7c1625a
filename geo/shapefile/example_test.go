package shapefile_test

import (
	"fmt"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/geo/shapefile"
)

// A Shapefile becomes an index that tells who owns a point.
func Example() {
	builder := &geo.Builder{}
	err := shapefile.Read("testdata/islands.zip", geo.ReadOptions{PadCode: 4}, builder.Add)
	if err != nil {
		fmt.Println(err)
		return
	}
	index, report, err := builder.Finish()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Areas, "areas")
	if area, ok := index.Owner(18.002, 59.002); ok {
		fmt.Println(index.Area(area))
	}
	// Output:
	// 2 areas
	// 0017 Storön
}
