package backup

import (
	"math"
	"reflect"
	"strings"
	"testing"
)

var everyType = []Column{{"t", Text}, {"i", Int}, {"f", Float}, {"b", Bool}}

func TestValuesComeBackExactly(t *testing.T) {
	t.Parallel()
	for _, row := range []Row{
		{"", int64(0), 0.0, false},
		{nil, nil, nil, nil},
		{"å \"<&>\" \u2028 🕳 \x00 \n", int64(math.MaxInt64), 1.0 / 3, true},
		{"not UTF-8: \xff\xfe", int64(math.MinInt64), math.Copysign(0, -1), true},
		{`{"base64":"eA=="}`, int64(1 << 53), math.MaxFloat64, true},
		{"null", int64(-1), math.SmallestNonzeroFloat64, false},
		{"62.39080000000001", int64(1<<53 + 1), 62.390800000000006, false},
	} {
		line, err := encodeRow(row)
		if err != nil {
			t.Errorf("encode %q: %v", row, err)
			continue
		}
		if strings.Count(string(line), "\n") != 1 {
			t.Errorf("%q is not one line", line)
		}
		got, err := decodeRow(line, everyType)
		if err != nil || !reflect.DeepEqual(got, row) || got[2] != nil && math.Signbit(got[2].(float64)) != math.Signbit(row[2].(float64)) {
			t.Errorf("%q came back as %q, %v", row, got, err)
		}
	}
	for _, lost := range []float64{math.NaN(), math.Inf(1)} {
		if line, err := encodeRow(Row{lost}); err == nil {
			t.Errorf("%v was written as %s", lost, line)
		}
	}
}

func TestOnlyWhatTheColumnHoldsIsTaken(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		``, `[`, `{}`, `null`, `[]`, `["",1,1,true,1]`, `[1,1,1,true]`, `["","1",1,true]`, `["",1.5,1,true]`, `["",1,"1",true]`, `["",1,1,1]`,
		`["",1,1,"true"]`, `["",9223372036854775808,1,true]`, `["",1,1e999,true]`, `[{"base64":"?"},1,1,true]`, `[{"x":1},1,1,true]`,
		`[[],1,1,true]`, `["",1,1,true] []`, `["",1,[],true]`,
	} {
		if row, err := decodeRow([]byte(line), everyType); err == nil {
			t.Errorf("%s was read as %v", line, row)
		}
	}
}

func FuzzDecodeRow(f *testing.F) {
	f.Add([]byte(`["x",1,1.5,true]`))
	f.Add([]byte(`[null,null,null,null]`))
	f.Add([]byte(`[{"base64":"/w=="},-9223372036854775808,-0,false]`))
	f.Fuzz(func(t *testing.T, line []byte) {
		row, err := decodeRow(line, everyType)
		if err != nil {
			return
		}
		again, err := encodeRow(row)
		if err != nil {
			t.Fatalf("%q cannot be written: %v", row, err)
		}
		same, err := decodeRow(again, everyType)
		if err != nil || !reflect.DeepEqual(row, same) {
			t.Errorf("%q came back as %q, %v", row, same, err)
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"format":1,"schema":1,"tables":[{"name":"reports","lines":1,"bytes":1,"sha256":""}]}`))
	f.Add([]byte(`{"format":1,"schema":1,"tables":[{"name":"../x"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseManifest(data)
		if err != nil {
			return
		}
		for _, table := range m.Tables {
			if strings.ContainsAny(table.path()[len("tables/"):], `/\`+"\x00") || strings.Contains(table.path(), "..") {
				t.Errorf("%q leads elsewhere", table.path())
			}
		}
	})
}
