package suite

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/kantsten/kantsten/api"
	"github.com/kantsten/kantsten/api/apitest"
	"github.com/kantsten/kantsten/internal/auth"
)

func TestJurisdictionSettings(t *testing.T) {
	onBoth(t, func(t *testing.T, s *system) {
		admin, operator := s.staff(t, auth.Administrator, goteborg), s.staff(t, auth.Operator, "")
		t.Run("a refused change shows what there is", func(t *testing.T) { refusalShowsCurrent(t, admin.WithTest(t)) })
		t.Run("nobody takes a neighbour's name", func(t *testing.T) { aliasesAreTheOperators(t, admin.WithTest(t), operator.WithTest(t)) })
		t.Run("where reports go is the jurisdiction's own", func(t *testing.T) { channelIsItsOwn(t, admin.WithTest(t), operator.WithTest(t)) })
	})
}

const ofGoteborg = "/v1/jurisdictions/" + goteborg

// setting changes Göteborg on the version that it has now.
func setting(c *apitest.Client, body fields) apitest.Response {
	now := c.Get(ofGoteborg).Want(http.StatusOK)
	body["name"] = "Göteborg"
	return c.With("If-Match", now.Header.Get("ETag")).Send(http.MethodPut, ofGoteborg, body)
}

func refusalShowsCurrent(t *testing.T, admin *apitest.Client) {
	setting(admin, fields{"channel": "email", "email": "desk@example.org"}).Want(http.StatusOK)
	body := fields{"name": "Göteborg", "channel": "web"}
	for _, res := range []apitest.Response{
		admin.Send(http.MethodPut, ofGoteborg, body).Want(http.StatusPreconditionRequired),
		admin.With("If-Match", `"99"`).Send(http.MethodPut, ofGoteborg, body).Want(http.StatusPreconditionFailed),
	} {
		var met struct{ Current api.Jurisdiction }
		if err := json.Unmarshal(res.Body, &met); err != nil || met.Current.Code != goteborg || met.Current.Email != "desk@example.org" {
			t.Errorf("%d shows %+v (%v)", res.Status, met.Current, err)
		}
	}
}

func aliasesAreTheOperators(t *testing.T, admin, operator *apitest.Client) {
	settings := func(aliases ...string) fields {
		return fields{"channel": "email", "email": "desk@example.org", "aliases": aliases}
	}
	setting(admin, settings("molndal.se")).Want(http.StatusForbidden)
	setting(operator, settings("goteborg.se")).Want(http.StatusOK)
	setting(admin, settings("goteborg.se")).Want(http.StatusOK)
	setting(admin, fields{"channel": "email", "email": "desk@example.org"}).Want(http.StatusOK) // its own it may give back
	setting(admin, settings("goteborg.se")).Want(http.StatusForbidden)
}

// The operator has no right to contact details, which is what reports carry.
func channelIsItsOwn(t *testing.T, admin, operator *apitest.Client) {
	setting(operator, fields{"channel": "email", "email": "operator@example.org"}).Want(http.StatusForbidden)
	setting(operator, fields{"channel": "none"}).Want(http.StatusForbidden)
	setting(admin, fields{"channel": "none"}).Want(http.StatusOK)
	setting(operator, fields{"channel": "web"}).Want(http.StatusOK) // nobody has chosen
}
