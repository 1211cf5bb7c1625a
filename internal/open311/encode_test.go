package open311

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	noon  = time.Date(2026, 1, 31, 13, 0, 0, 999, time.FixedZone("", 3600)) // 12:00:00Z and a fraction
	later = noon.Add(time.Hour)
)

// hostile is text that breaks naive writers and readers.
const hostile = "  å 😀 <b>&amp;\"'</b> ]]>\n\ttwo\r\nlines \u2028"

func encode(t *testing.T, f Format, d Document) string {
	t.Helper()
	var b strings.Builder
	if err := Encode(&b, f, d); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// documents has each document with nothing, one and several of everything.
func documents() map[string]Document {
	full := Request{
		ID: "2281-2026-000123", Closed: true, StatusNotes: "Lagad", ServiceName: "Potthål", ServiceCode: "pothole",
		Description: hostile, AgencyResponsible: "Sundsvall", ServiceNotice: "Tack", Requested: noon, Updated: later,
		Expected: later, Address: "Storgatan 1", AddressID: "7", Zipcode: "852 30", Lat: 62.3908, Long: 17.3069,
		MediaURL: "https://example.org/a.jpg?x=1&y=2",
	}
	return map[string]Document{
		"discovery":           Discovery{noon, "a@example.org", "Ask us", []Endpoint{{"https://example.org/open311/v2", noon, "production", nil}, {"https://example.org/test", noon, "test", []string{"text/xml"}}}},
		"discovery, empty":    Discovery{},
		"services":            Services{{"pothole", "Potthål", hostile, true, "", []string{"grop", "hål"}, "Gator"}, {Code: "bin", Type: "batch"}},
		"services, none":      Services(nil),
		"definition":          ServiceDefinition{"pothole", []Attribute{{true, "size", "singlevaluelist", true, "Välj", "Hur stort?", []Value{{"s", "Litet"}}}, {false, "note", "string", true, "Upplysning", "Ring 112", nil}, {true, "all", "multivaluelist", false, "Välj", "Vad?", nil}}},
		"definition, none":    ServiceDefinition{ServiceCode: "bin"},
		"requests":            Requests{full, {ID: "2", Requested: noon, Lat: 59, Long: -1e-7}},
		"requests, one":       Requests{{ID: "1", Lat: math.NaN(), Long: math.Inf(1), Zipcode: "001"}},
		"requests, none":      Requests{},
		"created":             Created{{ID: "001", Token: "not written", ServiceNotice: "Tack", AccountID: ""}},
		"created, with token": Created{{Token: "t"}},
		"tokens":              Tokens{{ID: "1", Token: "t"}},
		"tokens, unfinished":  Tokens{{Token: "t"}},
		"errors":              Errors{{403, "Wrong api_key"}, {400, ""}},
		"errors, none":        Errors{},
	}
}

func TestRule7To11SparkOfTheXMLIsTheJSON(t *testing.T) {
	t.Parallel()
	for name, d := range documents() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fromXML := spark(t, encode(t, XML, d))
			dec := json.NewDecoder(strings.NewReader(encode(t, JSON, d)))
			dec.UseNumber()
			var fromJSON any
			if err := dec.Decode(&fromJSON); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(fromXML, fromJSON); diff != "" {
				t.Errorf("Spark(XML) is not the JSON (-XML +JSON):\n%s", diff)
			}
		})
	}
}

func TestDocumentsByteForByte(t *testing.T) {
	t.Parallel()
	const head = `<?xml version="1.0" encoding="utf-8"?>` + "\n"
	tests := []struct{ name, xml, json string }{
		{"services, none", `<services/>`, `[]`},
		{"requests, none", `<service_requests/>`, `[]`},
		{"errors",
			`<errors><error><code>403</code><description>Wrong api_key</description></error><error><code>400</code><description>Bad Request</description></error></errors>`,
			`[{"code":403,"description":"Wrong api_key"},{"code":400,"description":"Bad Request"}]`},
		{"created",
			`<service_requests><request><service_request_id>001</service_request_id><service_notice>Tack</service_notice><account_id/></request></service_requests>`,
			`[{"service_request_id":"001","service_notice":"Tack","account_id":null}]`},
		{"created, with token",
			`<service_requests><request><token>t</token><service_notice/><account_id/></request></service_requests>`,
			`[{"token":"t","service_notice":null,"account_id":null}]`},
		{"tokens",
			`<service_requests><request><service_request_id>1</service_request_id><token>t</token></request></service_requests>`,
			`[{"service_request_id":"1","token":"t"}]`},
		{"tokens, unfinished", `<service_requests><request><token>t</token></request></service_requests>`, `[{"token":"t"}]`},
		{"definition, none",
			`<service_definition><service_code>bin</service_code><attributes/></service_definition>`,
			`{"service_code":"bin","attributes":[]}`},
		{"requests, one", // rules 99, 100, 103: what is unknown is empty, the four "?" fields are not there
			`<service_requests><request><service_request_id>1</service_request_id><status>open</status><service_name/><service_code/><description/><requested_datetime/><updated_datetime/><address/><address_id/><zipcode>001</zipcode><lat/><long/><media_url/></request></service_requests>`,
			`[{"service_request_id":"1","status":"open","service_name":null,"service_code":null,"description":null,"requested_datetime":null,"updated_datetime":null,"address":null,"address_id":null,"zipcode":"001","lat":null,"long":null,"media_url":null}]`},
		{"definition", // rules 60–65
			`<service_definition><service_code>pothole</service_code><attributes>` +
				`<attribute><variable>true</variable><code>size</code><datatype>singlevaluelist</datatype><required>true</required><datatype_description>Välj</datatype_description><order>1</order><description>Hur stort?</description><values><value><key>s</key><name>Litet</name></value></values></attribute>` +
				`<attribute><variable>false</variable><code>note</code><datatype>string</datatype><required>false</required><datatype_description>Upplysning</datatype_description><order>2</order><description>Ring 112</description></attribute>` +
				`<attribute><variable>true</variable><code>all</code><datatype>multivaluelist</datatype><required>false</required><datatype_description>Välj</datatype_description><order>3</order><description>Vad?</description><values/></attribute>` +
				`</attributes></service_definition>`,
			`{"service_code":"pothole","attributes":[` +
				`{"variable":true,"code":"size","datatype":"singlevaluelist","required":true,"datatype_description":"Välj","order":1,"description":"Hur stort?","values":[{"key":"s","name":"Litet"}]},` +
				`{"variable":false,"code":"note","datatype":"string","required":false,"datatype_description":"Upplysning","order":2,"description":"Ring 112"},` +
				`{"variable":true,"code":"all","datatype":"multivaluelist","required":false,"datatype_description":"Välj","order":3,"description":"Vad?","values":[]}]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := documents()[tt.name]
			if diff := cmp.Diff(head+tt.xml+"\n", encode(t, XML, d)); diff != "" {
				t.Errorf("XML (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.json+"\n", encode(t, JSON, d)); diff != "" {
				t.Errorf("JSON (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatTheDocumentsSay(t *testing.T) {
	t.Parallel()
	tests := []struct{ rule, name, want string }{
		{"45, 46, 48: discovery", "discovery", `<endpoints><endpoint><specification>http://wiki.open311.org/GeoReport_v2</specification><url>https://example.org/open311/v2</url><changeset>2026-01-31T12:00:00Z</changeset><type>production</type><formats><format>text/xml</format><format>application/json</format></formats></endpoint>`},
		{"52–54: real defaults, one string of keywords", "services", `<metadata>true</metadata><type>realtime</type><keywords>grop,hål</keywords><group>Gator</group>`},
		{"6: CR survives, line breaks stay", "services", "\n\ttwo&#xD;\nlines"},
		{"32, 102: whole seconds in UTC", "requests", `<requested_datetime>2026-01-31T12:00:00Z</requested_datetime><updated_datetime>2026-01-31T13:00:00Z</updated_datetime><expected_datetime>2026-01-31T13:00:00Z</expected_datetime>`},
		{"102: updated is never before requested", "requests", `<requested_datetime>2026-01-31T12:00:00Z</requested_datetime><updated_datetime>2026-01-31T12:00:00Z</updated_datetime><address/>`},
		{"103: a point and no exponent", "requests", `<lat>59.0</lat><long>-0.0000001</long>`},
		{"104: zipcode without space", "requests", `<zipcode>85230</zipcode>`},
		{"101: status", "requests", `<status>closed</status><status_notes>Lagad</status_notes>`},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			if got := encode(t, XML, documents()[tt.name]); !strings.Contains(got, tt.want) {
				t.Errorf("%s\nis not in\n%s", tt.want, got)
			}
		})
	}
}

func TestRule6IllegalCharactersAreLeftOut(t *testing.T) {
	t.Parallel()
	d := Errors{{400, "a\x00b\x08c\x1fd\uFFFEe\uFFFFf\xffg"}}
	const want = "abcdef\uFFFDg"
	for _, got := range []any{spark(t, encode(t, XML, d)), jsonValue(t, encode(t, JSON, d))} {
		if text := got.([]any)[0].(map[string]any)["description"]; text != want {
			t.Errorf("description = %q, want %q", text, want)
		}
	}
	if got := encode(t, JSON, Created{{ID: "\x01"}}); !strings.Contains(got, `"service_request_id":null`) {
		t.Errorf("an id of illegal characters only: %s", got)
	}
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	if XML.ContentType() != "text/xml; charset=utf-8" || JSON.ContentType() != "application/json; charset=utf-8" {
		t.Error("rules 2 and 3: validators compare the string")
	}
}

func TestEncodeReturnsTheWritersError(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Encode(w, XML, Services{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error = %v", err)
	}
}

func FuzzTextSurvivesBothEncodings(f *testing.F) {
	f.Add(hostile)
	f.Add("\x00]]>\xff\r")
	f.Fuzz(func(t *testing.T, s string) {
		d := Errors{{400, "x" + s}}
		want := "x" + legal(s)
		for _, got := range []any{spark(t, encode(t, XML, d)), jsonValue(t, encode(t, JSON, d))} {
			if text := got.([]any)[0].(map[string]any)["description"]; text != want {
				t.Errorf("description = %q, want %q", text, want)
			}
		}
	})
}

func BenchmarkEncode1000Requests(b *testing.B) {
	all := slices.Repeat(documents()["requests"].(Requests)[:1], 1000)
	for _, format := range []Format{XML, JSON} {
		b.Run(string(format), func(b *testing.B) {
			for b.Loop() {
				if err := Encode(io.Discard, format, all); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func jsonValue(t *testing.T, s string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// spark reads XML by the conversion that GeoReport names: the root vanishes, the
// known containers become arrays, the known elements booleans and numbers, and
// an empty element null.
func spark(t *testing.T, doc string) any {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(doc))
	for {
		tok, err := dec.Token()
		if err != nil {
			t.Fatalf("read %s: %v", doc, err)
		}
		if start, ok := tok.(xml.StartElement); ok {
			v := sparkElement(t, dec, start, "")
			for { // nothing may follow the root
				if _, err := dec.Token(); errors.Is(err, io.EOF) {
					return v
				} else if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func sparkElement(t *testing.T, dec *xml.Decoder, start xml.StartElement, parent string) any {
	t.Helper()
	if len(start.Attr) > 0 || start.Name.Space != "" {
		t.Fatalf("rule 5: attributes or a namespace on %v", start)
	}
	var words strings.Builder
	children := map[string]any{}
	items := []any{}
	for {
		tok, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			v := sparkElement(t, dec, tok, start.Name.Local)
			children[tok.Name.Local] = v
			items = append(items, v)
		case xml.CharData:
			words.Write(tok)
		case xml.EndElement:
			return sparkValue(start.Name.Local, parent, words.String(), children, items)
		}
	}
}

func sparkValue(name, parent, text string, children map[string]any, items []any) any {
	switch name {
	case "services", "service_requests", "errors", "attributes", "values", "endpoints", "formats":
		return items
	}
	switch {
	case len(items) > 0:
		return children
	case text == "":
		return nil
	}
	switch name {
	case "metadata", "variable", "required":
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	case "lat", "long", "order":
		return json.Number(text)
	case "code":
		if parent == "error" {
			return json.Number(text)
		}
	}
	return text
}
