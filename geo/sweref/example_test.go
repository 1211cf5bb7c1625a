package sweref_test

import (
	"fmt"

	"github.com/kantsten/kantsten/geo/sweref"
	"github.com/paulmach/orb"
)

// One point, there and back.
func Example() {
	s, err := sweref.ByEPSG(3006)
	if err != nil {
		fmt.Println(err)
		return
	}
	lon, lat := s.Inverse(674032, 6580822)
	fmt.Printf("%.5f, %.5f\n", lon, lat)
	easting, northing := s.Forward(lon, lat)
	fmt.Printf("%.3f, %.3f\n", easting, northing)
	// Output:
	// 18.05919, 59.33023
	// 674032.000, 6580822.000
}

// A border of 4 km gets vertices, as it bends by 0.5 m in longitude and latitude.
func ExampleSystem_ToWGS84() {
	s, err := sweref.ByEPSG(3006)
	if err != nil {
		fmt.Println(err)
		return
	}
	g, err := s.ToWGS84(orb.LineString{{674000, 6580000}, {678000, 6580000}})
	if err != nil {
		fmt.Println(err)
		return
	}
	line, _ := g.(orb.LineString)
	fmt.Println(len(line), "vertices")
	fmt.Printf("from %.5f to %.5f\n", line[0], line[len(line)-1])
	// Output:
	// 9 vertices
	// from [18.05797 59.32287] to [18.12814 59.32121]
}

// The .prj beside a Shapefile says in which system it is.
func ExampleByWKT() {
	_, err := sweref.ByWKT(`PROJCS["RT90 2.5 gon V",AUTHORITY["EPSG","3021"]]`)
	fmt.Println(err)
	// Output:
	// coordinate system "RT90 2.5 gon V": EPSG:3021 (RT90 2.5 gon V) is not supported; convert to SWEREF 99 TM (EPSG:3006)
}
