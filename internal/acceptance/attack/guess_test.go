package attack_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

const nobodysCode = "ABCD-EFGH-JKMN-PQRS-TVWX"

// strangers returns invitations that open nothing, each for another reason.
func strangers(t *testing.T, h *world.Organisation) map[string]api.InitRegistrationRequest {
	t.Helper()
	elsewhere := h.OrganisationWith(t, organisation.New{Name: "Difference Engines"})
	invited, registered, revoked, expired, foreign := h.Invitee(t), h.Invitee(t), h.Invitee(t), h.Invitee(t), h.InviteeOf(t, elsewhere)
	registered.Registers(t)
	if err := h.DB.Write(context.Background(), func(tx *store.Tx) error {
		tx.RevokeCode(revoked.CodeID, revoked.OrgID, store.CodeRevoked, h.Clock.Now(), nil)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	expired.Invitation = h.InviteFor(t, h.Org.ID, expired.Username, time.Second)
	time.Sleep(1100 * time.Millisecond)
	in := func(org, name, code string) api.InitRegistrationRequest {
		return api.InitRegistrationRequest{OrgID: org, Username: name, RegistrationCode: code}
	}
	return map[string]api.InitRegistrationRequest{
		"nobody":                     in(h.Org.ID, "nobody99@example.org", nobodysCode),
		"nobody, somebody's code":    in(h.Org.ID, "nobody98@example.org", invited.RegistrationCode),
		"invited, wrong code":        in(h.Org.ID, invited.Username, nobodysCode),
		"registered, wrong code":     in(h.Org.ID, registered.Username, nobodysCode),
		"revoked, wrong code":        in(h.Org.ID, revoked.Username, nobodysCode),
		"expired, wrong code":        in(h.Org.ID, expired.Username, nobodysCode),
		"of another organisation":    in(h.Org.ID, foreign.Username, foreign.RegistrationCode),
		"in another organisation":    in(elsewhere.ID, invited.Username, invited.RegistrationCode),
		"in no organisation":         in("or-00000-00000-0000000000000000", invited.Username, invited.RegistrationCode),
		"code of another user":       in(h.Org.ID, invited.Username, foreign.RegistrationCode),
		"short code":                 in(h.Org.ID, invited.Username, "A"),
		"injection in the name":      in(h.Org.ID, invited.Username+"' OR '1'='1", invited.RegistrationCode),
		"injection in the code":      in(h.Org.ID, invited.Username, "' OR 1=1; --"),
		"wildcard in the name":       in(h.Org.ID, "%", invited.RegistrationCode),
		"name with NUL":              in(h.Org.ID, invited.Username+"\x00", invited.RegistrationCode),
		"name with replacement mark": in(h.Org.ID, invited.Username+"\ufffd", invited.RegistrationCode),
	}
}

// telling is what of an invitation no answer may repeat.
func telling(in api.InitRegistrationRequest) (all []string) {
	for _, s := range []string{in.Username, in.RegistrationCode} {
		if len(s) > 4 {
			all = append(all, s)
		}
	}
	return all
}

// Who asks for somebody learns nothing of whether there is such a person, be it from the
// answer or from its length, not by asking ten times either.
func TestEnumeration(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		all := strangers(t, h)
		took := map[string][]time.Duration{}
		for _, path := range []string{initPath, openPath} {
			shapes := map[string]string{}
			for name, in := range all {
				a := h.Post(t, path, in)
				h.Refused(t, a, world.Codes("registration_refused"), telling(in)...)
				shapes[name] = world.Shape(t, a)
			}
			world.Same(t, path, shapes)
		}
		for range 8 { // names that several of them share are closed sooner
			for name, in := range all {
				begin := time.Now()
				if a := h.Post(t, initPath, in); a.Code == "registration_refused" {
					took[name] = append(took[name], time.Since(begin))
				}
			}
		}
		for name, d := range took {
			slices.Sort(d)
			t.Logf("%-28s median %v", name, d[len(d)/2])
		}
		for _, path := range []string{initPath, openPath} {
			shapes := map[string]string{}
			for name, in := range all {
				a := h.Post(t, path, in)
				h.Refused(t, a, world.Codes("too_many_tries"), telling(in)...)
				if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" {
					t.Errorf("%s: %d, Retry-After %q", name, a.Status, a.Header.Get("Retry-After"))
				}
				shapes[name] = world.Shape(t, a)
			}
			world.Same(t, path, shapes)
		}
	})
}

// Asking for a new code tells nothing either.
func TestEnumerationByResend(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		all := strangers(t, h)
		took := map[string][]time.Duration{}
		for range 8 { // beyond the limit for one name
			shapes := map[string]string{}
			for name, in := range all {
				begin := time.Now()
				a := h.Send(t, "PUT", resendPath, nil, api.ResendRegistrationCodeRequest{OrgID: in.OrgID, Username: in.Username})
				took[name] = append(took[name], time.Since(begin))
				if a.Status != http.StatusOK {
					t.Errorf("%s: %d %s", name, a.Status, a.Body)
				}
				shapes[name] = world.Shape(t, a)
			}
			world.Same(t, resendPath, shapes)
		}
		for name, d := range took {
			slices.Sort(d)
			t.Logf("%-28s median %v", name, d[len(d)/2])
		}
	})
}

// Ten wrong codes close a name to guesses, under every spelling of the name and whatever address the
// client claims; other names stay open. The owner of the right code is let in all the same. The window
// passes, and a new invitation opens the name at once.
func TestGuessingOneName(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		victim, bystander := h.Invitee(t), h.Invitee(t)
		spellings := []string{victim.Username, strings.ToUpper(victim.Username), "G" + victim.Username[1:], wide(victim.Username)}
		for i := range 10 {
			in := victim.Request()
			in.Username, in.RegistrationCode = spellings[i%len(spellings)], nobodysCode
			path := []string{initPath, openPath}[i%2]
			header := http.Header{"X-Forwarded-For": {fmt.Sprintf("203.0.113.%d", i)}, "User-Agent": {fmt.Sprint(i)}}
			h.Refused(t, h.Send(t, "POST", path, header, in), world.Codes("registration_refused"))
		}
		for _, name := range spellings {
			in := bystander.Request()
			in.Username = name
			h.Refused(t, h.Post(t, initPath, in), world.Codes("too_many_tries"))
			h.Refused(t, h.Post(t, openPath, in), world.Codes("too_many_tries"))
			in = victim.Request()
			in.Username = name
			h.Post(t, initPath, in).Wants(t, "the right code for "+name, 200, "")
		}
		victim.Untouched(t)
		bystander.Registers(t)

		h.Clock.Advance(15*time.Minute + time.Second)
		victim.Begin(t)
		for range 10 {
			in := victim.Request()
			in.RegistrationCode = nobodysCode
			h.Refused(t, h.Post(t, initPath, in), world.Codes("registration_refused"))
		}
		in := victim.Request()
		in.RegistrationCode = nobodysCode
		h.Refused(t, h.Post(t, initPath, in), world.Codes("too_many_tries"))
		victim.Invitation = h.Invite(t, h.Org.ID, victim.Username)
		for range 9 {
			h.Refused(t, h.Post(t, initPath, in), world.Codes("registration_refused"))
		}
		victim.Registers(t)
	})
}

func wide(s string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r <= '~' {
			return r + 0xfee0
		}
		return r
	}, s)
}

// One address that makes names up is stopped, and then leaves no more rows behind: the
// table of counters must not fill a disk. The right code still opens, from there too.
func TestGuessingManyNames(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	g := h.Invitee(t)
	var next, refused, limited atomic.Int32
	guess := func() {
		for n := next.Add(1); n <= 1020; n = next.Add(1) {
			a := h.Send(t, "POST", initPath, http.Header{"X-Forwarded-For": {fmt.Sprintf("203.0.%d.%d", n/250, n%250)}},
				api.InitRegistrationRequest{OrgID: h.Org.ID, Username: fmt.Sprintf("nobody%d@example.org", n), RegistrationCode: nobodysCode})
			switch a.Code {
			case "registration_refused":
				refused.Add(1)
			case "too_many_tries":
				limited.Add(1)
			}
		}
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(guess)
	}
	wg.Wait()
	if refused.Load() != 1000 || limited.Load() != 20 {
		t.Errorf("%d refused and %d limited, want 1000 and 20", refused.Load(), limited.Load())
	}
	name := "made up in the end@example.org"
	h.Refused(t, h.Post(t, initPath, api.InitRegistrationRequest{OrgID: h.Org.ID, Username: name, RegistrationCode: nobodysCode}), world.Codes("too_many_tries"))
	n, _, err := h.DB.Throttled(context.Background(), h.Codes.Wrong.Key(h.Org.ID, name))
	if err != nil || n != 0 {
		t.Errorf("a try beyond the limit was written down %d times (%v)", n, err)
	}
	g.Registers(t)
}

// Who keeps asking for codes voids a few at most, and an address that asks for
// everybody is stopped as well.
func TestResendLimits(t *testing.T) {
	t.Parallel()
	h := world.Open(t, countersigntest.Mail())
	g, late := h.Invitee(t), h.Invitee(t)
	resend := func(name string) {
		if a := h.Send(t, "PUT", resendPath, nil, api.ResendRegistrationCodeRequest{OrgID: h.Org.ID, Username: name}); a.Status != http.StatusOK {
			t.Errorf("resend: %d %s", a.Status, a.Body)
		}
	}
	for range 20 {
		resend(g.Username)
	}
	issued, err := h.DB.Codes(context.Background(), h.Org.ID, g.UserID, "", 0)
	if err != nil || len(issued) != 6 {
		t.Errorf("%d codes after twenty requests (%v), want the first and five more", len(issued), err)
	}
	var next atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for n := next.Add(1); n <= 980; n = next.Add(1) {
				resend(fmt.Sprintf("nobody%d@example.org", n))
			}
		})
	}
	wg.Wait()
	resend(late.Username)
	late.Registers(t) // its code was not replaced
	g.Invitation = h.Invite(t, h.Org.ID, g.Username)
	g.Registers(t)
}

// People type codes as they can; what is another code stays one.
func TestTypedCodes(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		g := h.Invitee(t)
		code := g.RegistrationCode
		bare := strings.ReplaceAll(code, "-", "")
		try := func(typed string) world.Answer {
			in := g.Request()
			in.RegistrationCode = typed
			return h.Post(t, initPath, in)
		}
		look := strings.NewReplacer("0", "O", "1", "I")
		for name, typed := range map[string]string{
			"as it is":         code,
			"small letters":    strings.ToLower(code),
			"bare":             bare,
			"spaces":           strings.ReplaceAll(code, "-", " "),
			"all spaced out":   strings.Join(strings.Split(bare, ""), " "),
			"en dashes":        strings.ReplaceAll(code, "-", "–"),
			"no-break spaces":  strings.ReplaceAll(code, "-", "\u00a0"),
			"space around":     " \t" + code + "\r\n",
			"dots":             strings.ReplaceAll(code, "-", "."),
			"O for 0, I for 1": look.Replace(code),
			"o for 0, l for 1": strings.ToLower(strings.NewReplacer("0", "o", "1", "l").Replace(code)),
		} {
			if a := try(typed); a.Status != http.StatusOK {
				t.Errorf("%s (%q): %d %s", name, typed, a.Status, a.Body)
			}
		}
		swap := []byte(bare)
		for i := range len(swap) - 1 {
			if swap[i] != swap[i+1] {
				swap[i], swap[i+1] = swap[i+1], swap[i]
				break
			}
		}
		wrong := map[string]string{
			"one more":         code + "0",
			"one less":         code[:len(code)-1],
			"first lost":       code[1:],
			"twice":            code + code,
			"two swapped":      string(swap),
			"one changed":      string("AB"[bytes.IndexByte([]byte("BA"), pick(bare[0]))]) + bare[1:],
			"wide letters":     wide(bare),
			"half":             bare[:10],
			"empty":            "-",
			"spaces alone":     "    ",
			"percent":          strings.Repeat("%", 20),
			"stars":            "****-****-****-****-****",
			"question marks":   "????????????????????",
			"U is no V":        strings.Repeat("U", 20),
			"with NUL":         code + "\x00",
			"with zero width":  code[:4] + "\u200b" + code[4:],
			"with bidi":        "\u202e" + code,
			"with combining":   code + "\u0301",
			"with emoji":       code + "👍",
			"quoted":           `"` + code + `"`,
			"as a link":        g.RegistrationURL,
			"with its name":    "code=" + code,
			"longer than read": code + strings.Repeat(" ", 150),
		}
		n := 0
		for name, typed := range wrong {
			if n++; n%9 == 0 {
				h.Clock.Advance(16 * time.Minute) // or the limit would answer
			}
			ok := !t.Failed()
			h.Refused(t, try(typed), world.Codes("registration_refused"), code)
			if ok && t.Failed() {
				t.Errorf("… that was %s (%q)", name, typed)
			}
		}
		h.Refused(t, try(strings.Repeat("A", 257)), world.Codes("member_too_long"))
		h.Refused(t, try(strings.Repeat("A", 50000)), world.Codes("member_too_long"))
		g.Registers(t)
	})
}

// pick maps a letter of a code to A or B, whichever it is not.
func pick(b byte) byte {
	if b == 'A' {
		return 'A'
	}
	return 'B'
}
