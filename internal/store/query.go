package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/huandu/go-sqlbuilder"
	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
)

// walk is how many of the newest reports a list may look at one after the other.
//
// A box of the map is answered in one of two ways. A sparse one is read through
// the index of places and sorted. In a busy one the newest reports are found
// sooner by walking all reports from the newest on: of every recent report, a
// good part lies inside. Which it is, [recent] tells.
const walk = 10_000

// Reports returns a page of reports, newest first; with UpdatedAfter by change,
// oldest first.
func (s Reports) Reports(ctx context.Context, q report.Query) (report.Page, error) {
	f, err := newFilter(q)
	if err != nil {
		return report.Page{}, err
	}
	rs, err := s.find(ctx, f)
	if err != nil {
		return report.Page{}, s.asProblem(fmt.Errorf("list reports: %w", err))
	}
	page := report.Page{Reports: rs}
	if len(rs) > q.Limit {
		page.Reports = rs[:q.Limit]
		page.Next = f.cursorAfter(page.Reports[q.Limit-1])
	}
	err = s.addPhotos(ctx, page.Reports)
	return page, err
}

func (s Reports) find(ctx context.Context, f filter) ([]report.Report, error) {
	if f.box == nil || f.byChange() {
		return s.run(ctx, f, f.everywhere())
	}
	if len(f.ranges) == 0 {
		return nil, nil
	}
	floor, err := s.floor(ctx, f)
	if err != nil {
		return nil, err
	}
	if floor != "" {
		rs, err := s.run(ctx, f, f.newestFirst(floor))
		if err != nil || len(rs) > f.q.Limit {
			return rs, err
		}
	}
	rs, err := s.run(ctx, f, f.byPlace())
	slices.SortFunc(rs, func(a, b report.Report) int { return strings.Compare(b.ID, a.ID) })
	return rs, err
}

func (s Reports) run(ctx context.Context, f filter, b *sqlbuilder.SelectBuilder) ([]report.Report, error) {
	query, args := b.Build()
	row := newListedRow()
	if f.shown() {
		row = newShownRow()
	}
	rows, err := s.query(ctx, query, args...)
	return collect(rows, err, row.scan)
}

// filter is a query made ready for SQL.
type filter struct {
	q      report.Query
	box    *orb.Bound
	ranges []report.Range // of the box; none for one that holds nothing
	lastID string         // of the page before
	lastAt time.Time      // of the page before, by change
}

func newFilter(q report.Query) (filter, error) {
	f := filter{q: q, box: q.Box, lastAt: q.UpdatedAfter}
	if q.Near != nil {
		around := boxAround(*q.Near, q.RadiusM)
		f.box = &around
	}
	if f.box != nil {
		f.ranges = report.Ranges(*f.box)
	}
	if q.Cursor == "" {
		return f, nil
	}
	at, id, _ := strings.Cut(q.Cursor, "_")
	us, err := strconv.ParseInt(at, 10, 64)
	if err != nil || len(id) != 36 || uuid.Validate(id) != nil || us < micros(q.UpdatedAfter) || us > 0 && !f.byChange() {
		return f, problem.Field("cursor", "unknown", "this is not a cursor that a page of this list gave")
	}
	f.lastID, f.lastAt = id, fromMicros(us)
	return f, nil
}

// shown tells that every report of the list is public and no voice, so that nothing
// of it need be read that says so, or that only staff sees.
func (f filter) shown() bool {
	return !f.q.IncludeHidden && !f.q.Voices && f.q.Names == nil && f.q.Case == ""
}

func (f filter) columns() string {
	if f.shown() {
		return shownColumns
	}
	return listedColumns
}

func (f filter) byChange() bool { return !f.q.UpdatedAfter.IsZero() }

func (f filter) cursorAfter(r report.Report) string {
	at := int64(0)
	if f.byChange() {
		at = micros(r.UpdatedAt)
	}
	return strconv.FormatInt(at, 10) + "_" + r.ID
}

// everywhere asks the plain question, for the database to plan.
func (f filter) everywhere() *sqlbuilder.SelectBuilder {
	b := sqlbuilder.PostgreSQL.NewSelectBuilder().Select(f.columns()).From("reports")
	f.cheap(b)
	f.rest(b)
	if f.byChange() {
		b.OrderBy("updated_at", "id")
	} else {
		b.OrderByDesc("id")
	}
	limit(b, f.q.Limit+1) // one more tells whether there is a next page
	return b
}

// newestFirst walks from the newest report on, stops where it has enough, and
// goes no further than the floor. By id and place it is ordered, although ids are
// different, because that is the order of the index reports_newest alone: SQLite
// would walk that of the primary key, and read every row to see where it lies.
func (f filter) newestFirst(floor string) *sqlbuilder.SelectBuilder {
	b := sqlbuilder.PostgreSQL.NewSelectBuilder().Select(f.columns()).From("reports")
	b.Where(b.GE("id", floor))
	f.cheap(b)
	f.rest(b)
	limit(b.OrderBy("id DESC", "lat DESC"), f.q.Limit+1) // one more tells whether there is a next page
	return b
}

// byPlace reads what the index of places has in and around the box, of which only
// what the conditions look at, mostly from the index alone; whole rows are read of
// those that are shown. They come in no order: sorting whole rows costs as much as
// reading them.
func (f filter) byPlace() *sqlbuilder.SelectBuilder {
	ids := sqlbuilder.PostgreSQL.NewSelectBuilder().Select("id AS shown_id")
	f.cheap(ids)
	ids.From(f.around(ids, f.lookedAt()))
	f.rest(ids)
	limit(ids.OrderByDesc("id"), f.q.Limit+1) // one more tells whether there is a next page
	b := sqlbuilder.PostgreSQL.NewSelectBuilder().Select(f.columns())
	return b.From(b.BuilderAs(ids, "shown")).Join("reports", "id = shown_id")
}

// lookedAt lists the columns that the conditions look at. The first seven stand in
// the indexes reports_place and reports_newest.
func (f filter) lookedAt() string {
	columns := "id, lat, lon, private, status, service, case_id"
	for _, more := range []struct {
		column string
		asked  bool
	}{
		{"jurisdiction", f.q.Jurisdiction != ""}, {"delivery", f.q.Triage}, {"reference", f.q.Names != nil},
		{"assignee", f.q.Assignee != ""}, {"created_at", !f.q.FiledFrom.IsZero() || !f.q.FiledBefore.IsZero()},
		{"search", f.q.Text != ""},
	} {
		if more.asked {
			columns += ", " + more.column
		}
	}
	return columns
}

// limit ends a query, after its order. The number stands in the text: SQLite plans a statement
// anew each time a limit is bound to it.
func limit(b *sqlbuilder.SelectBuilder, n int) { b.SQL("LIMIT " + strconv.Itoa(n)) }

// cheap adds the conditions that an index can answer.
func (f filter) cheap(b *sqlbuilder.SelectBuilder) {
	if f.byChange() {
		last := b.Var(micros(f.lastAt))
		b.Where("(updated_at > " + last + " OR updated_at = " + last + " AND id > " + b.Var(f.lastID) + ")")
		if f.lastID == "" { // the first page begins after the time, not at it
			b.Where(b.G("updated_at", micros(f.lastAt)))
		}
	} else if f.lastID != "" {
		b.Where(b.L("id", f.lastID))
	}
	if f.q.Jurisdiction != "" {
		b.Where(b.E("jurisdiction", f.q.Jurisdiction))
	}
	if f.q.Triage {
		b.Where("delivery = 'held'")
	}
}

// rest adds all other conditions.
func (f filter) rest(b *sqlbuilder.SelectBuilder) {
	if !f.q.IncludeHidden {
		b.Where("NOT private")
	}
	switch {
	case f.q.Case != "":
		b.Where("id IN (SELECT report FROM merges WHERE case_id = " + b.Var(f.q.Case) + ")")
	case !f.q.Voices && f.q.Names == nil:
		b.Where("case_id = ''")
	}
	in(b, "status", f.q.Statuses)
	in(b, "service", f.q.Services)
	if f.q.Names != nil {
		names := sqlbuilder.List(f.q.Names)
		b.Where(b.Or("id IN ("+b.Var(names)+")", "reference IN ("+b.Var(names)+")"))
	}
	switch f.q.Assignee {
	case "":
	case report.Nobody:
		b.Where("assignee = ''")
	default:
		b.Where(b.E("assignee", f.q.Assignee))
	}
	if !f.q.FiledFrom.IsZero() {
		b.Where(b.GE("created_at", micros(f.q.FiledFrom)))
	}
	if !f.q.FiledBefore.IsZero() {
		b.Where(b.L("created_at", micros(f.q.FiledBefore)))
	}
	if f.q.Text != "" {
		b.Where("search LIKE " + b.Var(likePattern(f.q.Text)) + ` ESCAPE '\'`)
	}
	if f.box != nil {
		b.Where(b.Between("lat", f.box.Bottom(), f.box.Top()), b.Between("lon", f.box.Left(), f.box.Right()))
	}
	if f.q.Near != nil {
		f.inCircle(b)
	}
}

func in[T any](b *sqlbuilder.SelectBuilder, column string, values []T) {
	if len(values) > 0 {
		b.Where(column + " IN (" + b.Var(sqlbuilder.List(values)) + ")")
	}
}

// around is a table of the reports in and around the box. Each range is a query
// of its own, so that each is read from the index; the limit, which is above what
// can be there, keeps a planner from turning the query round.
func (f filter) around(b *sqlbuilder.SelectBuilder, columns string) string {
	var ranges []string
	for _, r := range f.ranges {
		ranges = append(ranges, "SELECT "+columns+" FROM reports WHERE "+b.Between("quadkey", r.First, r.Last))
	}
	return "(" + strings.Join(ranges, " UNION ALL ") + " LIMIT " + strconv.Itoa(math.MaxInt32) + ") AS around"
}

// metresPerDegree is the length of a degree of latitude on the mean earth.
const metresPerDegree = 111_195.0

// boxAround is the box that holds a circle of radius metres.
func boxAround(p orb.Point, radius float64) orb.Bound {
	dy := radius / metresPerDegree
	dx := dy / max(math.Cos(p.Lat()*math.Pi/180), 0.01)
	return orb.Bound{Min: orb.Point{p.Lon() - dx, p.Lat() - dy}, Max: orb.Point{p.Lon() + dx, p.Lat() + dy}}
}

// inCircle cuts the box's corners off.
func (f filter) inCircle(b *sqlbuilder.SelectBuilder) {
	b.Where(f.squared(b) + " <= " + b.Var(f.q.RadiusM*f.q.RadiusM))
}

// squared is the squared distance from the middle, in the plane that touches it:
// within 0.5 % of the true distance at up to 50 km in Sweden.
func (f filter) squared(b *sqlbuilder.SelectBuilder) string {
	kx := metresPerDegree * math.Cos(f.q.Near.Lat()*math.Pi/180)
	dx := "(lon - " + b.Var(f.q.Near.Lon()) + ") * " + b.Var(kx)
	dy := "(lat - " + b.Var(f.q.Near.Lat()) + ") * " + b.Var(metresPerDegree)
	return fmt.Sprintf("(%s) * (%s) + (%s) * (%s)", dx, dx, dy, dy)
}

// likePattern makes a text findable anywhere, with LIKE's own signs taken
// literally.
func likePattern(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(text)) + "%"
}

// withPhotos adds the photos to one report.
func (s Reports) withPhotos(ctx context.Context, r report.Report) (report.Report, error) {
	one := []report.Report{r}
	err := s.addPhotos(ctx, one)
	return one[0], err
}

// addPhotos adds their photos to all of a page, by one query.
func (s Reports) addPhotos(ctx context.Context, rs []report.Report) error {
	at := make(map[string]int)
	var ids []string
	for i, r := range rs {
		if r.PhotoCount > 0 {
			at[r.ID], ids = i, append(ids, r.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	b := sqlbuilder.PostgreSQL.NewSelectBuilder().
		Select(photoColumns).From("photos").OrderBy("report", "update_id", "position")
	in(b, "report", ids)
	query, args := b.Build()
	rows, err := s.query(ctx, query, args...)
	_, err = collect(rows, err, func(row scanner) (struct{}, error) {
		of, p, err := scanPhoto(row)
		rs[at[of]].Photos = append(rs[at[of]].Photos, p)
		return struct{}{}, err
	})
	return s.asProblem(err)
}

// photosOf reads the photos of one report inside a transaction.
func (t *tx) photosOf(ctx context.Context, reportID string) ([]report.Photo, error) {
	rows, err := t.rows(ctx, `SELECT `+photoColumns+` FROM photos WHERE report = $1
		ORDER BY update_id, position`, reportID)
	return collect(rows, err, func(row scanner) (report.Photo, error) {
		_, p, err := scanPhoto(row)
		return p, err
	})
}

const photoColumns = `report, id, update_id, width, height, sha256, blurhash, alt, alt_held, state, folder, masks, unmasked, likeness, created_at`

func scanPhoto(row scanner) (of string, p report.Photo, err error) {
	var hashes, masks string
	var created, likeness int64
	if err = row.Scan(&of, &p.ID, &p.UpdateID, &p.Width, &p.Height, &hashes, &p.BlurHash, &p.Alt, &p.AltHeld,
		&p.State, &p.Folder, &masks, &p.Unmasked, &likeness, &created); err != nil {
		return of, p, err
	}
	p.Likeness = photo.Likeness(likeness) // #nosec G115 -- 64 bits, as they were stored
	if masks != "[]" {
		if err = json.Unmarshal([]byte(masks), &p.Masks); err != nil {
			return of, p, fmt.Errorf("read the masks of photo %s: %w", p.ID, err)
		}
	}
	p.CreatedAt = fromMicros(created)
	if err = json.Unmarshal([]byte(hashes), &p.SHA256); err != nil {
		return of, p, fmt.Errorf("read photo %s: %w", p.ID, err)
	}
	return of, p, nil
}
