package atlastest

import (
	"os/exec"
	"strings"
	"testing"
)

// The CLI that tests speak of is the one of the community that is pinned.
func TestCLI_isAtlas(t *testing.T) {
	out, err := exec.Command(CLI(t), "migrate", "--help").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "atlas migrate") {
		t.Errorf("%v\n%s", err, out)
	}
	if first, second := CLI(t), CLI(t); first != second {
		t.Errorf("built twice: %s, %s", first, second)
	}
}

// What cannot be built says why, and leaves nothing that would be taken for it.
func TestBuild_saysWhatIsWrong(t *testing.T) {
	if _, err := (program{name: "nowhere"}).build(t.Context()); err == nil || !strings.Contains(err.Error(), "there is nothing in") {
		t.Errorf("a module that is not there: %v", err)
	}
	p := program{name: "migrators", builds: "./nowhere", takes: "no time"}
	if _, err := p.in(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a package that is not there: %v", err)
	}
}
