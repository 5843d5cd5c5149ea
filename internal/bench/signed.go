package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
)

// people is how many administrators log in and sign. Several clients may be one of them:
// their passkeys do not count.
const people = 32

// person is a registered administrator with a passkey.
type person struct {
	username string
	passkey  *authenticator.Credential
	token    string
}

// measureSigned lets registered people log in, and make calls that they sign. It returns those of
// the first contender, with their sessions.
func (d *databaseReport) measureSigned(ctx context.Context, set settings, contenders []contender) ([]*person, error) {
	all := make([][]*person, len(contenders))
	for k, c := range contenders {
		for i := range people {
			p, err := c.server.administrator(ctx, c.target, i)
			if err != nil {
				return nil, err
			}
			all[k] = append(all[k], p)
		}
		logIn := func(ctx context.Context, w *worker, i int) error { return w.logIn(ctx, all[k][i]) }
		if _, err := c.target.run(ctx, 1, people, logIn); err != nil { // everybody has a session then
			return nil, err
		}
	}
	made := 0
	for _, c := range set.concurrency {
		n := set.count(c) / set.rounds
		progress("%s: %d logins and as many countersigned calls at concurrency %d", d.kind, set.count(c), c)
		s := signedRow{concurrency: c}
		loads := [][2]*load{{&s.logins, &s.calls}, {&s.loginsBefore, &s.callsBefore}}
		for round := range set.rounds {
			for turn := range contenders {
				k := (round + turn) % len(contenders)
				t := contenders[k].target
				l, err := t.run(ctx, c, n, func(ctx context.Context, w *worker, i int) error {
					// A login gives a token; here the one from before is kept, so that nobody waits
					// for another client that logs the same person in.
					p := *all[k][i%people]
					return w.logIn(ctx, &p)
				})
				if err != nil {
					return nil, err
				}
				loads[k][0].add(l)
				l, err = t.run(ctx, c, n, func(ctx context.Context, w *worker, i int) error {
					return w.createUser(ctx, all[k][i%people], made+i)
				})
				if err != nil {
					return nil, err
				}
				loads[k][1].add(l)
			}
			made += n
		}
		d.signed = append(d.signed, s)
	}
	return all[0], nil
}

// administrator invites and registers one.
func (s *server) administrator(ctx context.Context, t *target, i int) (*person, error) {
	p := &person{username: fmt.Sprintf("administrator-%d@example.org", i)}
	out, err := s.command(ctx, "user", "invite", "--org", s.orgID, "--username", p.username, "--administrator", "--json")
	if err != nil {
		return nil, err
	}
	var invited struct {
		RegistrationCode string `json:"registrationCode"`
	}
	if err := json.Unmarshal(out, &invited); err != nil {
		return nil, err
	}
	c := client{addr: t.process.addr, host: t.host}
	defer c.close()
	var challenge api.RegistrationChallenge
	if err := c.exchange(ctx, "/auth/registration/init", "", api.InitRegistrationRequest{OrgID: s.orgID, Username: p.username,
		RegistrationCode: invited.RegistrationCode}, &challenge); err != nil {
		return nil, err
	}
	var made api.CredentialAttestation
	if made, p.passkey, err = authenticator.New().Create(challenge, authenticator.Options{Origin: "http://" + t.host}); err != nil {
		return nil, err
	}
	return p, c.exchange(ctx, "/auth/registration", challenge.TemporaryAuthenticationToken,
		api.RegistrationRequest{FirstFactorCredential: &made}, nil)
}

// exchange posts what is not measured.
func (c *client) exchange(ctx context.Context, path, bearer string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	status, answer, err := c.post(ctx, path, bearer, body)
	if err == nil && status != 200 {
		err = fmt.Errorf("%s answered %d: %s", path, status, clip(answer))
	}
	if err == nil && out != nil {
		err = json.Unmarshal(answer, out)
	}
	return err
}

func (w *worker) logIn(ctx context.Context, p *person) error {
	b := append(w.body[:0], `{"orgId":"`...)
	b = append(b, w.target.orgID...)
	b = append(b, `","username":"`...)
	b = append(b, p.username...)
	w.body = append(b, `"}`...)
	if err := w.answer(ctx, "/auth/login/init", "/auth/login", "", p, `"token":"`); err != nil {
		return err
	}
	p.token = string(w.token)
	return nil
}

// createUser makes user number i, in the three requests that SDKs make of it.
func (w *worker) createUser(ctx context.Context, p *person, i int) error {
	b := append(w.body[:0], `{"userActionHttpMethod":"POST","userActionHttpPath":"/auth/users","userActionPayload":"{\"email\":\"made-`...)
	b = strconv.AppendInt(b, int64(i), 10)
	w.body = append(b, `@example.org\",\"kind\":\"CustomerEmployee\"}"}`...)
	if err := w.answer(ctx, "/auth/action/init", "/auth/action", p.token, p, `"userAction":"`); err != nil {
		return err
	}
	b = append(w.body[:0], `{"email":"made-`...)
	b = strconv.AppendInt(b, int64(i), 10)
	w.body = append(b, `@example.org","kind":"CustomerEmployee"}`...)
	status, answer, err := w.client.postSigned(ctx, "/auth/users", p.token, string(w.token), w.body)
	if err == nil && (status != 200 || !bytes.Contains(answer, []byte(`"userId":"us-`))) {
		err = fmt.Errorf("the signed call answered %d: %s", status, clip(answer))
	}
	return err
}

// answer posts w.body to init, signs the challenge that comes, posts the signature and
// keeps the text of the named member in w.token.
func (w *worker) answer(ctx context.Context, init, complete, bearer string, p *person, result string) error {
	status, answer, err := w.client.post(ctx, init, bearer, w.body)
	if err != nil {
		return err
	}
	if status != 200 {
		return fmt.Errorf("%s answered %d: %s", init, status, clip(answer))
	}
	var ok, okToken bool
	w.challenge, ok = member(w.challenge, answer, `"challenge":"`)
	w.token, okToken = member(w.token, answer, `"challengeIdentifier":"`)
	if !ok || !okToken {
		return fmt.Errorf("%s answered without a challenge: %s", init, clip(answer))
	}
	a, err := p.passkey.Assert(string(w.challenge), authenticator.Options{Origin: "http://" + w.target.host})
	if err != nil {
		return err
	}
	b64 := base64.RawURLEncoding
	b := append(w.body[:0], `{"challengeIdentifier":"`...)
	b = append(b, w.token...)
	b = append(b, `","firstFactor":{"kind":"Fido2","credentialAssertion":{"credId":"`...)
	b = b64.AppendEncode(b, a.CredentialID)
	b = append(b, `","clientData":"`...)
	b = b64.AppendEncode(b, a.ClientDataJSON)
	b = append(b, `","authenticatorData":"`...)
	b = b64.AppendEncode(b, a.AuthenticatorData)
	b = append(b, `","signature":"`...)
	b = b64.AppendEncode(b, a.Signature)
	b = append(b, `","userHandle":"`...)
	b = b64.AppendEncode(b, a.UserHandle)
	w.body = append(b, `"}}}`...)
	if status, answer, err = w.client.post(ctx, complete, bearer, w.body); err != nil {
		return err
	}
	if w.token, ok = member(w.token, answer, result); status != 200 || !ok {
		return fmt.Errorf("%s answered %d: %s", complete, status, clip(answer))
	}
	return nil
}
