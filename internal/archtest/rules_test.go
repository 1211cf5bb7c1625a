package archtest

// module is the path that all import paths of the project begin with.
const module = "github.com/kantsten/kantsten"

// rule is what one package may import of the project, and why.
type rule struct {
	why string
	// may names packages by their path in the module.
	may []string
	// testsOnly packages are imported by tests and by each other, never by what
	// is built into the program.
	testsOnly bool
}

// bottom are the packages that know nobody but the error type; everything above
// may use them. internal/egress is one of them too, but only those who speak to
// the outside have a use for it, and each says so.
var bottom = []string{"internal/job", "internal/blob", "geo", "internal/problem"}

// domain is what the ways in (api, notify, open311) and the store stand around.
var domain = append([]string{"internal/report", "internal/likeness", "internal/routing", "internal/photo", "internal/catalog", "internal/tenant", "internal/auth"}, bottom...)

// rules lists every package. It is read from the bottom up: a package stands
// after those that it may import.
var rules = map[string]rule{
	"internal/problem": {why: "the one error type; everybody may return it, so it knows nobody"},
	"openapi":          {why: "embeds the contract"},
	"migrations":       {why: "embeds SQL"},
	"internal/web":     {why: "embeds the web app"},

	"geo":                  {why: "a public library: it must be usable without the rest"},
	"geo/geojson":          {why: "a reader of the public library", may: []string{"geo", "geo/sweref"}},
	"geo/internal/wkb":     {why: "one check and decoding of well-known binary for the two readers that meet it", may: []string{"geo"}},
	"geo/internal/names":   {why: "one way to list what there is in errors"},
	"geo/internal/archive": {why: "one way into an archive for the two readers of what publishers pack"},
	"geo/internal/table":   {why: "one way from rows to features for the two readers that meet them", may: []string{"geo"}},
	"geo/geopackage":       {why: "a reader of the public library, which takes a *sql.DB", may: []string{"geo", "geo/internal/archive", "geo/internal/names", "geo/internal/table", "geo/internal/wkb", "geo/sweref"}},
	"geo/postgis":          {why: "a reader of the public library, which takes a *sql.DB", may: []string{"geo", "geo/internal/names", "geo/internal/table", "geo/internal/wkb", "geo/sweref"}},
	"geo/shapefile":        {why: "a reader of the public library", may: []string{"geo", "geo/internal/archive", "geo/internal/names", "geo/sweref"}},
	"geo/sweref":           {why: "projection for the public library's readers"},

	"internal/job":    {why: "durable work of any kind: it knows no kind", may: []string{"internal/problem"}},
	"internal/blob":   {why: "files by name: it knows no photo and no boundary", may: []string{"internal/problem"}},
	"internal/egress": {why: "guards what goes out, whoever sends it", may: []string{"internal/problem"}},
	"internal/screen": {why: "finds what is personal in a text: a pure function"},
	"internal/limit":  {why: "how often a caller may create something; it knows neither what nor who"},

	"internal/auth":     {why: "who may do what; sign-in codes are sent by a job, directories asked through the guard", may: with(bottom, "internal/egress")},
	"internal/catalog":  {why: "services and their attributes, and how one jurisdiction overrides them", may: with(bottom, "internal/auth")},
	"internal/tenant":   {why: "jurisdictions, changed by those who may, each with its catalogue", may: with(bottom, "internal/auth", "internal/catalog")},
	"internal/photo":    {why: "makes a photo safe and stores it; the detector is asked through the guard", may: with(bottom, "internal/auth", "internal/egress")},
	"internal/upload":   {why: "takes photos in pieces and hands them to the library", may: with(bottom, "internal/photo")},
	"internal/routing":  {why: "service, area and owner to a recipient", may: with(bottom, "internal/auth", "internal/catalog", "internal/tenant")},
	"internal/atlas":    {why: "draws areas for maps", may: with(bottom, "internal/routing")},
	"internal/likeness": {why: "how alike two reports are; a pure function of what they say", may: []string{"internal/catalog", "internal/photo"}},
	"internal/report":   {why: "the life of a report, which passes through all of them", may: with(domain, "internal/egress", "internal/screen")},

	"internal/notify":  {why: "renders and sends what followers hear", may: with(domain, "internal/egress")},
	"internal/open311": {why: "wire types, client and two-way sync, which comes in by the report's own door", may: with(domain, "internal/egress")},
	"internal/backup":  {why: "one state of an installation in a folder, with the erasures to carry out again", may: domain},
	"internal/store":   {why: "SQL for the domain's types; it implements what they ask for", may: with(domain, "internal/notify", "internal/open311", "internal/backup", "internal/upload", "migrations")},
	"api":              {why: "HTTP over the domain; Open311 by its wire types", may: with(domain, "internal/atlas", "internal/limit", "internal/notify", "internal/open311", "internal/screen", "internal/upload", "internal/web", "openapi")},
	"internal/demo":    {why: "seeds an installation to look at, through the domain's own doors", may: domain},

	"cmd/kantsten": {why: "wiring: the only place that knows the store and everything else", may: with(domain,
		"api", "internal/atlas", "internal/limit", "internal/store", "internal/backup", "internal/upload", "internal/egress", "internal/notify", "internal/open311", "internal/demo", "internal/web", "openapi", "migrations",
		"geo/geojson", "geo/geopackage", "geo/postgis", "geo/shapefile", "geo/sweref")},

	"internal/bench":             {why: "figures of the built program beside the bare database, and of the store's transactions", may: with(domain, "internal/store", "internal/demo", "internal/pgtest"), testsOnly: true},
	"internal/pgtest":            {why: "a PostgreSQL for tests", testsOnly: true},
	"internal/pgtest/cmd/pgtest": {why: "the same for one command", may: []string{"internal/pgtest"}, testsOnly: true},
	"internal/auth/storetest":    {why: "what every auth.Store promises, for tests of stores", may: []string{"internal/auth", "internal/problem"}, testsOnly: true},
	"internal/blob/s3test":       {why: "storage that speaks S3, for tests", testsOnly: true},
	"internal/notify/pushtest":   {why: "a push service for tests", may: []string{"internal/notify"}, testsOnly: true},
	"api/apitest":                {why: "a client for tests that holds every answer against the contract", may: []string{"internal/problem", "openapi"}, testsOnly: true},
	"api/suite":                  {why: "tests of the API on the whole server; built, it is empty", testsOnly: true},
	"internal/archtest":          {why: "these tests", testsOnly: true},
}

// with returns base and more as a new list.
func with(base []string, more ...string) []string {
	return append(append([]string{}, base...), more...)
}

// place keeps a technology in the packages that are about it.
type place struct {
	what string // an import path; "…/" at the end stands for all below it
	only []string
	why  string
}

// driverPlaces are the store, and what is for tests and for figures.
var driverPlaces = []string{"internal/store", "internal/pgtest", "internal/bench"}

// sqlPlaces are those, and the two readers of foreign files and databases with
// what they share, which take a *sql.DB from whoever has chosen a driver.
var sqlPlaces = with(driverPlaces, "geo/geopackage", "geo/postgis", "geo/internal/table")

// places lists the technologies; what is not in it may be used anywhere.
var places = []place{
	{"github.com/gin-gonic/gin", []string{"api"}, "gin stays at the edge"},
	{"github.com/gin-gonic/gin/…", []string{"api"}, "gin stays at the edge"},
	{"database/sql", sqlPlaces, "one implementation of SQL"},
	{"database/sql/driver", driverPlaces, "one implementation of SQL"},
	{"modernc.org/sqlite", driverPlaces, "a driver is chosen where SQL is"},
	{"modernc.org/sqlite/…", driverPlaces, "a driver is chosen where SQL is"},
	{"github.com/jackc/pgx/v5/…", driverPlaces, "a driver is chosen where SQL is"},
	{"github.com/pressly/goose/v3", []string{"internal/store"}, "the store migrates itself"},
	{"github.com/huandu/go-sqlbuilder", []string{"internal/store"}, "one implementation of SQL"},

	{"github.com/disintegration/imaging", []string{"internal/photo"}, "it panics on crafted images unless they are prepared"},
	{"github.com/bep/imagemeta", []string{"internal/photo"}, "photos are read under limits, in one place"},
	{"image/jpeg", []string{"internal/photo", "internal/demo", "internal/bench"}, "photos are decoded under limits, in one place; the demo and the figures draw their own"},
	{"image/png", []string{"internal/photo", "internal/demo"}, "photos are decoded under limits, in one place; the demo draws its own"},
	{"golang.org/x/image/webp", []string{"internal/photo"}, "photos are decoded under limits, in one place"},
	{"github.com/gen2brain/heic", []string{"internal/photo"}, "photos are decoded under limits, in one place, a HEIC in a process of its own"},
	{"github.com/gen2brain/…", []string{"internal/photo"}, "decoders by the same author are not on the list"},
	{"github.com/tetratelabs/wazero", []string{"internal/photo"}, "it runs the decoder of HEIC and nothing else"},
	{"github.com/tetratelabs/wazero/…", []string{"internal/photo"}, "it runs the decoder of HEIC and nothing else"},
	{"image/gif", nil, "a decoder that strangers could reach and nobody needs"},
	{"golang.org/x/image/bmp", nil, "a decoder that strangers could reach and nobody needs"},
	{"golang.org/x/image/tiff", nil, "a decoder that strangers could reach and nobody needs"},
	{"golang.org/x/image/vp8", nil, "webp decodes it under its own limits"},
	{"golang.org/x/image/draw", nil, "it takes 500 MB for a photo"},

	{"gocloud.dev/…", []string{"internal/blob"}, "where files lie is the blob store's affair"},
	{"code.dny.dev/ssrf", []string{"internal/egress"}, "one guard for what goes out"},
	{"github.com/SherClockHolmes/webpush-go", []string{"internal/notify"}, "one sender of push messages"},
	{"github.com/wneessen/go-mail", []string{"internal/notify"}, "one sender of e-mail"},
	{"unsafe", []string{"internal/photo", "geo"}, "where it was measured to be worth it"},
	{"testing", []string{"internal/pgtest", "internal/blob/s3test", "internal/notify/pushtest", "internal/auth/storetest", "api/apitest"}, "tests are not built into the program"},
}

// technologyFree packages hold rules and nothing by which they are asked or
// stored; they take the time from a clock field.
var technologyFree = []string{"internal/report", "internal/likeness", "internal/routing", "internal/catalog", "internal/tenant", "internal/job", "internal/problem", "geo"}
