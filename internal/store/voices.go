package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/huandu/go-sqlbuilder"

	"github.com/kantsten/kantsten/internal/report"
)

// recounted counts a report anew, and lets it know.
func (t *tx) recounted(ctx context.Context, r *report.Report) error {
	if err := t.recount(ctx, r.ID); err != nil {
		return err
	}
	return t.row(ctx, `SELECT supported_by, joined FROM reports WHERE id = $1`, r.ID).Scan(&r.SupportedBy, &r.Joined)
}

// recount counts the people behind a case: who filed it or a voice of it, by
// account once, and who supports one of them without having filed another.
func (t *tx) recount(ctx context.Context, caseID string) error {
	filed, reporters, err := t.reportersOf(ctx, caseID)
	if err != nil {
		return fmt.Errorf("count who filed the voices of %s: %w", caseID, err)
	}
	rows, err := t.rows(ctx, `SELECT DISTINCT voice FROM voices WHERE report IN `+ofCase, caseID)
	voices, err := collect(rows, err, scanText)
	if err != nil {
		return fmt.Errorf("count the voices of %s: %w", caseID, err)
	}
	voices = slices.DeleteFunc(voices, func(v string) bool { return reporters[v] })
	if _, err := t.exec(ctx, `UPDATE reports SET supported_by = $2, joined = $3 WHERE id = $1`, caseID, len(voices), filed-1); err != nil {
		return fmt.Errorf("note the voices of %s: %w", caseID, err)
	}
	return nil
}

// reportersOf returns how many people filed a case and its voices, and of those
// with an account by what they would support.
func (t *tx) reportersOf(ctx context.Context, caseID string) (people int, known map[string]bool, err error) {
	type reporter struct {
		person string
		filed  int
	}
	rows, err := t.rows(ctx, `SELECT person, count(*) FROM reports WHERE id IN `+ofCase+` GROUP BY person`, caseID)
	all, err := collect(rows, err, func(row scanner) (r reporter, err error) {
		return r, row.Scan(&r.person, &r.filed)
	})
	known = map[string]bool{}
	for _, r := range all {
		if r.person == "" {
			people += r.filed // nobody can tell them from each other
			continue
		}
		people++
		known[report.VoiceOf(r.person)] = true
	}
	return people, known, err
}

// Support counts a voice once over a whole case.
func (s Reports) Support(ctx context.Context, name string, v report.Voice, key report.Key, e report.Event) (report.Supported, error) {
	var done report.Supported
	err := s.inCases(ctx, []string{name}, func(ctx context.Context, t *tx, cases []string) (err error) {
		done = report.Supported{}
		if done.Report, err = t.whole(ctx, name, ""); err != nil {
			return err
		}
		if done.Key, err = t.claimKey(ctx, key, done.Report.ID, micros(e.CreatedAt)); err != nil {
			return err
		}
		if !done.Key.Replayed {
			if done.Counted, err = t.addVoice(ctx, done.Report, cases[0], v); err != nil {
				return fmt.Errorf("count a voice: %w", err)
			}
		}
		if done.Counted {
			if _, err := t.exec(ctx, `UPDATE reports SET supported_by = supported_by + 1 WHERE id = $1`, cases[0]); err != nil {
				return fmt.Errorf("count a voice: %w", err)
			}
			if err := t.insertEvents(ctx, []report.Event{e}); err != nil {
				return err
			}
		}
		return t.row(ctx, `SELECT supported_by FROM reports WHERE id = $1`, cases[0]).Scan(&done.Report.SupportedBy)
	})
	if err != nil {
		return report.Supported{}, err
	}
	return done, nil
}

// addVoice keeps a voice with the report that it was raised for, where it counts
// again should that be unmerged. It is new if nobody in the case has it.
func (t *tx) addVoice(ctx context.Context, r report.Report, caseID string, v report.Voice) (isNew bool, err error) {
	if v.Reporter || v.PersonID != "" && v.PersonID == r.PersonID {
		return false, nil
	}
	var known bool
	if err := t.row(ctx, `SELECT EXISTS (SELECT 1 FROM voices WHERE voice = $2 AND report IN `+ofCase+`)
		OR EXISTS (SELECT 1 FROM reports WHERE person = $3 AND person <> '' AND id IN `+ofCase+`)`, caseID, v.Hash, v.PersonID).Scan(&known); err != nil {
		return false, err
	}
	n, err := t.exec(ctx, `INSERT INTO voices (report, voice) VALUES ($1, $2) ON CONFLICT (report, voice) DO NOTHING`, r.ID, v.Hash)
	return n == 1 && !known, err
}

// Through returns what a voice goes on with.
func (s Reports) Through(ctx context.Context, reportID string) ([]report.Passage, error) {
	rows, err := s.query(ctx, `WITH RECURSIVE up (report, since) AS (
			SELECT into_report, entry FROM merges WHERE report = $1
			UNION ALL SELECT m.into_report, m.entry FROM up JOIN merges m ON m.report = up.report)
		SELECT r.private, `+columnsOf("u", updateColumns)+` FROM up JOIN updates u ON u.report = up.report AND u.id > up.since
			JOIN reports r ON r.id = up.report LEFT JOIN merges m ON m.report = up.report
		WHERE NOT u.internal AND u.kind IN ('status', 'comment', 'photo', 'hand-over') AND (m.entry IS NULL OR u.id < m.entry)
		ORDER BY u.id`, reportID)
	all, err := collect(rows, err, func(row scanner) (p report.Passage, err error) {
		p.Update, err = scanUpdate(withFirst{row, &p.Private})
		return p, err
	})
	if err != nil {
		return nil, s.asProblem(fmt.Errorf("read what voice %s goes on with: %w", reportID, err))
	}
	return all, nil
}

// SaidToVoices returns what the voices of a case got since they came to it.
func (s Reports) SaidToVoices(ctx context.Context, caseID string) ([]report.Update, error) {
	rows, err := s.query(ctx, `SELECT `+columnsOf("u", updateColumns)+` FROM merges m JOIN updates u ON u.report = m.report AND u.id > m.entry
		WHERE m.case_id = $1 AND u.kind IN ('comment', 'photo') ORDER BY u.id`, caseID)
	all, err := collect(rows, err, scanUpdate)
	if err != nil {
		return nil, s.asProblem(fmt.Errorf("read what the voices of %s got: %w", caseID, err))
	}
	return all, nil
}

// VoicePhotos counts the photos of the voices of cases.
func (s Reports) VoicePhotos(ctx context.Context, caseIDs []string) (map[string]report.VoicePhotos, error) {
	if len(caseIDs) == 0 {
		return nil, nil
	}
	b := sqlbuilder.PostgreSQL.NewSelectBuilder().
		Select("m.case_id", "count(*)", "sum(CASE WHEN p.state = 'shown' THEN 0 ELSE 1 END)").
		From("merges m").Join("photos p", "p.report = m.report").GroupBy("m.case_id")
	in(b, "m.case_id", caseIDs)
	query, args := b.Build()
	rows, err := s.query(ctx, query, args...)
	counts := map[string]report.VoicePhotos{}
	_, err = collect(rows, err, func(row scanner) (struct{}, error) {
		var id string
		var n report.VoicePhotos
		err := row.Scan(&id, &n.All, &n.Hidden)
		counts[id] = n
		return struct{}{}, err
	})
	if err != nil {
		return nil, s.asProblem(fmt.Errorf("count the photos of voices: %w", err))
	}
	return counts, nil
}

// columnsOf puts the name of a table before each column of a list.
func columnsOf(table, list string) string {
	columns := strings.Split(list, ",")
	for i, c := range columns {
		columns[i] = table + "." + strings.TrimSpace(c)
	}
	return strings.Join(columns, ", ")
}

// withFirst is a row whose first column is read aside.
type withFirst struct {
	scanner
	first any
}

func (w withFirst) Scan(dest ...any) error {
	return w.scanner.Scan(append([]any{w.first}, dest...)...)
}
