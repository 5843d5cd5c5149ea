package pages

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"path"
	"regexp"
	"strings"
	"sync"
)

//go:embed asset/*
var assetFiles embed.FS

const assetPath = "/assets/"

// asset is a style, script or picture. Its URL changes with its content, so browsers may cache it
// without limit.
type asset struct {
	url         string
	contentType string
	content     []byte
}

// assetOrder lists each asset after those it refers to: a reference is replaced by the other's URL,
// which becomes part of the content that is hashed.
var assetOrder = []string{
	"icon.svg", "mark.svg", "key.svg", "screen.svg", "phone.svg", "cloud.svg", "vault.svg", "stick.svg", "sheet.svg", "rosette.svg", "page.css", "signedin.css",
	"messages.js", "providers.js", "format.js", "session.js", "api.js", "view.js", "agent.js", "ceremony.js", "passkey.js",
	"offer.js", "explain.js", "onetime.js",
	"making.js", "recovery.js", "kept.js", "done.js", "link.js", "register.js",
	"secondmessages.js", "secondfactor.js",
	"loginmessages.js", "autofill.js", "login.js",
	"recovermessages.js", "waiting.js", "recover.js",
	"pagemessages.js", "draft.js", "page.js", "parts.js",
	"signmessages.js", "sign.js", "rows.js", "listpage.js",
	"cardmessages.js", "cards.js", "pendingmessages.js", "pendingrecovery.js",
	"accountmessages.js", "addmessages.js", "add.js",
	"accountview.js", "qr.js", "ask.js", "rename.js", "addpasskey.js", "handover.js", "codeapp.js", "recoverykey.js", "lastpasskey.js", "account.js",
	"assignmentmessages.js", "assignments.js",
	"accessmessages.js", "access.js",
	"peoplemessages.js", "peopleview.js", "names.js", "invite.js", "people.js",
	"rolesmessages.js", "assignees.js", "roles.js",
	"serviceaccountsmessages.js", "tokens.js", "create.js", "serviceaccounts.js",
	"auditmessages.js", "audit.js",
	"reference.js",
}

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// reference is how an asset names another.
var reference = regexp.MustCompile(`"\./[a-z]+\.[a-z]+"`)

type assetIndex struct{ byName, byPath map[string]*asset }

// assets is made when it is first asked for: most commands serve no page.
var assets = sync.OnceValue(func() assetIndex {
	index := assetIndex{byName: map[string]*asset{}, byPath: map[string]*asset{}}
	for _, name := range assetOrder {
		content, err := assetFiles.ReadFile("asset/" + name)
		if err != nil {
			panic("pages: " + err.Error())
		}
		content = reference.ReplaceAllFunc(content, func(quoted []byte) []byte {
			if a := index.byName[string(quoted[len(`"./`):len(quoted)-1])]; a != nil {
				return []byte(`"` + a.url + `"`)
			}
			return quoted
		})
		sum := sha256.Sum256(content)
		ext := path.Ext(name)
		a := &asset{
			url:         assetPath + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:8]) + ext,
			contentType: contentTypes[ext],
			content:     content,
		}
		index.byName[name], index.byPath[a.url] = a, a
	}
	return index
})

// assetURL returns the path that serves an asset.
func assetURL(name string) (string, error) {
	a, ok := assets().byName[name]
	if !ok {
		return "", unknownAsset(name)
	}
	return a.url, nil
}

type unknownAsset string

func (name unknownAsset) Error() string { return "no asset named " + string(name) }
