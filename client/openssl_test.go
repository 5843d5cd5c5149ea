package client_test

import (
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// recipes are the OpenSSL commands for the key files that people have. A signer refuses those
// in refused/; those in public/ are the public keys that OpenSSL derives.
var recipes = []string{
	"ecparam -name prime256v1 -genkey -noout -out p256-sec1.pem",
	"ecparam -name prime256v1 -genkey -out p256-sec1-with-parameters.pem",
	"genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384-pkcs8.pem",
	"ecparam -name secp521r1 -genkey -noout -out p521-sec1.pem",
	"genpkey -algorithm ed25519 -out ed25519-pkcs8.pem",
	"genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa-pkcs8.pem",
	"rsa -traditional -in rsa-pkcs8.pem -out rsa-pkcs1.pem",
	"ecparam -name secp256k1 -genkey -noout -out secp256k1-sec1.pem",
	"ecparam -name secp256k1 -genkey -out secp256k1-sec1-with-parameters.pem",
	"pkcs8 -topk8 -nocrypt -in secp256k1-sec1.pem -out secp256k1-pkcs8.pem",

	"ecparam -name brainpoolP256r1 -genkey -noout -out refused/brainpool-sec1.pem",
	"req -x509 -key p256-sec1.pem -subj /CN=localhost -days 1 -out refused/certificate.pem",
	"genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:1024 -out refused/dsa-parameters.pem",
	"genpkey -paramfile refused/dsa-parameters.pem -out refused/dsa.pem",
	"genpkey -algorithm ed448 -out refused/ed448-pkcs8.pem",
	"rsa -traditional -aes256 -passout pass:test -in rsa-pkcs8.pem -out refused/encrypted-pkcs1.pem",
	"pkcs8 -topk8 -passout pass:test -in p256-sec1.pem -out refused/encrypted-pkcs8.pem",
	"ec -aes256 -passout pass:test -in p256-sec1.pem -out refused/encrypted-sec1.pem",
	"ecparam -name prime256v1 -param_enc explicit -genkey -noout -out refused/explicit-parameters-sec1.pem",
	"ecparam -name secp224r1 -genkey -noout -out refused/p224-sec1.pem",
	"pkey -pubout -in p256-sec1.pem -out refused/public-key.pem",
	"rsa -RSAPublicKey_out -in rsa-pkcs8.pem -out refused/public-pkcs1.pem",
	"genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out refused/rsa-1024-pkcs8.pem",
	"genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out refused/rsa-pss-pkcs8.pem",
	"genpkey -algorithm x25519 -out refused/x25519-pkcs8.pem",
}

// openSSL makes the key files, once for all tests, and returns all of them by name.
var openSSL = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "openssl")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for _, sub := range []string{"public", "refused"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	all := append([]string(nil), recipes...)
	for _, r := range recipes {
		if name := r[strings.LastIndexByte(r, ' ')+1:]; !strings.Contains(name, "/") {
			all = append(all, "pkey -pubout -in "+name+" -out public/"+name)
		}
	}
	files := map[string][]byte{}
	for _, r := range all {
		cmd := exec.Command("openssl", strings.Fields(r)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("openssl %s: %w: %s", r, err, out)
		}
		name := r[strings.LastIndexByte(r, ' ')+1:]
		if files[name], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	// OpenSSL cannot write the form of OpenSSH.
	files["refused/openssh.pem"] = pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: []byte("openssh-key-v1\x00none")})
	return files, nil
})

// file returns a key file that OpenSSL made.
func file(t testing.TB, name ...string) []byte {
	t.Helper()
	files, err := openSSL()
	if err != nil {
		t.Fatal(err)
	}
	b, ok := files[strings.Join(name, "/")]
	if !ok {
		t.Fatalf("no recipe makes %s", strings.Join(name, "/"))
	}
	return b
}
