package api_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"mime/multipart"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// arrays are the elements that JSON shows as arrays (rule 7).
var arrays = []string{"services", "attributes", "values", "service_requests", "errors", "endpoints", "formats"}

// spark reads an XML document by the Spark convention: the root vanishes, an
// empty element is nil, containers are arrays, text stays text.
func spark(t *testing.T, doc []byte) (root string, value any) {
	t.Helper()
	if !strings.HasPrefix(string(doc), `<?xml version="1.0" encoding="utf-8"?>`) {
		t.Errorf("rule 4: the document begins %.60q", doc)
	}
	d := xml.NewDecoder(bytes.NewReader(doc))
	for {
		token, err := d.Token()
		must(t, err)
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		value = sparkElement(t, d, start)
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				return start.Name.Local, value
			}
			must(t, err)
			if text, ok := token.(xml.CharData); !ok || strings.TrimSpace(string(text)) != "" {
				t.Fatalf("%v after the root", token)
			}
		}
	}
}

func sparkElement(t *testing.T, d *xml.Decoder, start xml.StartElement) any {
	t.Helper()
	if len(start.Attr) > 0 || start.Name.Space != "" {
		t.Errorf("rule 5: <%s> has attributes or a namespace", start.Name.Local)
	}
	object, array, text := map[string]any{}, []any{}, ""
	for {
		token, err := d.Token()
		must(t, err)
		switch e := token.(type) {
		case xml.StartElement:
			v := sparkElement(t, d, e)
			object[e.Name.Local], array = v, append(array, v)
		case xml.CharData:
			text += string(e)
		case xml.EndElement:
			switch {
			case slices.Contains(arrays, start.Name.Local):
				return array
			case len(object) > 0:
				if len(object) != len(array) {
					t.Errorf("<%s> repeats a child", start.Name.Local)
				}
				return object
			case text == "":
				return nil
			}
			return text
		}
	}
}

// document reads an answer in either format by the rules on Content-Type.
func (a answer) document(t *testing.T) any {
	t.Helper()
	switch got := a.Header.Get("Content-Type"); got {
	case "text/xml; charset=utf-8": // rule 2
		_, value := spark(t, a.Body)
		return value
	case "application/json; charset=utf-8": // rule 3
		var value any
		d := json.NewDecoder(bytes.NewReader(a.Body))
		d.UseNumber()
		must(t, d.Decode(&value))
		for _, fault := range typeFaults(value) {
			t.Errorf("rules 9, 10, 108: %s in %.300s", fault, a.Body)
		}
		return value
	default:
		t.Fatalf("Content-Type %q, status %d, body %.200q", got, a.Status, a.Body)
		return nil
	}
}

// asText turns JSON's numbers and booleans into the text that XML has for them.
func asText(v any) any {
	switch v := v.(type) {
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return "false"
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = asText(v[i])
		}
		return all
	case map[string]any:
		all := make(map[string]any, len(v))
		for k := range v {
			all[k] = asText(v[k])
		}
		return all
	}
	return v
}

// get reads a path, which is below /open311.
func (sys *system) get(path string, headers ...string) answer {
	sys.t.Helper()
	req := sys.request("GET", "/open311"+path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return sys.send(req)
}

// both reads a resource in both formats, holds them against each other (rule
// 127) and returns the JSON.
func (sys *system) both(t *testing.T, path, query string) any {
	t.Helper()
	x, j := sys.get(path+".xml"+query), sys.get(path+".json"+query)
	if x.Status != 200 || j.Status != 200 {
		t.Fatalf("%s%s: status %d and %d: %s", path, query, x.Status, j.Status, j.Body)
	}
	doc := j.document(t)
	if inXML := x.document(t); !reflect.DeepEqual(inXML, asText(doc)) {
		t.Errorf("rule 127: %s%s differs:\nXML  %v\nJSON %v", path, query, inXML, asText(doc))
	}
	return doc
}

// pothole are the fields of a good post by the key that files everywhere, with
// changes: pairs of name and value; an empty value takes the field away.
func (sys *system) pothole(changes ...string) url.Values {
	form := url.Values{
		"api_key": {sys.AnyKey}, "service_code": {"pothole"}, "lat": {sundsvallLat}, "long": {sundsvallLong},
		"description": {"Ett hål"},
	}
	for i := 0; i+1 < len(changes); i += 2 {
		if form.Del(changes[i]); changes[i+1] != "" {
			form.Set(changes[i], changes[i+1])
		}
	}
	return form
}

// post sends a form to requests.json.
func (sys *system) post(form url.Values, headers ...string) answer {
	sys.t.Helper()
	return sys.postTo("/v2/requests.json", form, headers...)
}

func (sys *system) postTo(path string, form url.Values, headers ...string) answer {
	sys.t.Helper()
	req := sys.request("POST", "/open311"+path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return sys.send(req)
}

// filed posts a form that must be taken and returns its service_request_id.
func (sys *system) filed(t *testing.T, form url.Values, headers ...string) string {
	t.Helper()
	a := sys.post(form, headers...)
	if a.Status != 200 {
		t.Fatalf("status %d: %s", a.Status, a.Body)
	}
	id, _ := only(t, a.document(t))["service_request_id"].(string)
	if id == "" {
		t.Fatalf("no id: %s", a.Body)
	}
	return id
}

// multipartBody is a body of fields and files, with its boundary.
func multipartBody(t *testing.T, fields url.Values, files map[string][]byte) (body []byte, boundary string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, values := range fields {
		for _, v := range values {
			must(t, w.WriteField(name, v))
		}
	}
	for name, data := range files {
		part, err := w.CreateFormFile(name, "picture.jpg")
		must(t, err)
		_, err = part.Write(data)
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes(), w.Boundary()
}

// postMultipart sends fields and files to requests.json.
func (sys *system) postMultipart(t *testing.T, fields url.Values, files map[string][]byte) answer {
	t.Helper()
	body, boundary := multipartBody(t, fields, files)
	req := sys.request("POST", "/open311/v2/requests.json", bytes.NewReader(body))
	req.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	return sys.send(req)
}

// only returns the one object of an array.
func only(t *testing.T, doc any) map[string]any {
	t.Helper()
	all := list(t, doc)
	if len(all) != 1 {
		t.Fatalf("want an array of one, got %v", doc)
	}
	return all[0]
}

// list returns an array of objects.
func list(t *testing.T, doc any) []map[string]any {
	t.Helper()
	all, ok := doc.([]any)
	if !ok {
		t.Fatalf("want an array, got %v", doc)
	}
	objects := make([]map[string]any, len(all))
	for i := range all {
		if objects[i], ok = all[i].(map[string]any); !ok {
			t.Fatalf("want an object, got %v", all[i])
		}
	}
	return objects
}

// row reads one request by its id, in both formats.
func (sys *system) row(t *testing.T, id string) map[string]any {
	t.Helper()
	return only(t, sys.both(t, "/v2/requests/"+url.PathEscape(id), ""))
}

// ids lists the service_request_ids that a query finds, in order.
func (sys *system) ids(t *testing.T, query string) []string {
	t.Helper()
	ids := []string{}
	for _, r := range list(t, sys.both(t, "/v2/requests", query)) {
		ids = append(ids, r["service_request_id"].(string))
	}
	return ids
}

// faults returns the descriptions of an errors document, each with its code
// before it, and checks its form (rules 35 to 39).
func (a answer) faults(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, e := range list(t, a.document(t)) {
		code, description := asText(e["code"]), e["description"]
		if _, number := e["code"].(json.Number); number != strings.Contains(a.Header.Get("Content-Type"), "json") {
			t.Errorf("rule 11: in JSON the code is a number: %v", e)
		}
		text, ok := description.(string)
		if !ok || text == "" || len(e) != 2 {
			t.Errorf("rule 38: %v", e)
		}
		all = append(all, code.(string)+" "+text)
	}
	if len(all) == 0 {
		t.Errorf("an errors document without errors: %s", a.Body)
	}
	if a.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Error("rule 18: no Access-Control-Allow-Origin")
	}
	return all
}
