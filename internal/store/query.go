package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/huandu/go-sqlbuilder"
	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
)

// limits are the numbers of reports at which a list changes its strategy.
//
// A box of the map is answered in one of two ways. A sparse one is read through
// the index of places and sorted. In a dense one the newest reports are found
// sooner by walking all reports from the newest on: of every recent report, a
// good part lies inside. A probe of the index that stops at sparse rows tells
// which it is; the walk stops at walk rows, for a box that was busy long ago,
// and then the index has to do after all.
type limits struct{ sparse, walk int }

var defaultLimits = limits{sparse: 2_000, walk: 20_000}

// Reports returns a page of reports, newest first; with UpdatedAfter by change,
// oldest first.
func (s Reports) Reports(ctx context.Context, q report.Query) (report.Page, error) {
	f, err := newFilter(q, s.limits)
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
		return s.run(ctx, f.everywhere())
	}
	if len(f.ranges) == 0 {
		return nil, nil
	}
	n, err := s.probe(ctx, f)
	if err != nil {
		return nil, err
	}
	if n > s.limits.sparse {
		rs, err := s.run(ctx, f.newestFirst())
		if err != nil || len(rs) > f.q.Limit {
			return rs, err
		}
	}
	return s.run(ctx, f.byPlace(n))
}

// probe counts the reports in and around the box, up to one more than sparse.
func (s Reports) probe(ctx context.Context, f filter) (n int, err error) {
	b := sqlbuilder.PostgreSQL.NewSelectBuilder().Select("count(*)")
	b.From(f.around(b, s.limits.sparse+1))
	query, args := b.Build()
	_, err = s.one(ctx, query, args, &n)
	return n, err
}

func (s Reports) run(ctx context.Context, b *sqlbuilder.SelectBuilder) ([]report.Report, error) {
	query, args := b.Build()
	rows, err := s.query(ctx, query, args...)
	return collect(rows, err, scanReport)
}

// filter is a query made ready for SQL.
type filter struct {
	q      report.Query
	limits limits
	box    *orb.Bound
	ranges []report.Range // of the box; none for one that holds nothing
	lastID string         // of the page before
	lastAt time.Time      // of the page before, by change
}

func newFilter(q report.Query, l limits) (filter, error) {
	f := filter{q: q, limits: l, box: q.Box, lastAt: q.UpdatedAfter}
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
	b := f.selectFrom("reports")
	f.cheap(b)
	f.rest(b)
	return b
}

// newestFirst walks from the newest report on and stops where it has enough. What
// it walks over is only looked at; the rows are read of those that it shows.
func (f filter) newestFirst() *sqlbuilder.SelectBuilder {
	walked := sqlbuilder.PostgreSQL.NewSelectBuilder().Select("*").From("reports").OrderByDesc("id").Limit(f.limits.walk)
	f.cheap(walked)
	shown := sqlbuilder.PostgreSQL.NewSelectBuilder().Select("id AS shown_id").OrderByDesc("id").Limit(f.q.Limit + 1)
	shown.From(shown.BuilderAs(walked, "newest"))
	f.rest(shown)
	b := f.selectFrom("")
	return b.From(b.BuilderAs(shown, "shown")).Join("reports", "id = shown_id")
}

// byPlace reads what the index of places has in and around the box. The inner
// limit is above what is there: it keeps a planner from turning the query round.
func (f filter) byPlace(n int) *sqlbuilder.SelectBuilder {
	limit := math.MaxInt32
	if n <= f.limits.sparse {
		limit = f.limits.sparse + 1
	}
	b := f.selectFrom("")
	b.From(f.around(b, limit))
	b.Join("reports", "id = around_id")
	f.cheap(b)
	f.rest(b)
	return b
}

func (f filter) selectFrom(table string) *sqlbuilder.SelectBuilder {
	b := sqlbuilder.PostgreSQL.NewSelectBuilder().Select(reportColumns)
	if table != "" {
		b.From(table)
	}
	if f.byChange() {
		b.OrderBy("updated_at", "id")
	} else {
		b.OrderByDesc("id")
	}
	return b.Limit(f.q.Limit + 1) // one more tells whether there is a next page
}

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

// around is a table of the ids in and around the box, cut off at a limit. Each
// range is a query of its own: of ranges joined by OR, PostgreSQL collects all
// that is in the index before it looks at the limit.
func (f filter) around(b *sqlbuilder.SelectBuilder, limit int) string {
	var ranges []string
	for _, r := range f.ranges {
		ranges = append(ranges, "SELECT id AS around_id FROM reports WHERE "+b.Between("quadkey", r.First, r.Last))
	}
	return "(" + strings.Join(ranges, " UNION ALL ") + " LIMIT " + b.Var(limit) + ") AS around"
}

// metresPerDegree is the length of a degree of latitude on the mean earth.
const metresPerDegree = 111_195.0

// boxAround is the box that holds a circle of radius metres.
func boxAround(p orb.Point, radius float64) orb.Bound {
	dy := radius / metresPerDegree
	dx := dy / max(math.Cos(p.Lat()*math.Pi/180), 0.01)
	return orb.Bound{Min: orb.Point{p.Lon() - dx, p.Lat() - dy}, Max: orb.Point{p.Lon() + dx, p.Lat() + dy}}
}

// inCircle cuts the box's corners off, in the plane that touches the middle:
// within 0.5 % of the true distance at up to 50 km in Sweden.
func (f filter) inCircle(b *sqlbuilder.SelectBuilder) {
	kx := metresPerDegree * math.Cos(f.q.Near.Lat()*math.Pi/180)
	dx := "(lon - " + b.Var(f.q.Near.Lon()) + ") * " + b.Var(kx)
	dy := "(lat - " + b.Var(f.q.Near.Lat()) + ") * " + b.Var(metresPerDegree)
	b.Where(fmt.Sprintf("(%s) * (%s) + (%s) * (%s) <= %s", dx, dx, dy, dy, b.Var(f.q.RadiusM*f.q.RadiusM)))
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
	if len(rs) == 0 {
		return nil
	}
	at := make(map[string]int, len(rs))
	ids := make([]string, len(rs))
	for i, r := range rs {
		at[r.ID], ids[i] = i, r.ID
	}
	b := sqlbuilder.PostgreSQL.NewSelectBuilder().
		Select("report", "id", "update_id", "width", "height", "sha256", "created_at").From("photos").OrderBy("report", "update_id", "position")
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

func scanPhoto(row scanner) (of string, p report.Photo, err error) {
	var hashes string
	var created int64
	if err = row.Scan(&of, &p.ID, &p.UpdateID, &p.Width, &p.Height, &hashes, &created); err != nil {
		return of, p, err
	}
	p.CreatedAt = fromMicros(created)
	if err = json.Unmarshal([]byte(hashes), &p.SHA256); err != nil {
		return of, p, fmt.Errorf("read photo %s: %w", p.ID, err)
	}
	return of, p, nil
}

func contactsQuery(reportIDs []string) (string, []any) {
	b := sqlbuilder.PostgreSQL.NewSelectBuilder().Select("report", "name", "email", "phone").From("contacts")
	in(b, "report", reportIDs)
	return b.Build()
}
