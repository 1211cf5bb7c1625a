package sweref

import (
	"fmt"
	"strings"
	"testing"
)

// Definitions as PROJ 9.1.1 writes them (projinfo -o WKT1:GDAL and so on), and one
// as an exporter wrote it that knew no names.
const (
	ogcTM   = `PROJCS["SWEREF99 TM",GEOGCS["SWEREF99",DATUM["SWEREF99",SPHEROID["GRS 1980",6378137,298.257222101,AUTHORITY["EPSG","7019"]],AUTHORITY["EPSG","6619"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4619"]],PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",15],PARAMETER["scale_factor",0.9996],PARAMETER["false_easting",500000],PARAMETER["false_northing",0],UNIT["metre",1,AUTHORITY["EPSG","9001"]],AUTHORITY["EPSG","3006"]]`
	esriTM  = `PROJCS["SWEREF99_TM",GEOGCS["GCS_SWEREF99",DATUM["D_SWEREF99",SPHEROID["GRS_1980",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",15.0],PARAMETER["Scale_Factor",0.9996],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]`
	unnamed = `PROJCS["unnamed",GEOGCS["GCS_unnamed",DATUM["D_GRS_80",SPHEROID["GRS_80",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",15.0],PARAMETER["Scale_Factor",0.9996],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]`
	wkt2    = `PROJCRS["SWEREF99 14 15",BASEGEOGCRS["SWEREF99",DATUM["SWEREF99",ELLIPSOID["GRS 1980",6378137,298.257222101,LENGTHUNIT["metre",1]]],PRIMEM["Greenwich",0,ANGLEUNIT["degree",0.0174532925199433]],ID["EPSG",4619]],CONVERSION["SWEREF99 14 15",METHOD["Transverse Mercator",ID["EPSG",9807]],PARAMETER["Latitude of natural origin",0,ANGLEUNIT["degree",0.0174532925199433],ID["EPSG",8801]],PARAMETER["Longitude of natural origin",14.25,ANGLEUNIT["degree",0.0174532925199433],ID["EPSG",8802]],PARAMETER["Scale factor at natural origin",1,SCALEUNIT["unity",1],ID["EPSG",8805]],PARAMETER["False easting",150000,LENGTHUNIT["metre",1],ID["EPSG",8806]],PARAMETER["False northing",0,LENGTHUNIT["metre",1],ID["EPSG",8807]]],CS[Cartesian,2],AXIS["northing (N)",north,ORDER[1],LENGTHUNIT["metre",1]],AXIS["easting (E)",east,ORDER[2],LENGTHUNIT["metre",1]],USAGE[SCOPE["Cadastre, engineering survey, topographic mapping (large scale)."],AREA["Sweden - communes west of approximately 15°E and between approximately 61°35'N and 64°25'N. See information source for map."],BBOX[61.55,11.93,64.39,15.55]],ID["EPSG",3012]]`
	etrs89  = `GEOGCS["GCS_ETRS_1989",DATUM["D_ETRS_1989",SPHEROID["GRS_1980",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]`
	wgs84   = `GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]`
	wgs84v2 = `GEOGCRS["WGS 84",ENSEMBLE["World Geodetic System 1984 ensemble",MEMBER["World Geodetic System 1984 (Transit)"],ELLIPSOID["WGS 84",6378137,298.257223563,LENGTHUNIT["metre",1]],ENSEMBLEACCURACY[2.0]],PRIMEM["Greenwich",0,ANGLEUNIT["degree",0.0174532925199433]],CS[ellipsoidal,2],AXIS["geodetic latitude (Lat)",north,ORDER[1],ANGLEUNIT["degree",0.0174532925199433]],AXIS["geodetic longitude (Lon)",east,ORDER[2],ANGLEUNIT["degree",0.0174532925199433]],ID["EPSG",4326]]`
	rt90    = `PROJCS["RT90_25_gon_V",GEOGCS["GCS_RT_1990",DATUM["D_RT_1990",SPHEROID["Bessel_1841",6377397.155,299.1528128]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["False_Easting",1500000.0],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",15.8082777777778],PARAMETER["Scale_Factor",1.0],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]`
)

func TestDefinitionsAreRecognised(t *testing.T) {
	t.Parallel()
	round := strings.NewReplacer("[", "(", "]", ")")
	tests := []struct {
		rule, wkt string
		want      int
	}{
		{"OGC", ogcTM, 3006},
		{"ESRI", esriTM, 3006},
		{"ISO 19162", wkt2, 3012},
		{"by its numbers, where it has no name", unnamed, 3006},
		{"with white space and a byte order mark", "\ufeff" + strings.ReplaceAll(esriTM, ",", " ,\r\n\t") + "\n\x00", 3006},
		{"with round brackets, which OGC allows too", round.Replace(esriTM), 3006},
		{"in small letters", strings.ReplaceAll(esriTM, "PROJCS", "projcs"), 3006},
		{"UTM zone 33 of ETRS 89 is the same", strings.NewReplacer("SWEREF99_TM", "ETRS_1989_UTM_Zone_33N", "SWEREF99", "ETRS_1989").Replace(esriTM), 3006},
		{"without the false northing of 0", strings.Replace(esriTM, `PARAMETER["False_Northing",0.0],`, "", 1), 3006},
		{"a compound system", `COMPD_CS["SWEREF99 TM + RH2000 height",` + ogcTM + `,VERT_CS["RH2000 height",VERT_DATUM["RH2000",2005],UNIT["metre",1],AXIS["Gravity-related height",UP]],AUTHORITY["EPSG","5845"]]`, 3006},
		{"heights behind it, as ESRI writes", esriTM + `,VERTCS["RH2000_height",VDATUM["Rikets_hojdsystem_2000"],PARAMETER["Vertical_Shift",0.0],PARAMETER["Direction",1.0],UNIT["Meter",1.0]]`, 3006},
		{"a name that is not UTF-8", strings.Replace(esriTM, "SWEREF99_TM", "f\xf6r byn", 1), 3006},
		{"a shift of nothing", strings.Replace(ogcTM, `,AUTHORITY["EPSG","6619"]`, `,TOWGS84[0,0,0,0,0,0,0]`, 1), 3006},
		{"the code alone", `PROJCS["x",AUTHORITY["EPSG","3011"]]`, 3011},
		{"degrees of ETRS 89", etrs89, 4258},
		{"degrees of WGS 84", wgs84, 4326},
		{"degrees of WGS 84 by ISO 19162", wgs84v2, 4326},
		{"a quotation mark in the name", strings.Replace(esriTM, "SWEREF99_TM", `a ""b""`, 1), 3006},
	}
	for _, z := range zones() {
		wkt := strings.NewReplacer("SWEREF99_TM", z.name, "500000.0", "150000.0", "15.0]", fmt.Sprintf("%g]", z.meridian), "0.9996", "1.0").Replace(esriTM)
		tests = append(tests, struct {
			rule, wkt string
			want      int
		}{z.name, wkt, z.epsg})
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			s, err := ByWKT(tt.wkt)
			if err != nil || s.EPSG() != tt.want {
				t.Fatalf("got %v, %v, want EPSG:%d", s, err, tt.want)
			}
		})
	}
}

func TestDefinitionsAreRefused(t *testing.T) {
	t.Parallel()
	in := func(wkt, old, replacement string) string {
		if !strings.Contains(wkt, old) {
			t.Fatalf("%q does not hold %q", wkt, old)
		}
		return strings.Replace(wkt, old, replacement, 1)
	}
	tests := []struct{ rule, wkt, want string }{
		{"RT 90, by name", rt90, `coordinate system "RT90_25_gon_V": it is not supported; convert to SWEREF 99 TM (EPSG:3006)`},
		{"RT 90, by code", in(rt90, `UNIT["Meter",1.0]`, `UNIT["Meter",1.0],AUTHORITY["EPSG","3021"]`), "EPSG:3021 (RT90_25_gon_V) is not supported"},
		{"RT 90 under a false name", in(rt90, "RT90_25_gon_V", "SWEREF99_TM"), `ellipsoid "Bessel_1841" is not supported`},
		{"another central meridian than the name's", in(esriTM, "15.0]", "18.0]"), "central meridian 18"},
		{"another scale", in(esriTM, "0.9996", "0.9999"), "scale 0.9999"},
		{"another false easting", in(esriTM, "500000.0", "500001.0"), "false easting 500001"},
		{"a false northing", in(esriTM, `"False_Northing",0.0`, `"False_Northing",10.0`), "northing 10"},
		{"a latitude of origin", in(esriTM, `"Latitude_Of_Origin",0.0`, `"Latitude_Of_Origin",1.0`), "is not supported"},
		{"no scale", in(esriTM, `PARAMETER["Scale_Factor",0.9996],`, ""), "scale NaN"},
		{"an unknown parameter", in(esriTM, "Scale_Factor", "Azimuth"), `parameter "Azimuth"`},
		{"a parameter without value", in(esriTM, `"Scale_Factor",0.9996`, `"Scale_Factor"`), "has no value"},
		{"another ellipsoid", in(esriTM, "298.257222101", "297"), `ellipsoid "GRS_1980"`},
		{"another size", in(esriTM, "6378137.0", "6378388.0"), `ellipsoid "GRS_1980"`},
		{"the right numbers of another datum", in(esriTM, "D_SWEREF99", "D_North_American_1983"), `datum "D_North_American_1983" is not supported`},
		{"a datum shift", in(ogcTM, `,AUTHORITY["EPSG","6619"]`, `,TOWGS84[414.1,41.3,603.1,0,0,0,0]`), "datum shift"},
		{"another projection", in(esriTM, "Transverse_Mercator", "Lambert_Conformal_Conic_2SP"), `projection "Lambert_Conformal_Conic_2SP"`},
		{"feet", in(esriTM, `UNIT["Meter",1.0]`, `UNIT["Foot",0.3048]`), `unit "Foot"`},
		{"a plane of degrees", in(esriTM, `UNIT["Meter",1.0]`, `UNIT["Degree",0.0174532925199433]`), `unit "Degree"`},
		{"gon", in(etrs89, "0.0174532925199433", "0.015707963267949"), `unit "Degree"`},
		{"angles in metres", in(etrs89, "0.0174532925199433", "1"), `unit "Degree"`},
		{"a unit without size", in(etrs89, `"Degree",0.0174532925199433`, `"Degree"`), `unit "Degree"`},
		{"Paris", in(wgs84, `"Greenwich",0.0`, `"Paris",2.33722917`), `prime meridian "Paris"`},
		{"axes to the south", in(wkt2, "north,ORDER[1]", "south,ORDER[1]"), "points south or west"},
		{"a code that contradicts the parameters", in(ogcTM, `"3006"`, `"3011"`), "its code is that of SWEREF 99 18 00 (EPSG:3011), but its parameters are those of SWEREF 99 TM"},
		{"a name that contradicts the parameters", in(esriTM, "SWEREF99_TM", "SWEREF99_18_00"), "its name is that of SWEREF 99 18 00 (EPSG:3011)"},
		{"a code that is not known", in(ogcTM, `"3006"`, `"3152"`), "EPSG:3152 (SWEREF99 TM) is not supported"},
		{"WGS 84's UTM zone 33, by its datum", strings.NewReplacer("SWEREF99", "WGS_1984").Replace(esriTM), "Mercator projection of WGS 84"},
		{"the name alone", `PROJCS["SWEREF99 TM"]`, "no geographic system"},
		{"no ellipsoid", `GEOGCS["x",DATUM["D_WGS_1984"]]`, "no ellipsoid"},
		{"no datum", `GEOGCS["WGS 84"]`, "names no datum"},
		{"geocentric", in(wgs84v2, "ellipsoidal,2", "Cartesian,3"), "geocentric"},
		{"local", `LOCAL_CS["site grid"]`, `"LOCAL_CS" is not supported`},
		{"nothing", "", "it ends where a keyword should be"},
		{"HTML", "<html>", `"<html>" at byte 0`},
		{"cut off", esriTM[:100], "ends"},
		{"cut off in a text", esriTM[:10], "a text has no end"},
		{"two", esriTM + esriTM, "where the end should be"},
		{"brackets that do not match", `GEOGCS["x")`, "a comma or bracket"},
		{"nested without end", strings.Repeat("A[", 1000), "nested more than 32 deep"},
		{"endless", strings.Repeat("A", 100_000), "more than 65536 bytes"},
		{"compound without a plane", `COMPD_CS["x",VERT_CS["y"]]`, `"COMPD_CS" is not supported`},
		{"another behind it", esriTM + "," + esriTM, `"PROJCS" follows after it`},
		{"nothing behind it", esriTM + ",", "it ends where a keyword should be"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			s, err := ByWKT(tt.wkt)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, %v, want an error with %q", s, err, tt.want)
			}
		})
	}
}

func FuzzByWKT(f *testing.F) {
	for _, wkt := range []string{ogcTM, esriTM, unnamed, wkt2, etrs89, wgs84, wgs84v2, rt90, "A[-1e999,B(C,\"\"\"\")]"} {
		f.Add(wkt)
	}
	f.Fuzz(func(t *testing.T, wkt string) {
		s, err := ByWKT(wkt)
		switch {
		case err == nil && s == nil:
			t.Fatal("neither a system nor an error")
		case err != nil && len(err.Error()) > 2000:
			t.Fatalf("an error of %d bytes", len(err.Error()))
		}
	})
}
