package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/tenant"
)

// Access is how to get into the demo: what demo.json holds.
type Access struct {
	BaseURL    string  `json:"base_url"`
	Open311Key string  `json:"open311_key"` // files for every jurisdiction
	Staff      []Staff `json:"staff"`
}

// Staff is one member of the demo's staff, already signed in.
type Staff struct {
	Email        string `json:"email"`
	Role         string `json:"role"`
	Jurisdiction string `json:"jurisdiction"` // "" for the operator
	Token        string `json:"token"`
}

// staffed are the municipalities that have staff in the demo.
var staffed = []string{"2281", "0180"}

// Seeder fills an empty installation through the domain's own doors, so that
// nothing in the demo could not have come about by use.
type Seeder struct {
	Tenants *tenant.Service
	Auth    *auth.Service
	Reports *report.Service
	BaseURL string
	File    string // where the access is kept, mode 0600
}

// Seed opens every municipality's own queue, makes staff and keys and files the
// first reports; done says whether that has happened before. Either way it
// returns an access that works, and keeps it in the file: complete, or not there.
func (s *Seeder) Seed(ctx context.Context, done bool) (Access, error) {
	access, err := s.kept()
	if err != nil {
		return Access{}, err
	}
	if !done {
		if err := s.openQueues(ctx); err != nil {
			return Access{}, err
		}
		if err := s.fileReports(ctx); err != nil {
			return Access{}, err
		}
	}
	access.BaseURL = s.BaseURL
	if err := s.renewKey(ctx, &access); err != nil {
		return Access{}, err
	}
	if err := s.renewStaff(ctx, &access); err != nil {
		return Access{}, err
	}
	return access, s.keep(access)
}

// kept reads the access of an earlier start.
func (s *Seeder) kept() (Access, error) {
	var access Access
	b, err := os.ReadFile(s.File)
	if errors.Is(err, fs.ErrNotExist) {
		return access, nil
	}
	if err != nil {
		return access, fmt.Errorf("read the demo's access: %w", err)
	}
	if err := json.Unmarshal(b, &access); err != nil {
		return Access{}, nil // written by hand or cut short: made anew
	}
	return access, nil
}

// keep writes the access, complete or not at all.
func (s *Seeder) keep(access Access) error {
	b, err := json.MarshalIndent(access, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the demo's access: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(s.File), ".demo-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write the demo's access: %w", err)
	}
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), s.File)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the demo's access: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// openQueues gives every municipality the queue in Kantsten itself.
func (s *Seeder) openQueues(ctx context.Context) error {
	js, err := s.Tenants.List(ctx)
	if err != nil {
		return fmt.Errorf("list the demo's jurisdictions: %w", err)
	}
	for _, j := range js {
		if j.Channel != tenant.None {
			continue
		}
		j.Channel = tenant.Web
		if _, err := s.Tenants.Put(ctx, j); err != nil {
			return fmt.Errorf("open the queue of %s: %w", j.Code, err)
		}
	}
	return nil
}

// renewKey makes the key unless the kept one still works.
func (s *Seeder) renewKey(ctx context.Context, access *Access) error {
	if _, err := s.Auth.AuthenticateKey(ctx, access.Open311Key); err == nil {
		return nil
	}
	_, secret, err := s.Auth.CreateKey(ctx, auth.Itself(), auth.KeyRequest{Name: "demo", Scopes: []auth.Scope{auth.ScopeOpen311}})
	if err != nil {
		return fmt.Errorf("make the demo's key: %w", err)
	}
	access.Open311Key = secret
	return nil
}

// renewStaff signs the staff in whose kept sessions have ended, which is all of
// them at the first start.
func (s *Seeder) renewStaff(ctx context.Context, access *Access) error {
	tokens := map[string]string{}
	for _, m := range access.Staff {
		tokens[m.Email] = m.Token
	}
	access.Staff = nil
	for _, m := range members() {
		m.Token = tokens[m.Email]
		if _, err := s.Auth.Authenticate(ctx, m.Token); err != nil {
			if m.Token, err = s.signIn(ctx, m); err != nil {
				return err
			}
		}
		access.Staff = append(access.Staff, m)
	}
	return nil
}

func (s *Seeder) signIn(ctx context.Context, m Staff) (string, error) {
	_, secret, err := s.Auth.Invite(ctx, auth.Itself(), auth.InviteRequest{
		Grant: auth.Grant{Role: auth.Role(m.Role), Jurisdiction: m.Jurisdiction}, Email: m.Email, Language: "sv",
	})
	if err != nil {
		return "", fmt.Errorf("invite the demo's %s: %w", m.Role, err)
	}
	_, token, err := s.Auth.Accept(ctx, secret)
	if err != nil {
		return "", fmt.Errorf("sign the demo's %s in: %w", m.Role, err)
	}
	return token, nil
}

// members lists the demo's staff. Their addresses end in .invalid, which no mail
// ever reaches (RFC 2606).
func members() []Staff {
	all := []Staff{{Email: "operator@demo.invalid", Role: string(auth.Operator)}}
	for _, code := range staffed {
		for _, role := range []auth.Role{auth.Crew, auth.Handler, auth.Administrator} {
			all = append(all, Staff{Email: string(role) + "." + code + "@demo.invalid", Role: string(role), Jurisdiction: code})
		}
	}
	return all
}
