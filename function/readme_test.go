package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alquimistaai/aurora-migrator/function/amazon"
	"github.com/alquimistaai/aurora-migrator/function/pipeline"
)

// What runs the README's commands: what CI calls, the stories of both front
// doors, and the walk through the cloud.
var runners = []string{"../.ci/run", "../Makefile", "../tools/cloud/*.py", "cmd/aurora-migrate/testdata/script/*.txtar", "testdata/script/*.txtar", "cmd/aurora-migrate/*_test.go"}

// Every command in the README runs in a test or in CI: in the words of the
// README, but for what stands for a value of the reader's own.
func TestReadme_everyCommandRuns(t *testing.T) {
	all := text(t, runners...)
	commands := readmeCommands(t)
	if len(commands) < 9 {
		t.Fatalf("only %d commands found in the README", len(commands))
	}
	for _, c := range commands {
		if !strings.HasPrefix(c, "sam ") && !runs(all, c) {
			t.Errorf("nothing runs this command of the README: %s", c)
		}
	}
}

// Those of sam run in the walk, which takes them from the README and ends with
// an error where one is left.
func TestReadme_walkRunsSam(t *testing.T) {
	if !strings.Contains(text(t, "../.ci/run"), "make cloud\n") || !strings.Contains(text(t, "../tools/cloud/walk.py"), `project.commands("sam")`) {
		t.Error("CI does not walk through the README's sam commands: make cloud, tools/cloud/walk.py")
	}
}

// Whatever can be set, and every command, is in the README.
func TestReadme_reference(t *testing.T) {
	readme := text(t, "../README.md")
	var names []string
	for _, s := range pipeline.Settings {
		names = append(names, s.Name)
	}
	_, err := amazon.FromSettings(map[string]string{"DB_NOSUCH": "x"})
	set := regexp.MustCompile(`DB_[A-Z_]+`).FindAllString(err.Error()[strings.LastIndex(err.Error(), "there are "):], -1)
	used := regexp.MustCompile(`Use: +"([a-z]+)[" ]`).FindAllStringSubmatch(text(t, "cmd/aurora-migrate/*.go"), -1)
	if len(set) < 5 || len(used) < 10 {
		t.Fatalf("found only the settings %q and the commands %q", set, used)
	}
	names = append(names, set...)
	for _, u := range used {
		names = append(names, u[1])
	}
	for _, name := range names {
		if !regexp.MustCompile(`(?m)^\|.*` + "`" + name + "`").MatchString(readme) {
			t.Errorf("%s is in no table of the README", name)
		}
	}
}

// text is that of all files that the patterns match.
func text(t *testing.T, patterns ...string) string {
	t.Helper()
	var all strings.Builder
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(b)
		}
	}
	return all.String()
}

// notCommands are the lines of the README's sh blocks that run no program.
var notCommands = regexp.MustCompile(`^export [A-Z_]+=`)

// readmeCommands are the lines of the README's sh blocks, what stands indented
// as a line of its own, and what the text names in between of make and
// aurora-migrate.
func readmeCommands(t *testing.T) (commands []string) {
	t.Helper()
	readme := text(t, "../README.md")
	for _, span := range regexp.MustCompile("`((?:[A-Z]+=\\S+ )?(?:make|aurora-migrate) [^`]+)`").FindAllStringSubmatch(readme, -1) {
		commands = append(commands, span[1])
	}
	fenced := false
	for line := range strings.Lines(readme) {
		text := strings.TrimSpace(line)
		indented := strings.HasPrefix(line, "    ") && regexp.MustCompile(`^(make|aurora-migrate|sam|aws) `).MatchString(text)
		switch {
		case strings.HasPrefix(text, "```"):
			fenced = text == "```sh"
		case (fenced || indented) && text != "" && !notCommands.MatchString(text):
			commands = append(commands, text)
		}
	}
	return commands
}

// ofTheReader are words of a command that differ from reader to reader.
var ofTheReader = regexp.MustCompile(`[<>$]|^(NAME|COMMAND|plan\.json|MAJOR=.*|(aurora-)?migrations-.*)$`)

// runs says that each word of the command that means something stands, in
// order, in one line that is run. A value of the reader's own may be anything.
func runs(all, command string) bool {
	var pattern []string
	command, _, _ = strings.Cut(command, " > ") // where to, says the shell
	for _, word := range strings.Fields(command) {
		switch {
		case ofTheReader.MatchString(word):
			pattern = append(pattern, `.*`)
		case strings.HasPrefix(word, "'{"):
			action := regexp.MustCompile(`"action":"(\w+)"`).FindStringSubmatch(word)
			pattern = append(pattern, `.*\b`+action[1]+`\b.*`)
		default:
			pattern = append(pattern, `.*`+regexp.QuoteMeta(word))
		}
	}
	return regexp.MustCompile(strings.Join(pattern, "")).MatchString(all)
}
