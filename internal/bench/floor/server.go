package floor

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
)

// Server serves the two calls of a registration.
type Server struct {
	store  Store
	key    []byte // signs tokens and codes
	origin string
	rpID   string
}

// CodeKey is the key under which Seed's callers and Server compute the MAC of a code.
// It is no secret: the floor guards nothing.
var CodeKey = []byte("countersign bench floor code key")

// CodeMAC is what the floor keeps of a registration code.
func CodeMAC(code string) []byte {
	mac := hmac.New(sha256.New, CodeKey)
	mac.Write([]byte(strings.ReplaceAll(code, "-", "")))
	return mac.Sum(nil)
}

// NewServer returns a server whose pages would be at publicURL.
func NewServer(store Store, publicURL string) (*Server, error) {
	u, err := url.Parse(publicURL)
	if err != nil {
		return nil, err
	}
	s := &Server{store: store, key: make([]byte, 32), origin: publicURL, rpID: u.Hostname()}
	rand.Read(s.key)
	return s, nil
}

// Serve answers on ln until ctx ends.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{"application/json"}
		w.Write([]byte(`{"status":"ok"}`))
	})
	mux.HandleFunc("POST /auth/registration/init", s.init)
	mux.HandleFunc("POST /auth/registration", s.complete)
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { srv.Shutdown(context.WithoutCancel(ctx)) })
	defer stop()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// claims are what the token carries from init to complete.
type claims struct {
	UserID    string `json:"sub"`
	CodeID    string `json:"code"`
	Username  string `json:"name"`
	Challenge string `json:"challenge"`
	Expires   int64  `json:"exp"`
	App       app    `json:"https://custom/app_metadata"`
}

type app struct {
	OrgID     string `json:"orgId"`
	UserID    string `json:"userId"`
	TokenKind string `json:"tokenKind"`
}

var (
	b64       = base64.RawURLEncoding
	jwtHeader = b64.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "."
)

func (s *Server) init(w http.ResponseWriter, r *http.Request) {
	var in api.InitRegistrationRequest
	if !decode(w, r, &in) {
		return
	}
	now := time.Now()
	found, err := s.store.Invitation(r.Context(), in.Username, CodeMAC(in.RegistrationCode))
	if err != nil || found.Spent || found.Registered || found.ExpiresAt <= now.UnixMilli() {
		refuse(w, http.StatusUnauthorized, err)
		return
	}
	var nonce [32]byte
	rand.Read(nonce[:])
	challenge := b64.EncodeToString(nonce[:])
	token := s.seal(claims{found.UserID, found.CodeID, in.Username, challenge, now.Add(15 * time.Minute).Unix(), app{OrgID, found.UserID, "Temp"}})
	kinds := []string{api.KindFido2, api.KindKey, api.KindPasswordProtectedKey}
	answer(w, api.RegistrationChallenge{
		User:                         api.ChallengeUser{ID: found.UserID, DisplayName: in.Username, Name: in.Username},
		TemporaryAuthenticationToken: token,
		Challenge:                    challenge,
		RP:                           &api.RelyingParty{ID: s.rpID, Name: "Floor"},
		SupportedCredentialKinds:     api.SupportedCredentialKinds{FirstFactor: kinds, SecondFactor: kinds},
		AuthenticatorSelection:       api.AuthenticatorSelection{ResidentKey: "required", RequireResidentKey: true, UserVerification: "required"},
		Attestation:                  "none",
		PubKeyCredParams:             []api.PubKeyCredParam{{Type: "public-key", Alg: -7}, {Type: "public-key", Alg: -8}, {Type: "public-key", Alg: -257}, {Type: "public-key", Alg: -35}, {Type: "public-key", Alg: -36}},
		ExcludeCredentials:           []api.CredentialDescriptor{},
	})
}

func (s *Server) complete(w http.ResponseWriter, r *http.Request) {
	var in api.RegistrationRequest
	if !decode(w, r, &in) {
		return
	}
	now := time.Now()
	c, ok := s.open(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	if !ok || c.Expires < now.Unix() || in.FirstFactorCredential == nil {
		refuse(w, http.StatusUnauthorized, nil)
		return
	}
	info := in.FirstFactorCredential.CredentialInfo
	id, errID := b64.DecodeString(info.CredID)
	clientData, errData := b64.DecodeString(info.ClientData)
	object, errObject := b64.DecodeString(info.AttestationData)
	var client struct{ Type, Challenge, Origin string }
	if err := errors.Join(errID, errData, errObject, json.Unmarshal(clientData, &client)); err != nil ||
		client.Type != "webauthn.create" || client.Challenge != c.Challenge || client.Origin != s.origin {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	uuid := api.NewID(api.PrefixCredential, now)
	err := s.store.Register(r.Context(), Registration{
		UserID: c.UserID, CodeID: c.CodeID, CredentialUUID: uuid, Origin: client.Origin, RPID: s.rpID,
		CredentialID: id, AttestationObject: object, ClientData: clientData, At: now,
	})
	if err != nil {
		refuse(w, http.StatusUnauthorized, err)
		return
	}
	answer(w, api.RegistrationResult{
		Credential: api.RegisteredCredential{UUID: uuid, Kind: api.KindFido2, Name: "Default Credential"},
		User:       api.RegisteredUser{ID: c.UserID, Username: c.Username, OrgID: OrgID},
	})
}

// seal makes an HS256 JWT of c (RFC 7515 §3.1).
func (s *Server) seal(c claims) string {
	payload, _ := json.Marshal(c) // strings and numbers cannot fail
	text := jwtHeader + b64.EncodeToString(payload)
	return text + "." + b64.EncodeToString(s.mac(text))
}

func (s *Server) mac(text string) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func (s *Server) open(token string) (c claims, ok bool) {
	dot := strings.LastIndexByte(token, '.')
	if dot < len(jwtHeader) || token[:len(jwtHeader)] != jwtHeader {
		return c, false
	}
	sum, err := b64.DecodeString(token[dot+1:])
	if err != nil || !hmac.Equal(sum, s.mac(token[:dot])) {
		return c, false
	}
	payload, err := b64.DecodeString(token[len(jwtHeader):dot])
	return c, err == nil && json.Unmarshal(payload, &c) == nil
}

func decode(w http.ResponseWriter, r *http.Request, into any) bool {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(into)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
	}
	return err == nil
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

// refuse says why: only the benchmark reads it.
func refuse(w http.ResponseWriter, status int, err error) {
	text := http.StatusText(status)
	if err != nil {
		text = err.Error()
	}
	http.Error(w, text, status)
}
