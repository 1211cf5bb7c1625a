package report_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/geo"
	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/tenant"
)

// strip is an area from 62 to 63 degrees north.
type strip struct {
	code       string
	west, east float64
}

// redraw activates other borders and leaves the hand-overs to do.
func (k *kit) redraw(t *testing.T, strips ...strip) routing.Activation {
	t.Helper()
	areas := &geo.Builder{}
	for _, s := range strips {
		must(t, areas.Add(geo.Feature{Code: s.code, Name: "Ruta " + s.code, Geometry: orb.MultiPolygon{{
			{{s.west, 62}, {s.east, 62}, {s.east, 63}, {s.west, 63}, {s.west, 62}},
		}}}))
	}
	set, _, err := k.boundaries.Import(t.Context(), areas, routing.About{Source: "strips"}, k.clock.Now())
	must(t, err)
	step, err := k.boundaries.ActivateWith(t.Context(), set.ID, routing.Options{Reroute: true}, k.clock.Now())
	must(t, err)
	return step
}

// reroute carries out the job that an activation left.
func (k *kit) reroute(ctx context.Context, t *testing.T, step routing.Activation) error {
	t.Helper()
	j, err := job.New(routing.JobReroute, step.ID, routing.RerouteJob{Activation: step.ID}, k.clock.Now())
	must(t, err)
	return k.RerouteHandler(k.boundaries).Run(ctx, j)
}

func (k *kit) handOvers(t *testing.T, id string) (all []report.Update) {
	t.Helper()
	us, err := k.Store.Updates(t.Context(), id, true)
	must(t, err)
	for _, u := range us {
		if u.Kind == report.HandedOver {
			all = append(all, u)
		}
	}
	return all
}

// dying is the store of a process that dies after some hand-overs.
type dying struct {
	report.Store
	left atomic.Int64
	die  context.CancelFunc
}

func (d *dying) AddOnce(ctx context.Context, name string, key report.Key, change func(*report.Report) (report.Changes, error)) (report.Report, report.Replay, error) {
	if d.left.Add(-1) < 0 {
		d.die()
	}
	return d.Store.AddOnce(ctx, name, key, change)
}

func TestReroutingThatIsCutShortHandsNothingOverTwice(t *testing.T) {
	onEachDatabase(t, cutShortHandsNothingOverTwice)
}

func cutShortHandsNothingOverTwice(t *testing.T, k *kit) {
	var ids []string
	for range 12 {
		ids = append(ids, k.submit(t, inSquare(1)).Report.ID)
	}
	step := k.redraw(t, strip{"1001", 17, 17.2}, strip{"1002", 17.2, 19}, strip{"1003", 19, 20})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	whole := k.Store
	d := &dying{Store: whole, die: cancel}
	d.left.Store(5)
	k.Store = d
	if err := k.reroute(ctx, t, step); !errors.Is(err, context.Canceled) {
		t.Fatalf("cut short: %v", err)
	}
	k.Store = whole
	done := 0
	for _, id := range ids {
		done += len(k.handOvers(t, id))
	}
	if done != 5 {
		t.Errorf("%d handed over before it was cut short, want 5", done)
	}
	// Whoever has it by now decides that it is not theirs.
	r, err := k.Store.Report(t.Context(), ids[0])
	must(t, err)
	_, _, err = k.HandOver(t.Context(), staff(auth.Handler, "1002"), ids[0], report.Passing{To: "1001", Text: "Inte vår", Version: r.Version})
	must(t, err)
	for range 2 {
		must(t, k.reroute(t.Context(), t, step))
	}
	for i, id := range ids {
		r, err := k.Store.Report(t.Context(), id)
		must(t, err)
		us := k.handOvers(t, id)
		if i == 0 {
			if r.Jurisdiction != "1001" || len(us) != 2 {
				t.Errorf("what was given back lies with %s after %d hand-overs", r.Jurisdiction, len(us))
			}
			continue
		}
		if r.Jurisdiction != "1002" || r.Delivery != report.Queued || r.BoundarySet != step.Set || r.Returns != 0 || len(us) != 1 {
			t.Fatalf("report %d lies with %s (%s) after %d hand-overs, under set %s", i, r.Jurisdiction, r.Delivery, len(us), r.BoundarySet)
		}
		if u := us[0]; u.From != "1001" || u.To != "1002" || u.Author != report.BySystem || u.Origin != report.OriginBoundaries || u.Text == "" || !json.Valid(u.Trace) {
			t.Errorf("the hand-over is %+v", u)
		}
	}
}

func TestWhomOtherBordersConcern(t *testing.T) { onEachDatabase(t, whomOtherBordersConcern) }

func whomOtherBordersConcern(t *testing.T, k *kit) {
	k.web(t, "1003")
	byHand, closed, orphan, kept := k.submit(t, inSquare(1)).Report, k.submit(t, inSquare(1)).Report, k.submit(t, inSquare(3)).Report, k.submit(t, inSquare(2)).Report
	_, _, err := k.HandOver(t.Context(), staff(auth.Handler, "1001"), byHand.ID, report.Passing{To: "1002", Text: "Er väg", Version: 1})
	must(t, err)
	_, err = k.change(t, closed, report.StatusChange{To: report.Fixed, Text: "Lagat"})
	must(t, err)
	// 1001 becomes 1004 and 1003 goes without anybody in its place.
	step := k.redraw(t, strip{"1004", 17, 18}, strip{"1002", 18, 19})
	must(t, k.reroute(t.Context(), t, step))
	for _, tt := range []struct {
		name, id, with string
		delivery       report.Delivery
		handOvers      int
	}{
		{"what a person gave to somebody else stays there", byHand.ID, "1002", report.Queued, 1},
		{"what is closed stays where it was closed", closed.ID, "1001", report.Delivered, 0},
		{"what nobody owns any more goes to the triage", orphan.ID, "1003", report.Held, 1},
		{"what the borders did not reach stays", kept.ID, "1002", report.Queued, 0},
	} {
		r, err := k.Store.Report(t.Context(), tt.id)
		must(t, err)
		if n := len(k.handOvers(t, tt.id)); r.Jurisdiction != tt.with || r.Delivery != tt.delivery || n != tt.handOvers {
			t.Errorf("%s: it lies with %s, %s, after %d hand-overs", tt.name, r.Jurisdiction, r.Delivery, n)
		}
	}
	heirs, err := k.boundaries.Sets.Successions(t.Context())
	must(t, err)
	if len(heirs) != 1 || heirs[0] != (routing.Succession{Old: "1001", New: "1004"}) {
		t.Errorf("successors %+v", heirs)
	}
	// Going back finds them where they were.
	back, err := k.boundaries.Undo(t.Context(), routing.Municipality, routing.Options{Reroute: true}, k.clock.Now())
	must(t, err)
	must(t, k.reroute(t.Context(), t, back))
	if err := k.reroute(t.Context(), t, step); err != nil { // overtaken
		t.Error(err)
	}
	if n := len(k.handOvers(t, byHand.ID)); n != 1 {
		t.Errorf("%d hand-overs of what did not move", n)
	}
}

// atTheBorder is a submission 5 m to the west of 1002, by a reporter who says that
// the fault is on the other side.
func atTheBorder() report.Submission {
	accuracy := 100.0
	sub := inSquare(1)
	sub.Lon, sub.AccuracyM, sub.Answer = 17.9999, &accuracy, "1002"
	return sub
}

// handOver gives a report to somebody else, as staff of its holder.
func (k *kit) handOver(t *testing.T, id, to string) {
	t.Helper()
	r, err := k.Store.Report(t.Context(), id)
	must(t, err)
	_, _, err = k.HandOver(t.Context(), staff(auth.Handler, r.Jurisdiction), id, report.Passing{To: to, Text: "Er väg", Version: r.Version})
	must(t, err)
}

// web gives a jurisdiction its own queue.
func (k *kit) web(t *testing.T, code string) {
	t.Helper()
	j, err := k.Tenants.Get(t.Context(), code)
	must(t, err)
	j.Channel = tenant.Web
	_, err = k.Tenants.Put(t.Context(), j)
	must(t, err)
}

// undo takes the last activation back and leaves the hand-overs to do.
func (k *kit) undo(t *testing.T) routing.Activation {
	t.Helper()
	step, err := k.boundaries.Undo(t.Context(), routing.Municipality, routing.Options{Reroute: true}, k.clock.Now())
	must(t, err)
	return step
}

// triaged is where a report goes that stays with a code that is gone.
const triaged = ""

// wantMoved carries a step out and checks which reports it lists and hands over,
// and that each hand-over gives the reason for where the report lies now.
func (k *kit) wantMoved(t *testing.T, what string, step routing.Activation, goes map[string]string) {
	t.Helper()
	x, err := k.boundaries.Rerouting(t.Context(), step.ID)
	must(t, err)
	listed := map[string]string{}
	must(t, k.Rerouted(t.Context(), x, func(m report.Rerouted) error {
		listed[m.Reference] = m.To
		return nil
	}))
	before, had := map[string]string{}, map[string]int{}
	for id := range goes {
		r, err := k.Store.Report(t.Context(), id)
		must(t, err)
		before[id], had[id] = r.Jurisdiction, len(k.handOvers(t, id))
	}
	must(t, k.reroute(t.Context(), t, step))
	for id, to := range goes {
		r, err := k.Store.Report(t.Context(), id)
		must(t, err)
		lies := cmp.Or(to, before[id])
		said, is := listed[r.Reference]
		if moves := to != before[id]; r.Jurisdiction != lies || is != moves || is && said != to {
			t.Errorf("%s: %s lies with %s, listed: %v, for %q; want %q", what, r.Reference, r.Jurisdiction, is, said, to)
		}
		us := k.handOvers(t, id)
		if len(us) == had[id] && !is {
			continue
		}
		trace, err := routing.ReadTrace(us[len(us)-1].Trace)
		must(t, err)
		if len(us) != had[id]+1 || trace.Owner.Code != r.Jurisdiction || trace.BoundarySet != r.BoundarySet {
			t.Errorf("%s: %d hand-overs of %s, for %+v", what, len(us)-had[id], r.Reference, trace)
		}
	}
}

// explained replays why a report went where it went last, and says it in words.
func (k *kit) explained(t *testing.T, id, lang string) string {
	t.Helper()
	us := k.handOvers(t, id)
	trace, err := routing.ReadTrace(us[len(us)-1].Trace)
	must(t, err)
	again, err := k.Router.(*routing.Router).Replay(t.Context(), trace)
	must(t, err)
	if a, b := string(trace.JSON()), string(again.JSON()); a != b {
		t.Errorf("decided again, it is\n%s and was\n%s", b, a)
	}
	return trace.Explain(lang)
}

// Who takes over from a code is a reason of its own: what the place says is not
// why, and no person has done it.
func TestASuccessionIsGivenAsTheReason(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, k *kit) {
		k.web(t, "1003")
		given, sea, lone := k.submit(t, inSquare(1)).Report.ID, k.submit(t, inSquare(1)).Report.ID, k.submit(t, inSquare(1)).Report.ID
		own := k.submit(t, inSquare(2)).Report.ID
		k.handOver(t, given, "1002")
		k.handOver(t, lone, "1003")
		step := k.redraw(t, strip{"1001", 17, 18}, strip{"1005", 18, 19})
		k.wantMoved(t, "1002 becomes 1005, and 1003 is gone", step, map[string]string{given: "1005", sea: "1001", own: "1005", lone: triaged})
		for id, words := range map[string][2]string{
			given: {"1002 finns inte längre bland gränserna. Ruta 1005 (1005) har tagit över", "1002 is no longer in the boundaries. Ruta 1005 (1005) has taken over"},
			own:   {"Platsen ligger i Ruta 1005 (1005)", "The position lies in Ruta 1005 (1005)"},
			lone:  {"1003 finns inte längre bland gränserna, och ingen", "1003 is no longer in the boundaries, and nobody"},
		} {
			for i, lang := range []string{"sv", "en"} {
				if said := k.explained(t, id, lang); !strings.Contains(said, words[i]) {
					t.Errorf("%q lacks %q", said, words[i])
				}
			}
		}
		// Now 1001 goes without an heir: the place of what it gave away is nobody's.
		k.handOver(t, sea, "1005")
		step = k.redraw(t, strip{"1006", 18, 19})
		k.wantMoved(t, "1005 becomes 1006", step, map[string]string{given: "1006", sea: "1006", own: "1006"})
		if said := k.explained(t, sea, "en"); !strings.Contains(said, "1005 is no longer in the boundaries. Ruta 1006 (1006)") {
			t.Errorf("where the place is nobody's: %q", said)
		}
		k.wantMoved(t, "1005 is back", k.undo(t), map[string]string{given: "1005", sea: "1005", own: "1005"})
		k.explained(t, given, "sv")
	})
}

// What the reporter answered is no hand-over by a person: it holds as long as it
// is a choice, or who took over from it, and until staff knows better.
func TestWhatTheReporterAnsweredFollowsTheBorders(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, k *kit) {
		answered, far, near := k.submit(t, atTheBorder()).Report.ID, k.submit(t, atTheBorder()).Report.ID, k.submit(t, atTheBorder()).Report.ID
		k.handOver(t, far, "1003")
		k.handOver(t, near, "1001")
		west := k.redraw(t, strip{"1001", 17, 17.5}, strip{"1002", 17.5, 19}, strip{"1003", 19, 20})
		k.wantMoved(t, "the border comes towards it", west, map[string]string{answered: "1002", far: "1003", near: "1002"})
		k.wantMoved(t, "the border goes back", k.undo(t), map[string]string{answered: "1002", far: "1003", near: "1001"})
		east := k.redraw(t, strip{"1001", 17, 18.9}, strip{"1002", 18.9, 19}, strip{"1003", 19, 20})
		k.wantMoved(t, "the border goes 50 km away", east, map[string]string{answered: "1001", far: "1003", near: "1001"})
		k.wantMoved(t, "the border is there again", k.undo(t), map[string]string{answered: "1002", far: "1003", near: "1001"})
		renamed := k.redraw(t, strip{"1001", 17, 18}, strip{"1005", 18, 19}, strip{"1003", 19, 20})
		k.wantMoved(t, "the answer has another code", renamed, map[string]string{answered: "1005", far: "1003", near: "1001"})
	})
}
