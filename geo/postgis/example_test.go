package postgis_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/geo/postgis"
)

// The program builds an index of the municipalities in a database that
// DATABASE_URL names.
func ExampleRead() {
	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = db.Close() }()
	b := &geo.Builder{}
	opts := geo.ReadOptions{Layer: "plan.kommun", CodeProperty: "kommunkod", PadCode: 4}
	if err := postgis.Read(context.Background(), db, opts, b.Add); err != nil {
		fmt.Println(err)
		return
	}
	index, report, err := b.Finish()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Areas, "areas")
	if area, ok := index.Owner(17.307, 62.391); ok {
		fmt.Println(index.Area(area))
	}
}
