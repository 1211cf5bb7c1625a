package likeness

import (
	"math"
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/photo"
)

// Torggatan in Sundsvall; a thousandth of a degree of latitude is 111 m.
var (
	lat, lon = 62.3908, 17.3069
	monday   = time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
)

// hole is a pothole reported on Monday, changed as a case needs it.
func hole(change ...func(*Report)) Report {
	r := Report{Service: "pothole", Lat: lat, Lon: lon, AccuracyM: 8, Filed: monday, Words: "Stort hål i höger körfält"}
	for _, c := range change {
		c(&r)
	}
	return r
}

func north(metres float64) func(*Report) { return func(r *Report) { r.Lat = lat + metres/111_195 } }
func as(service string) func(*Report)    { return func(r *Report) { r.Service = service } }
func saying(words string) func(*Report)  { return func(r *Report) { r.Words = words } }
func at(address string) func(*Report)    { return func(r *Report) { r.Address = address } }
func later(d time.Duration) func(*Report) {
	return func(r *Report) { r.Filed = monday.Add(d) }
}
func within(metres float64) func(*Report) { return func(r *Report) { r.AccuracyM = metres } }
func showing(p ...photo.Likeness) func(*Report) {
	return func(r *Report) { r.Photos = p }
}

const (
	day     = 24 * time.Hour
	picture = photo.Likeness(0x0f1e2d3c4b5a6978)
)

func TestWhatIsOneCase(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		a, b Report
		want bool
	}{
		{"the same hole twice, 5 m apart", hole(), hole(north(5), later(day)), true},
		{"the same hole twice, without a word", hole(saying("")), hole(north(5), saying(""), later(day)), true},
		{"the same hole in other words", hole(), hole(north(10), saying("Djup grop, hålet är i höger fil"), later(2*day)), true},
		{"the same hole, typed on a foreign keyboard", hole(), hole(north(10), saying("STORT HAL I HOGER KORFALT"), later(day)), true},
		{"the same photo under another service of the kind", hole(showing(picture)), hole(as("cycle-path"), showing(picture^0b111), north(15)), true},
		{"the same photo, not yet a report", hole(showing(picture)), hole(as(""), saying(""), showing(picture), north(15)), true},
		{"a lamp and a pothole at one place", hole(), hole(as("street-light")), false},
		{"a lamp and a pothole in one photo", hole(showing(picture)), hole(as("street-light"), showing(picture)), false},
		{"another hole, up the street", hole(), hole(north(90), saying("Asfalten lossnar vid brunnen"), later(day)), false},
		{"a hole a kilometre away, in the same words", hole(), hole(north(1000), later(30*day)), false},
		{"here, three months later, in other words", hole(saying("")), hole(saying("Trasig kant"), later(90*day), within(40)), false},
		{"kin, here, of which nothing else is known", hole(saying("")), hole(as("cycle-path"), saying("")), false},
		{"two bad positions say little", hole(saying(""), within(500)), hole(saying(""), within(500), later(day)), false},
		{"two dark photos are no photo", hole(saying(""), north(90), showing(0)), hole(saying(""), showing(1)), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := Of(tt.a, tt.b); (got >= Threshold) != tt.want {
				t.Errorf("likeness = %.3f, want one case: %v", got, tt.want)
			}
		})
	}
}

func TestWhatIsMoreAlike(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		more, less Report // compared with a hole that has an address and a photo
	}{
		{"nearer", hole(north(5)), hole(north(25))},
		{"sooner", hole(later(day)), hole(later(20 * day))},
		{"before and after are the same", hole(later(-day)), hole(later(2 * day))},
		{"the same service before kin", hole(), hole(as("cycle-path"))},
		{"no service yet before kin", hole(as("")), hole(as("cycle-path"))},
		{"kin before strangers", hole(north(80), as("cycle-path")), hole(as("litter"))},
		{"alike words", hole(saying("hål i körfältet")), hole(saying("asfalten har släppt"))},
		{"parts of a word", hole(saying("potthålet")), hole(saying("sprickan"))},
		{"no address before another one", hole(), hole(at("Rådhusgatan 40"))},
		{"the same address before none", hole(at("torggatan 12")), hole()},
		{"the same photo, smaller and brighter", hole(showing(picture ^ 0b11)), hole(showing(^picture))},
		{"far away, with a bad fix", hole(north(200), within(200)), hole(north(200), within(5))},
		{"at the place, with a good fix", hole(within(5)), hole(within(200))},
		{"an unknown accuracy is taken as usual", hole(within(0)), hole(within(60))},
	}
	about := hole(at("Torggatan 12"), showing(picture))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if more, less := Of(about, tt.more), Of(about, tt.less); more <= less {
				t.Errorf("%.4f is not above %.4f", more, less)
			}
		})
	}
}

func TestOtherPhotosSayNothing(t *testing.T) {
	t.Parallel()
	none, other := Of(hole(showing(picture)), hole()), Of(hole(showing(picture)), hole(showing(^picture)))
	if none != other {
		t.Errorf("without a photo %v, with another one %v", none, other)
	}
}

func TestTextsAreReadToABound(t *testing.T) {
	t.Parallel()
	long := make([]rune, 0, 100_000)
	for i := range cap(long) {
		long = append(long, 'a'+rune(i*i%29)%26)
	}
	if n := len(gramsOf(string(long))); n > maxRunes+2 {
		t.Errorf("%d grams are kept", n)
	}
	for _, nothing := range []string{"", " \n\t", "och i på the", "🕳️ !!", "\xff\xfe", "\u030a\u0308"} {
		if g := gramsOf(nothing); len(g) != 0 {
			t.Errorf("%q has %d grams", nothing, len(g))
		}
	}
	if a, b := gramsOf("hål"), gramsOf("ha\u030al"); a.like(b) != 1 {
		t.Error("an accent written apart makes another word")
	}
}

func TestHostileNumbers(t *testing.T) {
	t.Parallel()
	odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, 0, -1, 1e5}
	times := []time.Time{{}, monday, time.Unix(1<<62, 0), time.Unix(-1<<62, 0)}
	for _, v := range odd {
		for _, w := range odd {
			for _, when := range times {
				a := Report{Lat: v, Lon: w, AccuracyM: v, Filed: when}
				checked(t, a, hole())
				checked(t, a, Report{Lat: w, Lon: v, AccuracyM: w})
			}
		}
	}
}

// checked holds two reports against what the measure promises of any.
func checked(t *testing.T, a, b Report) {
	t.Helper()
	got, back := Of(a, b), Of(b, a)
	if !(got >= 0 && got <= 1) || got != back {
		t.Fatalf("likeness = %v, the other way round %v, of %+v and %+v", got, back, a, b)
	}
}

func FuzzOf(f *testing.F) {
	f.Add("pothole", "cycle-path", 62.39, 17.3, 62.391, 17.31, 8.0, 0.0, int64(1), int64(2), "Hål", "hålet", "Torggatan", "", uint64(3), uint64(4))
	f.Add("", "other", 90.0, 180.0, -90.0, -180.0, 1e5, -1.0, int64(math.MinInt64), int64(math.MaxInt64), "\xff", "\u030a", "i", "🕳", uint64(0), ^uint64(0))
	f.Fuzz(func(t *testing.T, s1, s2 string, lat1, lon1, lat2, lon2, acc1, acc2 float64, t1, t2 int64, w1, w2, a1, a2 string, p1, p2 uint64) {
		a := Report{s1, lat1, lon1, acc1, time.UnixMicro(t1), a1, w1, []photo.Likeness{photo.Likeness(p1)}}
		b := Report{s2, lat2, lon2, acc2, time.UnixMicro(t2), a2, w2, []photo.Likeness{photo.Likeness(p2), photo.Likeness(p1)}}
		checked(t, a, b)
		checked(t, a, a)
	})
}
