// Package mirror knows where the files of a Debian archive may be had: which
// roots the user or the host names, and which address a file has below each.
// It needs nothing outside the standard library.
package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// Variable is the environment variable that names archive roots, separated by
// white space. A root may be that of a snapshot service at some time.
const Variable = "DEBIAN_MIRROR"

// ErrNone says that neither the environment nor the host names a mirror.
var ErrNone = errors.New("no Debian mirror is known: set " + Variable +
	" to the root of one (the folder that holds dists/ and pool/)")

// List holds archive roots without a trailing slash, most wanted first.
type List []string

// Find returns the roots in the environment, or else those that apt on this
// host uses for the component main. getenv is os.Getenv outside tests.
func Find(ctx context.Context, getenv func(string) string) (List, error) {
	if roots := Parse(getenv(Variable)); len(roots) > 0 {
		return roots, nil
	}
	cmd := exec.CommandContext(ctx, "apt-get", "indextargets", "--no-release-info",
		"--format", "$(REPO_URI) $(COMPONENT)")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("asking apt-get for its mirrors (%w): %w", err, ErrNone)
	}
	if roots := parseTargets(out); len(roots) > 0 {
		return roots, nil
	}
	return nil, ErrNone
}

// Parse reads a list of roots separated by white space.
func Parse(value string) List {
	var roots List
	for _, root := range strings.Fields(value) {
		roots = roots.add(strings.TrimRight(root, "/"))
	}
	return roots
}

// parseTargets reads lines of "ROOT COMPONENT" and keeps the HTTP roots of the
// component main.
func parseTargets(out []byte) List {
	var roots List
	for line := range bytes.Lines(out) {
		words := strings.Fields(string(line))
		if len(words) == 2 && words[1] == "main" && strings.HasPrefix(words[0], "http") {
			roots = roots.add(strings.TrimRight(words[0], "/"))
		}
	}
	return roots
}

// URLs returns the addresses at which the file at path, below an archive's
// root, may be found. Files of the security archive (pool/updates/…,
// dists/…-security/…) live under a sibling root, and a point release moves
// them into the main pool; both places are named.
func (l List) URLs(path string) []string {
	var urls List
	inPool, updates := strings.CutPrefix(path, "pool/updates/")
	for _, root := range l {
		switch {
		case isSecurity(path):
			urls = urls.add(securityRoot(root) + "/" + path)
		case !strings.Contains(root+"/", "/debian-security/"):
			urls = urls.add(root + "/" + path)
		}
	}
	if updates {
		urls = append(urls, l.URLs("pool/"+inPool)...)
	}
	return urls
}

// isSecurity tells whether path belongs to the security archive.
func isSecurity(path string) bool {
	if strings.HasPrefix(path, "pool/updates/") {
		return true
	}
	suite, ok := strings.CutPrefix(path, "dists/")
	suite, _, _ = strings.Cut(suite, "/")
	return ok && strings.HasSuffix(suite, "-security")
}

// securityRoot is the root of the security archive that goes with root: the
// sibling named debian-security where root has a component debian.
func securityRoot(root string) string {
	parts := strings.Split(root, "/")
	for i := len(parts) - 1; i > 2; i-- {
		if parts[i] == "debian" {
			parts[i] = "debian-security"
			break
		}
	}
	return strings.Join(parts, "/")
}

// add appends root unless it is there already.
func (l List) add(root string) List {
	if slices.Contains(l, root) {
		return l
	}
	return append(l, root)
}
