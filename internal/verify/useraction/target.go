package useraction

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SameTarget reports whether path and query of a request are those that were signed, and have
// OneMeaning. It is the rule for other services: what their queries mean is unknown, so the
// query must be signed.
func SameTarget(signed, sent string) bool {
	_, query, hasQuery := strings.Cut(signed, "?")
	_, sentQuery, sentHasQuery := strings.Cut(sent, "?")
	return OneMeaning(sent) && SamePath(signed, sent) && hasQuery == sentHasQuery && query == sentQuery
}

// SamePath reports whether the path of a request to this server is the one that was
// signed. Some SDKs sign the query and some do not: a signed query must match byte for byte,
// and an unsigned one is ignored.
func SamePath(signed, sent string) bool {
	path, query, hasQuery := strings.Cut(signed, "?")
	sentPath, sentQuery, _ := strings.Cut(sent, "?")
	return samePath(path, sentPath) && (!hasQuery || query == sentQuery)
}

// OneMeaning reports whether all servers read the path of a target alike. Routers and gateways
// disagree about dot segments, empty segments, path parameters, backslashes, encoded separators,
// characters that some normalise to dots or slashes, and encodings of encodings. So the handler
// could act on another path than the signer saw. The target is a path with or without its
// origin; of the query only the characters are checked.
func OneMeaning(target string) bool {
	for i := range len(target) {
		if target[i] <= ' ' || target[i] > '~' || target[i] == '#' || target[i] == '\\' {
			return false
		}
	}
	path, _, _ := strings.Cut(target, "?")
	if !strings.HasPrefix(path, "/") {
		var ok bool
		if path, ok = cutOrigin(path); !ok {
			return false
		}
		if path == "" { // the origin alone
			return true
		}
	}
	segments := strings.Split(path[1:], "/")
	for i, segment := range segments {
		if segment == "" && i == len(segments)-1 { // "/", or a slash at the end
			continue
		}
		if !plainSegment(segment) {
			return false
		}
	}
	return true
}

// cutOrigin returns what follows the origin of an absolute URL, which is nothing or begins with
// "/". The origin must be a host and perhaps a port, in the one way to write them.
func cutOrigin(target string) (path string, ok bool) {
	rest, ok := strings.CutPrefix(target, "https://")
	if !ok {
		if rest, ok = strings.CutPrefix(target, "http://"); !ok {
			return "", false
		}
	}
	i := strings.IndexByte(rest+"/", '/')
	authority, path := rest[:i], rest[i:]
	host, port, hasPort := authority, "", false
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, port, hasPort = authority[:i], authority[i+1:], true
	}
	if n, err := strconv.ParseUint(port, 10, 16); hasPort && (err != nil || n == 0 || port[0] == '0') {
		return "", false
	}
	if address, bracketed := strings.CutPrefix(host, "["); bracketed {
		address, closed := strings.CutSuffix(address, "]")
		return path, closed && address != "" && strings.Trim(address, "0123456789abcdefABCDEF:.") == ""
	}
	return path, host != "" && !strings.ContainsFunc(host, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_')
	})
}

const (
	// separators end a segment, or the path, for some server, once it has decoded or normalised
	// them: slashes, backslashes, path parameters, query and fragment, with the characters that
	// Unicode or a code page maps to them.
	separators = `/\;?#` + "／⁄∕⧸⟋╱＼﹨∖⧵⧹℀℁℅℆" + "；﹔︔\u037e" + "？﹖" + "＃﹟"
	// dots are what Unicode maps to one or several full stops.
	dots = ".．․‥…﹒︒。｡︙︰"
	// percents are what Unicode maps to "%".
	percents = "%％﹪"
)

// plainSegment reports whether a segment of a path means the same to every server.
func plainSegment(segment string) bool {
	decoded, err := url.PathUnescape(segment)
	if err != nil || decoded == "" || !utf8.ValidString(decoded) || strings.ContainsAny(decoded, separators) {
		return false
	}
	if strings.ContainsFunc(decoded, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return false
	}
	first, _ := utf8.DecodeRuneInString(decoded)
	last, _ := utf8.DecodeLastRuneInString(decoded)
	if first == ' ' || last == ' ' || strings.ContainsRune(dots, last) { // Windows drops them at the end
		return false
	}
	for i, c := range decoded { // encoded once more
		if strings.ContainsRune(percents, c) && strings.IndexAny(decoded[i+utf8.RuneLen(c):], "0123456789abcdefABCDEFuU") == 0 {
			return false
		}
	}
	return true
}

// samePath compares two paths after decoding the percent-encoding of their segments, so that
// an encoded slash does not equal a slash.
func samePath(a, b string) bool {
	if a == b {
		return true
	}
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	if len(as) != len(bs) {
		return false
	}
	for i := range as {
		x, errX := url.PathUnescape(as[i])
		y, errY := url.PathUnescape(bs[i])
		if errX != nil || errY != nil || x != y {
			return false
		}
	}
	return true
}
