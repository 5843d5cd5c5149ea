package webauthn

import "testing"

// TestStatementMembers reads statements without the attestation object around them, because some
// of these would make the object malformed.
func TestStatementMembers(t *testing.T) {
	alg, sig := []([]byte){cText("alg"), cInt(-7)}, []([]byte){cText("sig"), cBytes([]byte{1})}
	statement := func(members ...[][]byte) []byte {
		var items [][]byte
		for _, m := range members {
			items = append(items, m...)
		}
		return cMap(items...)
	}
	for name, test := range map[string]struct {
		raw  []byte
		good bool
	}{
		"both":                 {statement(alg, sig), true},
		"in another order":     {statement(sig, alg), true},
		"required alone":       {statement(alg), true},
		"optional alone":       {statement(sig), false},
		"none":                 {cMap(), false},
		"nothing":              {nil, false},
		"required twice":       {statement(alg, alg), false},
		"optional twice":       {statement(alg, sig, sig), false},
		"one that is not ours": {statement(alg, [][]byte{cText("x"), cInt(1)}), false},
		"of another format":    {statement(alg, [][]byte{cText("ver"), cText("2.0")}), false},
		"a byte after":         {append(statement(alg, sig), 0), false},
		"cut short":            {statement(alg, sig)[:10], false},
		"a name of bytes":      {statement([][]byte{cBytes([]byte("alg")), cInt(-7)}), false},
	} {
		f, err := parseStatement(test.raw, memberAlg, memberSig)
		if (err == nil) != test.good {
			t.Errorf("%s: %v", name, err)
		}
		if test.good && f.alg != -7 {
			t.Errorf("%s: alg %d", name, f.alg)
		}
	}
}
